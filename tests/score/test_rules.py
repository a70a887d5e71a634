"""The table of official rules: whole, and made of parsers that exist."""

from __future__ import annotations

from typing import get_args

from mlan.config.benchmarks import BenchmarkSetName
from mlan.score.parsers import PARSERS
from mlan.score.rules import RULES

BESIDE = {"squad", "okvqa", "aokvqa", "aokvqa_direct", "seedbench", "sciq", "winogrande", "bbh"}


def test_rules_cover_every_public_benchmark_and_those_that_are_only_scored() -> None:
    assert set(RULES) == set(get_args(BenchmarkSetName)) | BESIDE
    assert all(name == rule.name for name, rule in RULES.items())


def test_rules_name_parsers_sources_and_forms() -> None:
    for rule in RULES.values():
        assert rule.official in PARSERS
        assert set(rule.further) <= set(PARSERS) - {rule.official}
        assert all((rule.metrics, *rule.further.values()))
        assert rule.form in ("letter", "yes_no", "brief")
        assert rule.source.startswith(("github.com/", "arXiv "))


def test_rules_use_every_official_parser() -> None:
    used = {name for rule in RULES.values() for name in (rule.official, *rule.further)}
    assert used == set(PARSERS) - {"strict", "lenient"}
