"""What each run was trained on, in tokens, and its text share in three currencies.

Model: LM tokens = text tokens + image tokens, as measured by the mixture's accounting; padding is
not among them. Supervised tokens are the text tokens that carry loss. "75 % text" may mean three
things: that part of the examples, of the LM tokens (less, for an image costs many) or of the
supervised tokens. A cell's budget is the mean over its runs. Not here: what tokens cost in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.records import checked

MEAN = "mean"


@dataclass(frozen=True)
class Budget:
    """Measured training tokens of one run, or their mean over a cell's runs (`seed` = mean)."""

    cell: str
    seed: str
    runs: int
    examples: float
    text_examples: float
    text_of_text_tokens: float
    text_of_vision_tokens: float
    image_tokens: float
    supervised_text_tokens: float
    supervised_vision_tokens: float
    padding_tokens: float
    steps: float

    @property
    def lm_tokens(self) -> float:
        """Tokens that pass through the language model, padding excluded."""
        return self.text_of_text_tokens + self.text_of_vision_tokens + self.image_tokens

    @property
    def supervised_tokens(self) -> float:
        """Tokens that carry loss."""
        return self.supervised_text_tokens + self.supervised_vision_tokens

    @property
    def share_of_examples(self) -> float:
        """Part of the examples that are text-only, 0 to 1; NaN without any."""
        return _part(self.text_examples, self.examples)

    @property
    def share_of_lm_tokens(self) -> float:
        """Part of the LM tokens that text-only examples hold."""
        return _part(self.text_of_text_tokens, self.lm_tokens)

    @property
    def share_of_supervised_tokens(self) -> float:
        """Part of the supervised tokens that text-only examples hold."""
        return _part(self.supervised_text_tokens, self.supervised_tokens)


def read_tokens(folder: Path) -> pd.DataFrame:
    """Read tokens.csv of a summary folder. Raises IntegrityError."""
    # A source or cell may be called `null`: only the empty field is absent.
    texts = {"cell": str, "source": str}
    path = checked(folder / "tokens.csv")
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=texts)


def run_budgets(tokens: pd.DataFrame) -> list[Budget]:
    """Return one budget a run of tokens.csv, in the order of its cells, then by seed."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in tokens.to_dict("records"):
        named = {str(k): v for k, v in row.items()}
        found.setdefault(str(row["cell"]), {}).setdefault(int(row["seed"]), []).append(named)
    return [
        _budget(cell, seed, rows)
        for cell, of_seed in found.items()
        for seed, rows in sorted(of_seed.items())
    ]


def cell_budgets(tokens: pd.DataFrame) -> dict[str, Budget]:
    """Return the mean budget of every cell that has a run, by cell."""
    of_cell: dict[str, list[Budget]] = {}
    for run in run_budgets(tokens):
        of_cell.setdefault(run.cell, []).append(run)
    return {cell: _mean(own) for cell, own in of_cell.items()}


def _budget(cell: str, seed: int, rows: list[dict[str, Any]]) -> Budget:
    parts = [row for row in rows if row["modality"] in ("text", "vision")]
    # A source may be called `total` too; the row of the whole run has no modality of its own.
    total = next((r for r in rows if r["source"] == "total" and r not in parts), None)

    def summed(column: str, *modalities: str) -> float:
        return float(sum(row[column] for row in parts if row["modality"] in modalities))

    return Budget(
        cell=cell,
        seed=str(seed),
        runs=1,
        examples=summed("examples", "text", "vision"),
        text_examples=summed("examples", "text"),
        text_of_text_tokens=summed("text_tokens", "text"),
        text_of_vision_tokens=summed("text_tokens", "vision"),
        image_tokens=summed("image_tokens", "text", "vision"),
        supervised_text_tokens=summed("supervised_tokens", "text"),
        supervised_vision_tokens=summed("supervised_tokens", "vision"),
        padding_tokens=float(total["padding_tokens"]) if total else 0.0,
        steps=float(total["steps"]) if total else 0.0,
    )


def _mean(runs: list[Budget]) -> Budget:
    counts = [f.name for f in fields(Budget) if f.name not in ("cell", "seed", "runs")]
    means = {name: sum(getattr(run, name) for run in runs) / len(runs) for name in counts}
    return Budget(cell=runs[0].cell, seed=MEAN, runs=len(runs), **means)


def _part(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
