"""The collected numbers of a study, for commands that say something about its scores."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlan.config.claims import Measure
from mlan.errors import MlanError, nearest
from mlan.evidence.blocks import Cell
from mlan.evidence.curves import curve
from mlan.evidence.groups import groups
from mlan.evidence.results import BLOCKS, Key, Results, read_results
from mlan.grid import Grid
from mlan.records import RECORD
from mlan.report.summary import Summary, read_summary


@dataclass(frozen=True)
class Collected:
    """All scores of a study that have been collected, by cluster and as tables."""

    results: Results
    summary: Summary

    @property
    def curve(self) -> list[str]:
        """The cells of the curve over text shares."""
        return [cell.name for cell in curve(self.results.cells.values())]


def collected(grid: Grid) -> Collected:
    """Return what the workflow has collected of a study.

    Raises MlanError with the command to run if there is nothing yet; IntegrityError.
    """
    folder, name = grid.folder("summary"), grid.study.name
    if not (folder / RECORD).exists() or not (folder / BLOCKS).exists():
        raise MlanError(
            f"study {name!r}: no scores are collected yet; make run STUDY={name}, or make figures "
            f"STUDY={name} with what is finished"
        )
    identity = json.loads(grid.identity("collect"))
    cells = [Cell.of(entry) for entry in identity["cells"]]
    results = read_results(folder, cells, groups(identity["benchmarks"]))
    return Collected(results, read_summary(folder, json.loads(grid.identity("draw"))))


def measured_keys(results: Results) -> list[Key]:
    """Return every scorer and parser of the test part with the real picture."""
    found = dict.fromkeys(map(Key.of, results.blocks.values()))
    return [key for key in found if key == Key(key.scorer, key.parser)]


def measured_key(results: Results, primary: Measure, scorer: str | None, parser: str | None) -> Key:
    """Return the key of a scorer and parser; what is not named is as in `primary`.

    Of a scorer other than the primary one the first parser stands for none.
    Raises MlanError for what was not measured on the test part with the real picture.
    """
    if scorer is None or scorer == primary.scorer:
        scorer, parser = primary.scorer, parser or primary.parser
    found: dict[str, list[str]] = {}
    for key in measured_keys(results):
        found.setdefault(key.scorer, []).append(key.parser)
    if scorer not in found:
        raise MlanError(f"scorer = {scorer!r}: not measured; {nearest(scorer, found)}")
    named = found[scorer][0] if parser is None else parser
    if named not in found[scorer]:
        raise MlanError(
            f"parser = {named!r}: {scorer} was not read so; {nearest(named, found[scorer])}"
        )
    return Key(scorer, named)
