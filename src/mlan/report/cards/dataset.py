"""The dataset card of a study: its sources and benchmarks, their sizes, splits, overlap, licences.

Markdown with the front matter that data hubs read. Sizes are those of the records that prepared
the data. Not here: what a mixture took of it (the model cards).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from mlan.report.card import Licence, markdown_table
from mlan.report.page.facts import Facts
from mlan.report.page.trace import Step, Trace
from mlan.report.summary import Summary


def dataset_card(summary: Summary, facts: Facts, trace: Trace, used: Sequence[Licence]) -> str:
    """Return the text of dataset.md."""
    front = {"tags": ["mlan", "instruction tuning", "mixture"], "pretty_name": facts.study}
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
        f"# Data of study {facts.study}",
        facts.description,
        "## Sources",
        "Training instructions; of each, all examples that a mixture may draw from.",
        markdown_table(
            ("source", "modality", "origin", "examples", "rows dropped", "record"),
            (_source(step) for step in _of(trace, "prepare_source")),
        ),
        "## Benchmarks",
        "Evaluation items. The recipe and prompts are chosen on `dev`, `test` is reported; no "
        "item is in both.",
        markdown_table(
            ("benchmark", "modality", "origin", "dev", "test", "rows dropped", "record"),
            (_benchmark(step, facts) for step in _of(trace, "prepare_benchmark")),
        ),
        "## What sources and benchmarks share",
        *_shared(summary),
        "## Licences and attributions",
        "Derived from these works; keep the attributions when you pass it on.",
        markdown_table(
            ("work", "licence", "attribution"),
            ((one.work, one.licence, one.attribution) for one in used),
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _of(trace: Trace, stage: str) -> list[Step]:
    return [step for step in trace.shared if step.stage == stage]


def _source(step: Step) -> Sequence[Any]:
    told, counted = step.record["identity"], step.record["facts"]
    config = told["source"]
    return (
        *(told["name"], config.get("modality", "–"), origin(config)),
        *(counted.get("rows", "–"), counted.get("rejected", "–"), _short(step)),
    )


def _benchmark(step: Step, facts: Facts) -> Sequence[Any]:
    told, counted = step.record["identity"], step.record["facts"]
    known = facts.benchmarks.get(told["name"], {})
    return (
        *(told["name"], known.get("modality", "–"), origin(told["benchmark"])),
        *(counted.get("dev", "–"), counted.get("test", "–")),
        *(counted.get("rejected", "–"), _short(step)),
    )


def origin(config: Mapping[str, Any]) -> str:
    """Return in words where the rows of a source or benchmark come from."""
    if "relation" in config:
        shown = f", pictures of the set {config['images']}" if config.get("images") else ""
        return f"embedded facts: {config['relation']}{shown}"
    files = config.get("path")
    named = ", ".join(files) if isinstance(files, list) else files
    return f"{config.get('set') or config.get('adapter')}: {named}"


def _short(step: Step) -> str:
    return f"`{step.digest[:12]}`"


def _shared(summary: Summary) -> Iterator[str]:
    rows = [row for row in summary.shared if row["fraction"] > 0]
    if not summary.shared:
        yield "Not compared yet."
    elif not rows:
        yield "Compared by wording and pictures, exact and near: nothing."
    else:
        columns = (
            *("source", "benchmark", "part", "items"),
            *("exact_text", "near_text", "exact_image", "near_image"),
        )
        yield markdown_table(columns, (tuple(row[c] for c in columns) for row in rows))
