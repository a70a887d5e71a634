"""The stage: one fixed set of files, numbers as in the summary, doubtful input refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlan.errors import DataError, IntegrityError
from mlan.records import checked, read_record, write_csv, write_record
from mlan.report.draw import FIGURES, TABLES, draw
from mlan.report.exchange import FILES as EXCHANGED
from mlan.stage import Job

FEW = ("capital-text", "object")
FILES = {
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("pdf", "svg", "png", "csv")),
    *(f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")),
    *(f"exchange/{name}.csv" for name in EXCHANGED),
}


def test_draw_degraded_study_writes_the_full_set_of_files(job_of: Callable[..., Job]) -> None:
    job = job_of(
        benchmarks=FEW,
        shares=(0.0, 0.5, 1.0),
        seeds=(0, 1),
        missing=frozenset({(0.5, 1)}),
        others=(),
        blank=False,
        untuned=False,
    )
    stale = job.out / "figures" / "of_an_earlier_version.pdf"
    stale.parent.mkdir(parents=True)
    stale.touch()
    draw(job)
    record = read_record(job.out)
    assert set(record["outputs"]) == FILES
    assert record["facts"] == {"not_run": {"share-50": "1"}}
    measured = {*(f"figures/cost.{k}" for k in ("pdf", "svg", "png", "csv")), "tables/compute.md"}
    assert all((job.out / name).exists() for name in measured)  # and no record vouches for them
    assert not stale.exists()
    scores = pd.read_csv(job.inputs["summary"] / "scores.csv")
    drawn = pd.read_csv(checked(job.out / "figures" / "benchmarks.csv"), dtype={"seed": str})
    runs = drawn[drawn["seed"] != "mean"].astype({"seed": int})
    scores = scores[(scores["part"] == "test") & (scores["parser"] != "lenient")]
    scores["series"] = scores["scorer"].map({"generate": "strict", "label_logit": "option"})
    both = runs.merge(
        scores, left_on=["panel", "series", "cell", "seed"],
        right_on=["benchmark", "series", "cell", "seed"],
    )  # fmt: skip
    assert len(both) == len(runs) == len(FEW) * 2 * 5
    assert both["accuracy_pct"].to_list() == pytest.approx((100 * both["value"]).to_list(), 1e-5)


def test_draw_measured_times_change_no_record(job_of: Callable[..., Job]) -> None:
    job = job_of(benchmarks=FEW, shares=(0.0, 1.0), seeds=(0,), others=())
    draw(job)
    before, cost = read_record(job.out), (job.out / "figures" / "cost.csv").read_text()
    path = job.inputs["summary"] / "compute.csv"
    write_csv(path, pd.read_csv(path).assign(seconds=3600.0))
    draw(job)
    assert read_record(job.out) == before
    assert (job.out / "figures" / "cost.csv").read_text() != cost


def test_draw_without_claims_and_further_tables_says_so(job_of: Callable[..., Job]) -> None:
    job = job_of(benchmarks=FEW, shares=(0.0, 1.0), seeds=(0,), others=(), further=False)
    draw(job)
    assert set(read_record(job.out)["outputs"]) == FILES
    assert (job.out / "tables" / "claims.md").read_text().rstrip().endswith(
        "Empty: the study states no claims."
    )  # fmt: skip


def test_draw_changed_summary_is_refused(job_of: Callable[..., Job]) -> None:
    job = job_of(benchmarks=FEW, shares=(0.0,), seeds=(0,))
    path = job.inputs["summary"] / "intervals.csv"
    path.write_text(path.read_text().replace("0.25", "0.26", 1))
    with pytest.raises(IntegrityError, match=r"intervals\.csv: differs from what its record says"):
        draw(job)


def test_draw_table_without_a_column_is_refused(job_of: Callable[..., Job]) -> None:
    job = job_of(benchmarks=FEW, shares=(0.0,), seeds=(0,))
    folder = job.inputs["summary"]
    drop_column(folder, "intervals", "covers")
    with pytest.raises(DataError) as caught:
        draw(job)
    assert caught.value.lines == (
        f"{folder / 'intervals.csv'}: column 'covers' is missing; run the collect stage again",
    )


def drop_column(folder: Path, name: str, column: str) -> None:
    write_csv(folder / f"{name}.csv", pd.read_csv(folder / f"{name}.csv").drop(columns=column))
    outputs = sorted(folder.glob("*.csv"))
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=outputs)
