"""The table of official rules: whole, and made of parsers that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from mlan.config.benchmarks import BenchmarkSetName
from mlan.score.metrics import METRICS
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


def test_rules_name_metrics_that_exist() -> None:
    used = {m for rule in RULES.values() for m in (*rule.metrics, *sum(rule.further.values(), ()))}
    assert used == set(METRICS)


def told(section: str) -> dict[str, str]:
    """What a section's table says of every name in its first column."""
    text = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")
    lines = text.split(f"\n## {section}\n")[1].split("\n## ")[0].splitlines()
    rows = [line.split("|")[1:3] for line in lines if line.startswith("| `")]
    return {name: cell for names, cell in rows for name in re.findall(r"`(\w+)`", names)}


def test_rules_are_in_the_documentation() -> None:
    rules = told("Rules")
    assert set(rules) == set(RULES)
    assert all(f"`{rule.official}`" in rules[name] for name, rule in RULES.items())


def test_metrics_are_in_the_documentation() -> None:
    assert set(told("Metrics")) == {*METRICS, "auroc"}
