"""Made-up results of the statistics: what stands beside the scores, and the claims' verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.records import write_csv, write_record

Cells = Mapping[str, tuple[float | None, list[int], list[int]]]
_MEASURES = (("generate", "strict"), ("label_logit", "argmax"))


def signal(scores: pd.DataFrame) -> pd.DataFrame:
    """Every benchmark decides but the colour."""
    rows = [
        {
            "benchmark": name,
            "modality": "vision",
            "scorer": scorer,
            "parser": parser,
            "cells": 6,
            "seeds": 3,
            "spread": 0.2 if name != "colour" else 0.02,
            "best_cell": "share-50",
            "worst_cell": "share-0",
            "seed_sd": 0.03,
            "ratio": 6.667 if name != "colour" else 0.667,
            "p": 0.001 if name != "colour" else 0.8,
            "decides": name != "colour",
            "why": "" if name != "colour" else "cells cannot be told apart",
        }
        for name in dict.fromkeys(scores["benchmark"])
        for scorer, parser in _MEASURES
    ]
    return pd.DataFrame(rows)


def ties(scores: pd.DataFrame) -> pd.DataFrame:
    """Cells less than .08 below the best of their row are tied with it."""
    asked = (scores["part"] == "test") & (scores["condition"] == "real")
    asked &= scores["cell"].str.startswith("share")
    rows = []
    keys = ["benchmark", "scorer", "parser"]
    for (name, scorer, parser), own in scores[asked].groupby(keys, sort=False):
        means = own.groupby("cell", sort=False)["value"].agg(["mean", "size"])
        best = str(means["mean"].idxmax())
        for cell, row in means.iterrows():
            below = float(means["mean"].max() - row["mean"])
            rows.append(
                {
                    "benchmark": name,
                    "modality": "vision",
                    "scorer": scorer,
                    "parser": parser,
                    "cell": cell,
                    "value": row["mean"],
                    "best_cell": best,
                    "below_best": below,
                    "p": 1.0 if cell == best else 0.2 if below < 0.08 else 0.001,
                    "tied": below < 0.08,
                    "seeds": int(row["size"]),
                }
            )
    return pd.DataFrame(rows)


def losses(cells: Cells) -> pd.DataFrame:
    """Four sources over 60 steps in stretches of three; a source of one modality only."""
    rows = []
    for cell, (share, _, done) in cells.items():
        for seed in done if share is not None else ():
            for modality, part in (("text", share), ("vision", 1 - share)):
                for letter in "ab" if part > 0 else "":
                    for first in range(0, 60, 3):
                        wave = 0.1 * math.sin(7 * first + seed)
                        rows.append(
                            {
                                "cell": cell,
                                "seed": seed,
                                "source": f"{modality}-{letter}",
                                "modality": modality,
                                "first_step": first,
                                "last_step": first + 2,
                                "loss": 0.5 + 3 * math.exp(-first / 15 - part) + wave,
                                "tokens": 40 * part,
                            }
                        )
    return pd.DataFrame(rows)


def answers(cells: Cells, benchmarks: Sequence[str]) -> pd.DataFrame:
    """Answers get longer with text; `object` alone asks for yes or no."""
    rows = [
        {
            "cell": cell,
            "seed": seed,
            "benchmark": name,
            "part": "test",
            "condition": "real",
            "n": 80,
            "words": 1.5 + 2 * (share or 0) + 0.1 * place,
            "characters": 9.0 + 10 * (share or 0),
            "cut_rate": 0.02 if share is not None else 0.9,
            "empty_rate": 0.0,
            "yes_rate": 0.3 + 0.4 * (share or 0) if name == "object" else math.nan,
            "gold_yes_rate": 0.5 if name == "object" else math.nan,
            "yes_no_items": 80 if name == "object" else 0,
        }
        for cell, (share, _, done) in cells.items()
        for seed in done
        for place, name in enumerate(benchmarks)
    ]
    return pd.DataFrame(rows)


def compute(cells: Cells) -> pd.DataFrame:
    """Less text takes longer; only training counts operations. All tuned cells share stage 1."""
    tuned = [cell for cell, (share, *_) in cells.items() if share is not None]
    stage1 = {
        "stage": "align",
        "seconds": 130,
        "tokens": 34000,
        "tokens_per_s": 385.2,
        "tflop": 20.0,
        "cores": 2,
        "peak_mb": 2368,
        "stack": "base",
        "shared_by": ";".join(tuned),
    }
    rows = [
        {
            "cell": cell,
            "seed": seed,
            "stage": stage,
            "seconds": seconds * (2 - (share or 0)) + seed,
            "tokens": 16000,
            "tokens_per_s": 265.8,
            "tflop": 8 - 4 * (share or 0) if stage == "tune" else None,
            "processes": 1 if stage == "tune" else None,
            "cores": 2,
            "peak_mb": 2842,
        }
        for cell, (share, _, done) in cells.items()
        for seed in done
        for stage, seconds in (("mix", 0.2), ("tune", 60), ("predict", 50), ("score", 0.3))
        if share is not None or stage in ("predict", "score")
    ]
    return pd.DataFrame([stage1, *rows])


def claim(name: str, **changes: Any) -> dict[str, Any]:
    """A row of claims.csv."""
    row = {
        "id": name,
        "sentence": "A text-heavy mixture is not worse on vision than a vision-heavy one.",
        "source": "MLAN v3, abstract",
        "family": "primary",
        "experiment": "sweep",
        "rule": "superiority",
        "score": "vision average",
        "scorer": "generate",
        "parser": "strict",
        "estimand": "score of share-75 less score of share-25",
        "value": 0.05,
        "low": 0.01,
        "high": 0.09,
        "level": 0.95,
        "standard_error": 0.02,
        "df": 12.0,
        "seeds": 3,
        "clusters": 212,
        "n": 480,
        "covers": "seeds and items",
        "margin": 0.0,
        "reason": "no margin",
        "p": 0.01,
        "p_adjusted": 0.02,
        "p_opposite_adjusted": 1.0,
        "verdict": "supported",
        "why": "",
        "registered": "before scores",
        "shown": "",
        "edge": math.nan,
        "range_low": math.nan,
        "range_high": math.nan,
        "direction": "",
        "seed_variance": "own",
    }
    assert set(changes) <= set(row), "no such column"
    return {**row, **changes}


NOT_RUN = {
    "value": math.nan,
    "low": math.nan,
    "high": math.nan,
    "standard_error": math.nan,
    "df": math.nan,
    "p": math.nan,
    "p_adjusted": math.nan,
    "verdict": "not run",
    "why": "experiment tokens is not in this study",
}
CLAIMS = [
    claim("on_par_vision", rule="non_inferiority", margin=0.03, value=0.012, low=-0.02, high=0.045),
    claim("cliff_at_text_only", rule="cliff", value=0.11, low=0.04, high=0.18, margin=0.02,
          edge=1.0, range_low=0.1, range_high=0.75),
    claim("half_the_tokens", rule="token_ratio", score="", value=0.51, low=math.nan,
          high=math.nan, margin=0.6, level=math.nan, p_adjusted=math.nan, covers="exact"),
    claim("plateau_vision", family="secondary", rule="plateau", value=0.06, low=0.01, high=0.12,
          margin=0.04, verdict="undecided", p_adjusted=0.4, range_low=0.1, range_high=0.75),
    claim("knowledge_rises", family="secondary", rule="trend", value=-0.08, low=-0.12, high=-0.03,
          margin=0.02, verdict="contradicted", p_adjusted=0.99),
    claim("stated_late", family="secondary",
          sentence="A sentence that takes more letters than the two lines that a row of the figure "
          "has room for is not told there.", value=0.21, low=0.02, high=0.7, margin=0.05,
          registered="post hoc"),
    claim("token_budget", family="secondary", **NOT_RUN),
]  # fmt: skip


def recommend(cells: Cells) -> pd.DataFrame:
    """The best share falls as the weight of vision rises; neighbours are in the set."""
    shares = sorted(share for share, _, _ in cells.values() if share is not None)
    shares = sorted(set(shares))
    rows = []
    for price in (0.0, 5.0):
        for tenth in range(11):
            best = round((len(shares) - 1) * (1 - tenth / 10))
            for place, share in enumerate(shares):
                rows.append(
                    {
                        "weight_vision": tenth / 10,
                        "price_points": price,
                        "cell": f"share-{100 * share:g}",
                        "text_share": share,
                        "share_of_lm_tokens": share**1.5,
                        "share_of_supervised_tokens": share**0.5,
                        "lm_tokens": 16000 - 4000 * share,
                        "utility": 0.5 - 0.05 * abs(place - best),
                        "low": -0.02,
                        "high": 0.03,
                        "in_set": abs(place - best) <= 1,
                        "is_best": place == best,
                        "crossfitted": 0.48,
                        "seeds": 3,
                        "covers": "seeds and items",
                    }
                )
    return pd.DataFrame(rows)


def power() -> pd.DataFrame:
    """What the design could have seen of the first claim."""
    return pd.DataFrame(
        [{"id": "on_par_vision", "family": "primary", "standard_error": 0.02, "df": 10.0,
          "detectable": 0.05, "expected": 0.05, "power_at_expected": 0.8, "seeds": 3,
          "seeds_needed": 5, "components": "own results"}]
    )  # fmt: skip


def sensitivity(cells: Cells) -> pd.DataFrame:
    """The text average rises with text, the vision average falls by signal alone."""
    shares = {cell: share for cell, (share, _, _) in cells.items()}
    curve = [cell for cell, share in shares.items() if share is not None and "share" in cell]
    weights = {"equal": "0.5;0.5", "chance_corrected": "0.6;0.4", "signal": "0.25;0.75"}
    rows = []
    for score, members in (
        ("text average", "capital-text;language-text"),
        ("vision average", "object;flag"),
    ):
        for weighting, shown in weights.items():
            falls = (score, weighting) == ("vision average", "signal")
            for cell, share in shares.items():
                value = 0.5 + 0.2 * ((1 - share if falls else share) if share is not None else -1)
                place = curve.index(cell) if cell in curve else math.nan
                rows.append(
                    {
                        "score": score,
                        "scorer": "generate",
                        "parser": "strict",
                        "condition": "real",
                        "weighting": weighting,
                        "cell": cell,
                        "text_share": share,
                        "value": value,
                        "low": value - 0.05,
                        "high": value + 0.05,
                        "seeds": 3,
                        "clusters": 212,
                        "n": 480,
                        "covers": "seeds and items",
                        "rank": 1 + place if falls else len(curve) - place,
                        "benchmarks": members,
                        "weights": shown,
                        "why": "",
                    }
                )
    return pd.DataFrame(rows)


def write_evidence(
    folder: Path, cells: Cells, claims: Sequence[Mapping[str, Any]] = CLAIMS
) -> Path:
    """Write claims, recommendation, power and sensitivities with their record."""
    tables = {
        "claims": pd.DataFrame(list(claims)),
        "recommend": recommend(cells),
        "power": power(),
        "sensitivity": sensitivity(cells),
    }
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    outputs = [folder / f"{name}.csv" for name in tables]
    write_record(folder, stage="claims", identity={}, code="0", inputs={}, outputs=outputs)
    return folder
