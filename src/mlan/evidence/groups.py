"""Which benchmarks are averaged together, from what the study says about each benchmark.

Only headline benchmarks count, each with equal weight whatever its number of items. Not here:
the averages themselves (`collect`) and their intervals (`intervals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MODALITIES = ("text", "vision")
TAUGHT_BY = ("pictures", "text", "either", "nobody")


@dataclass(frozen=True)
class Group:
    """A named set of benchmarks of one modality; `members` are sorted and never empty."""

    name: str
    modality: str
    members: tuple[str, ...]


def groups(benchmarks: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """Return the groups of a study: one average per modality, then the vision skills by teacher.

    `benchmarks` maps a name to its `modality`, `taught_by` and `headline`. The `taught by: X`
    groups hold vision benchmarks alone: they ask what pictures add to a skill that text could
    or could not have taught. A group without members is left out.
    """
    found = [
        _group(f"{modality} average", modality, benchmarks, {"modality": modality})
        for modality in MODALITIES
    ]
    found += [
        _group(f"taught by: {tag}", "vision", benchmarks, {"modality": "vision", "taught_by": tag})
        for tag in TAUGHT_BY
    ]
    return [group for group in found if group.members]


def _group(
    name: str,
    modality: str,
    benchmarks: Mapping[str, Mapping[str, Any]],
    wanted: Mapping[str, str],
) -> Group:
    members = sorted(
        benchmark
        for benchmark, entry in benchmarks.items()
        if entry["headline"] and all(entry[key] == value for key, value in wanted.items())
    )
    return Group(name, modality, tuple(members))
