"""`mlan diff`: two runs, cells or studies: configuration, data, code and paired scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from mlan.cli.collected import Collected, collected, measured_key
from mlan.cli.made_of import (
    ABSENT,
    NOT_MADE,
    Named,
    benchmark_folders,
    code,
    configuration,
    content_digest,
    data,
    differing,
    named,
)
from mlan.cli.words import console, show, table
from mlan.errors import MlanError
from mlan.evidence.compare import Difference, Side, common_cells, differences, unpaired_cells
from mlan.evidence.groups import MODALITIES
from mlan.evidence.results import Key
from mlan.grid import Grid

Pairs = Mapping[str, tuple[Any, Any]]

_AVERAGES = tuple(f"{modality} average" for modality in MODALITIES)


def run(
    first: str,
    second: str,
    study: str | None,
    scorer: str | None,
    parser: str | None,
    as_json: bool,
) -> None:
    """Print what two things of a kind differ in, and by how much their scores do."""
    a, b = named(first, study), named(second, study)
    if a.kind != b.kind:
        raise MlanError(f"{first!r} is a {a.kind}, {second!r} a {b.kind}; compare two of a kind")
    across = a.grid.study.path != b.grid.study.path
    made: dict[str, Pairs] = {
        "configuration": differing(*(configuration(side, across=across) for side in (a, b))),
        "data": differing(data(a), data(b)),
        "code": differing(code(a), code(b)),
    }
    scores, notes = _scores(a, b, scorer, parser, across)
    if as_json:
        print(json.dumps(_plain(a, b, made, scores, notes), indent=1, allow_nan=False))
        return
    screen = console()
    screen.print(Text(f"A = {a.label}, B = {b.label}\n", "bold"))
    for title, pairs in made.items():
        _show_pairs(screen, title, pairs)
    _show_scores(screen, a, scores, a.grid.config.report.confidence)
    for note in [*notes, *_further(a, b, across)]:
        screen.print(note, markup=False)


def _scores(
    a: Named, b: Named, scorer: str | None, parser: str | None, across: bool
) -> tuple[list[Difference], list[str]]:
    """Paired differences, and what could not be compared at all."""
    try:
        first = collected(a.grid)
        second = collected(b.grid) if across else first
    except MlanError as error:
        return [], list(error.lines)
    key = measured_key(first.results, a.grid.study.claims.primary, scorer, parser)
    confidence = a.grid.config.report.confidence
    items = [tuple(_items(side.grid).items()) if across else () for side in (a, b)]
    if a.cell is not None and b.cell is not None:
        sides = (
            Side(first.results, a.cell, a.seed, items[0]),
            Side(second.results, b.cell, b.seed, items[1]),
        )
        return list(differences(*sides, key, confidence)), []
    return _by_cell(first, second, key, confidence, items)


def _by_cell(
    first: Collected,
    second: Collected,
    key: Key,
    confidence: float,
    items: list[tuple[tuple[str, str], ...]],
) -> tuple[list[Difference], list[str]]:
    """Cells of equal name, and the names of the others."""
    found = [
        difference
        for cell in common_cells(first.results, second.results)
        for difference in differences(
            Side(first.results, cell, items=items[0]),
            Side(second.results, cell, items=items[1]),
            key,
            confidence,
        )
    ]
    alone = unpaired_cells(first.results, second.results)
    notes = [
        f"only in {letter}: {', '.join(c)}" for letter, c in zip("AB", alone, strict=True) if c
    ]
    return found, notes


def _items(grid: Grid) -> dict[str, str]:
    """Digests of the items of every benchmark that is prepared."""
    found = {name: content_digest(folder) for name, folder in benchmark_folders(grid).items()}
    return {name: digest for name, digest in found.items() if digest != NOT_MADE}


def _show_pairs(screen: Console, title: str, pairs: Pairs) -> None:
    if not pairs:
        screen.print(f"{title}: the same\n")
        return
    shown = table(title, "A", "B", left=3)
    for key, (a, b) in pairs.items():
        shown.add_row(Text(key), Text(_value(a)), Text(_value(b)))
    screen.print(shown)
    screen.print()


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_scores(screen: Console, a: Named, scores: list[Difference], confidence: float) -> None:
    studies = a.kind == "study"
    told = [d for d in scores if not studies or d.score in _AVERAGES]
    shown = table("score", "A", "B", "B - A", "interval", "covers")
    for found in told:
        name = f"{found.cell}, {found.score}" if studies else found.score
        shown.add_row(Text(name), *_numbers(found))
    if told:
        level = f"{100 * confidence:g} %"
        title = f"Scores in per cent; {level} intervals of paired differences, each by itself"
        show(screen, title, shown)


def _numbers(found: Difference) -> tuple[str, ...]:
    a, b = (ABSENT if v is None else f"{100 * v:.1f}" for v in (found.value, found.other_value))
    if found.interval is None:
        return a, b, ABSENT, ABSENT, found.why
    one = found.interval
    bounds = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}" if one.df > 0 else ABSENT
    return a, b, f"{100 * one.value:+.1f}", bounds, one.covers


def _further(a: Named, b: Named, across: bool) -> Iterable[str]:
    """Where to look next."""
    if a.kind == "study":
        yield "Every benchmark: --json. Two cells: mlan diff study:cell study:cell."
    elif not across:
        seed = "" if a.seed is None or a.seed != b.seed else f" --seed {a.seed}"
        study = a.grid.study.name
        yield f"The items that flipped: mlan show diff {a.cell} {b.cell}{seed} --study {study}"


def _plain(
    a: Named, b: Named, made: Mapping[str, Pairs], scores: list[Difference], notes: list[str]
) -> dict[str, Any]:
    return {
        "a": a.label,
        "b": b.label,
        "kind": a.kind,
        **{
            title: {key: {"a": pair[0], "b": pair[1]} for key, pair in pairs.items()}
            for title, pairs in made.items()
        },
        "scores": [_plain_score(found) for found in scores],
        "notes": notes,
    }


def _plain_score(found: Difference) -> dict[str, Any]:
    one = found.interval
    numbers = {} if one is None else {k: _known(v) for k, v in vars(one).items() if k != "value"}
    return {
        "cell_a": found.cell,
        "cell_b": found.other,
        "score": found.score,
        "a": found.value,
        "b": found.other_value,
        "difference": None if one is None else one.value,
        **numbers,
        "why": found.why,
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
