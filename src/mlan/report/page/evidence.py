"""Claims, recommendations, power and sensitivities of a study, as the claims stage wrote them.

Everything stays text until it is shown; a number is parsed where it is needed, and a field
that is empty is a number that does not exist (NaN). A table that a study
has no use for has no rows or no file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mlan.errors import DataError
from mlan.records import checked, read_record

Row = Mapping[str, str]

# Columns that the page reads; a file may have more.
COLUMNS = {
    "claims": "id sentence source family experiment rule score scorer parser estimand value low "
    "high level seeds n covers margin reason p_adjusted verdict why registered shown direction "
    "value_lenient value_option",
    "recommend": "weight_vision price_points cell text_share share_of_lm_tokens "
    "share_of_supervised_tokens utility low high in_set is_best crossfitted seeds covers",
    "recommend_otherwise": "scorer parser cell text_share utility in_set is_best",
    "power": "id detectable seeds_needed components",
    "sensitivity": "score weighting cell value low high rank benchmarks weights why",
    "signal": "benchmark scorer parser spread seed_sd ratio p decides why",
}


@dataclass(frozen=True)
class Evidence:
    """Rows of the tables of these names; empty where there is no file."""

    claims: tuple[Row, ...] = ()
    recommend: tuple[Row, ...] = ()
    recommend_otherwise: tuple[Row, ...] = ()
    power: tuple[Row, ...] = ()
    sensitivity: tuple[Row, ...] = ()
    signal: tuple[Row, ...] = ()


def read_evidence(summary: Path, evidence: Path | None) -> Evidence:
    """Read what there is. Raises DataError for a missing column, IntegrityError."""
    return Evidence(
        claims=_rows(evidence, "claims"),
        recommend=_rows(evidence, "recommend"),
        recommend_otherwise=_rows(evidence, "recommend_otherwise"),
        power=_rows(evidence, "power"),
        sensitivity=_rows(evidence, "sensitivity"),
        signal=_rows(summary, "signal"),
    )


def _rows(folder: Path | None, name: str) -> tuple[Row, ...]:
    if folder is None or f"{name}.csv" not in read_record(folder)["outputs"]:
        return ()
    path = folder / f"{name}.csv"
    frame = pd.read_csv(checked(path), keep_default_na=False, dtype=str)
    lacking = [column for column in COLUMNS[name].split() if column not in frame.columns]
    if lacking:
        raise DataError(f"{path}: column {lacking[0]!r} is missing; run the stage again")
    return tuple({str(k): v for k, v in row.items()} for row in frame.to_dict("records"))


def number(text: str | None) -> float:
    """Return a field as a number; NaN if it is empty or no number."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def is_true(text: str | None) -> bool:
    """Whether a field of a table of booleans says so."""
    return (text or "").lower() in ("true", "1", "1.0")
