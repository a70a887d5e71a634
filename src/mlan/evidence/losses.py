"""How the loss of every source fell in every run, short enough to be drawn.

Model: training leaves the mean loss of each source in each step (`losses.csv` beside the weights;
it stays when weights are dropped). Steps of a run are cut into at most `BINS` stretches of equal
length; a stretch's loss is the mean over its supervised tokens. Not here: what a curve looks like.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Run
from mlan.records import RECORD, checked

BINS = 20
COLUMNS = ["cell", "seed", "source", "modality", "first_step", "last_step", "loss", "tokens"]
_FILE = "losses.csv"


def loss_rows(runs: Sequence[Run], bins: int = BINS) -> Iterator[dict[str, Any]]:
    """Yield the loss of every run and source, stretch by stretch (`COLUMNS`).

    `loss` is nats a supervised token; steps count from 0. Runs that were not trained here, or by
    an external command, have none. Raises IntegrityError for a file that differs from its record.
    """
    for run in runs:
        folder = run.scores.parent / "weights"
        if not (folder / RECORD).exists() or not (folder / _FILE).exists():
            continue
        # No text stands for a missing value: a source may be called `null`.
        steps = pd.read_csv(checked(folder / _FILE), keep_default_na=False)
        modality = _modalities(run)
        for row in binned(steps, bins).to_dict("records"):
            source = str(row["source"])
            named = {"cell": run.cell.name, "seed": run.seed, "modality": modality.get(source, "")}
            yield {**named, **{str(key): value for key, value in row.items()}}


def binned(steps: pd.DataFrame, bins: int = BINS) -> pd.DataFrame:
    """Return the mean loss a token of every source in stretches of a run's steps.

    `steps` has `step`, `source`, `loss`, `tokens`; a stretch without the source has no row.
    Sources keep the order of their names.
    """
    columns = ["source", "first_step", "last_step", "loss", "tokens"]
    if steps.empty:
        return pd.DataFrame(columns=columns)
    total = int(steps["step"].max()) + 1
    length = math.ceil(total / bins)
    place = steps["step"] // length
    summed = (
        steps.assign(place=place, nats=steps["loss"] * steps["tokens"])
        .groupby(["source", "place"], sort=True)[["nats", "tokens"]]
        .sum()
        .reset_index()
    )
    first = summed["place"] * length
    return summed.assign(
        first_step=first,
        last_step=(first + length - 1).clip(upper=total - 1),
        loss=summed["nats"] / summed["tokens"],
    )[columns]


def _modalities(run: Run) -> dict[str, str]:
    if run.mixture is None:
        return {}
    books = pd.read_csv(checked(run.mixture / "accounting.csv"), keep_default_na=False)
    return dict(zip(books["source"].astype(str), books["modality"], strict=True))
