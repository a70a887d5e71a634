"""What tuning gave and took, item by item, against the same model before stage 2.

Model: a run and its stage-1 model (`untuned`) answer the same items; each item is gained, lost,
kept right or kept wrong. Stage 1 trains the projector alone, so on text the stage-1 model is the
pretrained language model itself. An item is right if it earned any credit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlan.evidence.blocks import NAMES, Run, read_outcomes
from mlan.evidence.groups import groups

Row = dict[str, Any]

_SCORED = ["benchmark", "part", "condition", "scorer", "parser"]
_COUNTS = ["n", "gained", "lost", "kept_right", "kept_wrong"]
COLUMNS = ["cell", "seed", "reference", *NAMES, *_COUNTS, "net"]
FLIPS = ["cell", "seed", *_SCORED, "item", "cluster", "was", "is"]
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
    left out. Raises IntegrityError; pandas' MergeError where a run holds an item twice.
    """
    counts: list[Row] = []
    flips: list[pd.DataFrame] = []
    for run in runs:
        reference = _untuned(run, runs)
        if reference is None:
            continue
        both = (
            _outcomes(run)
            .merge(
                _outcomes(reference).drop(columns="cluster"),
                on=[*_SCORED, "item"],
                suffixes=("", "_before"),
                validate="one_to_one",
            )
            .sort_values([*_SCORED, "item"])
        )
        own = {"cell": run.cell.name, "seed": run.seed, "reference": reference.cell.name}
        counts += [{**own, **row} for row in _counted(both, benchmarks)]
        flips.append(_flips(both).assign(cell=run.cell.name, seed=run.seed))
    table = pd.concat(flips, ignore_index=True)[FLIPS] if flips else pd.DataFrame(columns=FLIPS)
    return pd.DataFrame(counts, columns=COLUMNS), table


def _untuned(run: Run, runs: list[Run]) -> Run | None:
    """The run of a cell's stage-1 model: of its own seed if there is one, else of the only one."""
    found = [other for other in runs if other.cell.name == run.cell.untuned]
    same = [other for other in found if other.seed == run.seed]
    planned = len(found[0].cell.seeds) if found else 0
    return same[0] if same else found[0] if planned == 1 else None


def _outcomes(run: Run) -> pd.DataFrame:
    scores = read_outcomes(run.scores, [*_SCORED, "item", "cluster", "correct"])
    return scores[[*_SCORED, "item", "cluster"]].assign(right=scores["correct"] > 0)


def _counted(both: pd.DataFrame, benchmarks: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    found = {
        tuple(map(str, key)): changes(rows["right_before"], rows["right"])
        for key, rows in both.groupby(_SCORED)
    }
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


def _flips(both: pd.DataFrame) -> pd.DataFrame:
    scored = pd.Series(list(zip(both["scorer"], both["parser"], strict=True)), index=both.index)
    listed = (both["part"] == "test") & scored.isin(_LISTED)
    flipped = both[listed & (both["right"] != both["right_before"])]
    words = {True: "right", False: "wrong"}
    now = {"was": flipped["right_before"].map(words), "is": flipped["right"].map(words)}
    return flipped.assign(**now)
