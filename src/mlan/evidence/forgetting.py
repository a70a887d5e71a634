"""What tuning gave and took, item by item, against the same model before stage 2.

Model: a run and its stage-1 model (`untuned`) answer the same items; each item is gained, lost,
kept right or kept wrong. Stage 1 trains the projector alone, so on text the stage-1 model is the
pretrained language model itself. An item is right if it earned any credit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlan.evidence.blocks import NAMES, Run
from mlan.evidence.groups import groups
from mlan.evidence.outcomes import KEYS, Name, Outcomes, Reader

Row = dict[str, Any]

_COUNTS = ["n", "gained", "lost", "kept_right", "kept_wrong"]
COLUMNS = ["cell", "seed", "reference", *NAMES, *_COUNTS, "net"]
FLIPS = ["cell", "seed", *KEYS, "item", "cluster", "was", "is"]
# Scorers and parsers whose flips are listed.
_LISTED = (("generate", "strict"), ("label_logit", "argmax"))


@dataclass(frozen=True)
class Changes:
    """How many of `n` items a second run answers rightly that a first one does not, and so on."""

    n: int
    gained: int
    lost: int
    kept_right: int
    kept_wrong: int

    @property
    def net(self) -> int:
        """Items gained less items lost."""
        return self.gained - self.lost


def changes(was: ArrayLike, now: ArrayLike) -> Changes:
    """Count items by whether they were right (`was`) and are right (`now`), both (n,) booleans."""
    before, after = np.asarray(was, dtype=np.bool_), np.asarray(now, dtype=np.bool_)
    counted = (after & ~before, before & ~after, before & after, ~before & ~after)
    return Changes(before.size, *(int(kind.sum()) for kind in counted))


def forgetting(
    runs: list[Run], benchmarks: Mapping[str, Mapping[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the counts of every tuned run and group, and the items of the test part that flipped.

    A group's counts are sums over its benchmarks. Runs whose stage-1 model has no scores are
    left out; items are those that both runs hold. Raises IntegrityError.
    """
    counts: list[Row] = []
    flips: list[pd.DataFrame] = []
    reader, known = Reader(), dict[Path, Outcomes]()
    for run in runs:
        reference = _untuned(run, runs)
        if reference is None:
            continue
        if reference.scores not in known:
            known[reference.scores] = reader.read(reference.scores, reference.label)
        both = _compared(reader.read(run.scores, run.label), known[reference.scores])
        own = {"cell": run.cell.name, "seed": run.seed, "reference": reference.cell.name}
        counts += [{**own, **row} for row in _counted(both, benchmarks)]
        flips += [
            _flips(name, pair).assign(cell=run.cell.name, seed=run.seed)
            for name, pair in both.items()
            if name[1] == "test" and name[3:] in _LISTED
        ]
    table = pd.concat(flips, ignore_index=True)[FLIPS] if flips else pd.DataFrame(columns=FLIPS)
    return pd.DataFrame(counts, columns=COLUMNS), table


def _untuned(run: Run, runs: list[Run]) -> Run | None:
    """The run of a cell's stage-1 model: of its own seed if there is one, else of the only one."""
    found = [other for other in runs if other.cell.name == run.cell.untuned]
    same = [other for other in found if other.seed == run.seed]
    planned = len(found[0].cell.seeds) if found else 0
    return same[0] if same else found[0] if planned == 1 else None


@dataclass(frozen=True, eq=False)
class _Pair:
    """Items (N) that both runs hold, their clusters, and whether each was and is right."""

    items: NDArray[np.str_]
    clusters: NDArray[np.str_]
    was: NDArray[np.bool_]
    now: NDArray[np.bool_]


def _compared(run: Outcomes, reference: Outcomes) -> dict[Name, _Pair]:
    """Pair the outcomes of two runs item by item, in the order of names and items."""
    found = {}
    for name in sorted(run.layout.keys() & reference.layout.keys()):
        own, other = run.layout[name], reference.layout[name]
        now, was = (one.column(name, "correct") > 0 for one in (run, reference))
        clusters = own.clusters[own.code]
        items, at, before = own.items, np.arange(own.items.size), np.arange(other.items.size)
        if own is not other:
            items, at, before = np.intersect1d(
                own.items, other.items, assume_unique=True, return_indices=True
            )
        found[name] = _Pair(items, clusters[at], was[before], now[at])
    return found


def _counted(
    both: Mapping[Name, _Pair], benchmarks: Mapping[str, Mapping[str, Any]]
) -> Iterator[Row]:
    found = {name: changes(pair.was, pair.now) for name, pair in both.items()}
    for name, own in found.items():
        yield _row(name[0], benchmarks[name[0]]["modality"], name[1:], own)
    for group in groups(benchmarks):
        for key in dict.fromkeys(key[1:] for key in found):
            members = [found.get((name, *key)) for name in group.members]
            if None not in members:
                summed = pd.DataFrame([asdict(m) for m in members if m]).sum()
                total = Changes(*(int(summed[name]) for name in _COUNTS))
                yield _row(group.name, group.modality, key, total)


def _row(benchmark: str, modality: str, key: tuple[str, ...], own: Changes) -> Row:
    labels = dict(zip(NAMES, (benchmark, modality, *key), strict=True))
    return {**labels, **asdict(own), "net": own.net}


def _flips(name: Name, pair: _Pair) -> pd.DataFrame:
    at = np.flatnonzero(pair.was != pair.now)
    words = np.array(["wrong", "right"])
    changed = {"item": pair.items[at], "cluster": pair.clusters[at]}
    states = {"was": words[pair.was[at].astype(int)], "is": words[pair.now[at].astype(int)]}
    return pd.DataFrame({**changed, **states}).assign(**dict(zip(KEYS, name, strict=True)))
