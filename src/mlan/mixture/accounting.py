"""What a plan amounts to, per source: the artefact `accounting.csv`."""

from __future__ import annotations

import pandas as pd

from mlan.mixture.plan import padded_tokens

COLUMNS = [
    "source",
    "modality",
    "examples",
    "unique",
    "epochs",
    "text_tokens",
    "image_tokens",
    "supervised_tokens",
    "padding_tokens",
    "steps",
]


def account(plan: pd.DataFrame, sizes: dict[str, int]) -> pd.DataFrame:
    """Return one line a source, in name order; every column but two adds up over lines.

    `examples` are uses, `unique` distinct examples, `epochs` uses / size of the source;
    `text_tokens` leaves image tokens out; `padding_tokens` of a source is its rows' share of
    the padding (a row's padding is split by tokens); `steps` are the run's optimiser steps.
    """
    padding = _padding_per_line(plan)
    lines = []
    for (source, modality), part in plan.groupby(["source", "modality"], sort=True):
        image = int(part["image_tokens"].sum())
        lines.append(
            {
                "source": source,
                "modality": modality,
                "examples": len(part),
                "unique": int(part["example"].nunique()),
                "epochs": len(part) / sizes[str(source)],
                "text_tokens": int(part["tokens"].sum()) - image,
                "image_tokens": image,
                "supervised_tokens": int(part["supervised_tokens"].sum()),
                "padding_tokens": float(padding[part.index].sum()),
                "steps": int(plan["step"].max()) + 1,
            }
        )
    table = pd.DataFrame(lines)[COLUMNS]
    table["padding_tokens"] = _whole(table["padding_tokens"])
    whole = int(table[["text_tokens", "image_tokens", "padding_tokens"]].to_numpy().sum())
    assert whole == padded_tokens(plan), (whole, padded_tokens(plan))
    return table


def _whole(parts: pd.Series) -> pd.Series:
    """Round parts so that they still add up to the (whole) total."""
    edges = parts.cumsum().round().astype(int)
    return edges.diff().fillna(edges.iloc[0]).astype(int)


def _padding_per_line(plan: pd.DataFrame) -> pd.Series:
    """Split each row's padding over its examples by their tokens."""
    row = plan.groupby(["step", "row"])["tokens"].transform("sum")
    longest = row.groupby(plan["step"]).transform("max")
    return (longest - row) * plan["tokens"] / row
