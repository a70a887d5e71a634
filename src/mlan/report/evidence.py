"""Verdicts, the answer and power in memory, as the claims stage left them. Nothing is computed.

A study without claims has no such folder: everything here is then empty, and figures say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mlan.errors import DataError
from mlan.records import checked, read_record

COLUMNS = {
    "claims": "id sentence source family rule score scorer parser value low high level seeds "
    "clusters n covers margin p_adjusted verdict why registered",
    "recommend": "weight_vision price_points cell text_share share_of_lm_tokens "
    "share_of_supervised_tokens lm_tokens utility low high in_set is_best crossfitted seeds covers",
    "power": "id family detectable seeds seeds_needed",
    "sensitivity": "score weighting cell value low high rank benchmarks weights why",
}
_TEXTS = (
    *("id", "cell", "family", "sentence", "why", "shown", "source"),
    *("score", "benchmarks", "weights"),
)
NOT_RUN = "not run"
SILENT = (NOT_RUN, "withdrawn")  # verdicts without a number
POST_HOC = "post hoc"


@dataclass(frozen=True)
class Evidence:
    """The tables of the claims stage; each may be without rows."""

    claims: pd.DataFrame = field(default_factory=lambda: _empty("claims"))
    recommend: pd.DataFrame = field(default_factory=lambda: _empty("recommend"))
    power: pd.DataFrame = field(default_factory=lambda: _empty("power"))
    sensitivity: pd.DataFrame = field(default_factory=lambda: _empty("sensitivity"))


def read_evidence(folder: Path | None) -> Evidence:
    """Read the folder of the claims stage; None gives empty tables.

    Raises IntegrityError for a file that differs from its record, DataError for a table that
    lacks a column.
    """
    if folder is None:
        return Evidence()
    there = read_record(folder)["outputs"]
    found = {name: _read(folder, name) for name in COLUMNS if f"{name}.csv" in there}
    return Evidence(**found)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS[name].split())


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    # Only the empty field is "absent"; a claim may be called `none`.
    texts = dict.fromkeys(_TEXTS, str)
    frame = pd.read_csv(checked(path), keep_default_na=False, na_values=[""], dtype=texts)
    lacking = [column for column in COLUMNS[name].split() if column not in frame.columns]
    if lacking:
        raise DataError(f"{path}: column {lacking[0]!r} is missing; run the claims stage again")
    return frame
