"""What `mlan plan` says of time, work, memory, disk and downloads."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import pytest

from mlan.cli.words import flop, size, two
from mlan.cost import tasks
from mlan.grid import Grid
from mlan.records import write_json
from tests.cli.example import call, write_study


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert call("plan", *words, "--json") == 0
    plain: dict[str, Any] = json.loads(capsys.readouterr().out)
    return plain


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert call("plan", *words) == 0
    found = capsys.readouterr().out.splitlines()
    assert max(map(len, found)) <= 100
    return found


@pytest.mark.parametrize(
    ("number", "text"), [(7.14, "7.1"), (0.0316, "0.032"), (365.2, "370"), (12345.0, "12 000")]
)
def test_two_digits_that_count(number: float, text: str) -> None:
    assert two(number) == text


def test_sizes_and_operations_are_short() -> None:
    sizes = (0, 512, 3.42e6, 13.5e9, 365e9, 1.2e12)
    assert [size(n) for n in sizes] == ["-", "512 B", "3.42 MB", "13.5 GB", "365 GB", "1.2 TB"]
    assert [flop(n) for n in (0, 1.14e19, 2.4e5)] == ["-", "1.1e19", "2.4e5"]


@pytest.mark.usefixtures("known_speed")
def test_plan_tells_work_sharing_and_disk_of_tiny(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = lines(capsys, "tiny")

    (header,) = (line for line in shown if line.startswith("stage "))
    assert header.split() == [
        "stage",
        "jobs",
        "one",
        "job",
        "all",
        "FLOP",
        "tower",
        "memory",
        "disk",
    ]
    assert any(line.startswith("work: ") and line.endswith("%)") for line in shown)
    (stage1, untuned) = (line for line in shown if line.startswith("sharing saves "))
    assert stage1.endswith(": stage 1 once for all cells on it (2 jobs)")
    assert untuned.endswith(": the untuned model once for all seeds (1 job)")
    # Nothing of a hub, nothing assumed, nothing finished, no choice worth a table.
    assert not [line for line in shown if line.startswith(("download", "assumed", "earlier"))]
    assert not [line for line in shown if line.startswith("keep ")]


@pytest.mark.usefixtures("known_speed")
def test_plan_remembers_its_estimates_and_compares_them_with_finished_jobs(
    project: Path, grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "tiny")
    remembered = json.loads((grid.folder("state") / "estimates.json").read_text())
    assert len(remembered) == len(tasks(grid))
    run = grid.run_folder("text50", 0, "weights")
    half = remembered["cells/text50/seed0/weights"]["seconds"] / 2
    here = {"host": platform.node(), "cores": os.cpu_count()}
    write_json(run / "run.json", {**here, "seconds": half})

    shown = lines(capsys, "tiny")

    assert "earlier estimates / measured: tune 2 (1 job)" in shown
    speed = {"tokens_per_s": 1000.0, "train_seconds": half, "tokens": 1000}
    write_json(run / "run.json", {**here, "seconds": half, **speed})
    assert any(
        line.startswith("finished runs here: tune 1 000 tokens/s, ")
        for line in lines(capsys, "tiny")
    )


def test_named_gpu_needs_no_measurement_and_tells_gpu_hours(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = told(capsys, "tiny", "--gpu", "h100", "--mfu", "0.5")
    shown = lines(capsys, "tiny", "--gpu", "a100-40g")

    assert (one["gpu"], one["gflops"]) == ({"name": "h100", "mfu": 0.5}, None)
    assert any(line.startswith("GPU time: ") for line in shown)
    assert shown[-1].endswith("(1 x a100-40g at an assumed MFU of 45 %)")
    # An estimate for another machine is none of this one.
    assert not Path("results/tiny/state/estimates.json").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--gpu", "h1000"), "--gpu h1000: not known; "),
        (("--gpu", "h100", "--mfu", "45"), "--mfu 45: a share of the peak lies above 0"),
        (("--mfu", "0.4"), "--mfu: tells the speed of a GPU; name it with --gpu"),
    ],
)
def test_wrong_gpu_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], line: str
) -> None:
    assert call("plan", "tiny", *words) == 1

    assert capsys.readouterr().err.startswith(f"mlan: {line}")


@pytest.mark.usefixtures("known_speed")
def test_keep_of_the_study_is_marked_with_what_it_makes_impossible(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(project, keep="scores")

    shown = lines(capsys, "mine", "--gpu", "h100")

    start = next(n for n, line in enumerate(shown) if line.startswith("Weights of 6 runs, up to "))
    names = [line.split()[0] for line in shown[start + 2 : start + 6]]
    assert names == ["scores*", "adapters", "best", "all"]
    assert "another benchmark, condition or prompt; `mlan export`" in shown[start + 2]
    jobs = {
        stage["stage"]: stage["jobs"] for stage in told(capsys, "mine", "--gpu", "h100")["stages"]
    }
    assert jobs["prune"] == 6


def test_plan_of_the_papers_grid_needs_nothing_on_disk(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = {"repository": "hub:datasets/acme/sets", "path": "train.parquet"}
    source = {"adapter": "instruction_set", **hub}
    write_study(
        project,
        seeds=[0, 1, 2],
        data__image_size=336,
        data__sources__squad={**source, "set": "squad"},
        data__sources__vqav2={**source, "set": "vqav2"},
        data__sources__lcs={"adapter": "conversations", "modality": "vision", **hub},
        recipe__backbone={
            "language_model": "hub:meta-llama/Llama-2-7b-hf",
            "vision_tower": "hub:openai/clip-vit-large-patch14-336",
            "precision": "bf16",
        },
        recipe__align={
            "method": "plain",
            "captions": "lcs",
            "epochs": 1,
            "batch": 256,
            "naming_images": None,
            "feature_noise": 0,
        },
        recipe__mixture={
            "instances": 80_000,
            "match": "up",
            "text": {"squad": 1},
            "vision": {"vqav2": 1},
        },
        recipe__tune={
            "language_model": "full",
            "examples_per_step": 64,
            "weights": "fp32_master",
            "feature_noise": 0,
        },
        experiments__sweep__vary={"mixture.text_share": [n / 8 for n in range(9)]},
    )

    plain = told(capsys, "mine")
    shown = lines(capsys, "mine")

    # Nobody named a GPU, but no CPU tunes 7B; models and sources are on a hub that nobody asked.
    assert plain["gpu"] == {"name": "h100", "mfu": 0.45}
    assert len(plain["download"]["unlocked"]) == 3
    assert all(cell["assumed"] for cell in plain["cells"])
    middle = plain["cells"][4]
    assert middle["tokens"]["image"] == 40_000 * 576
    assert middle["tokens"]["text"] == 40_000 * 64 + 40_000 * 150
    rows = {row["source"]: row for row in middle["sources"]}
    assert rows["squad"]["epochs"] == pytest.approx(40_000 / 87_599, rel=1e-5)
    stages = {stage["stage"]: stage["seconds"] / 3600 for stage in plain["stages"]}
    # 7.15 GPU-hours a seed and 5.7 of stage 1; each job loads 14 GB in 27 s.
    assert stages["tune"] == pytest.approx(3 * 7.15 + 27 * 27 / 3600, rel=0.01)
    assert stages["align"] == pytest.approx(5.75, rel=0.02)
    # 558 128 captions have as many pictures, VQAv2 82 783, each 336 x 336 x 3 bytes.
    pictures = 3 * 336**2 * (558_128 + 82_783)
    assert plain["disk"]["pictures"] == pytest.approx(pictures, rel=0.01)
    assert plain["assumed"] == ["lcs: 558128 pictures, as many as examples or captions are drawn"]
    assert plain["disk"]["weights"]["all"] == pytest.approx(365e9, rel=0.01)
    (line,) = (line for line in shown if line.startswith("GPU time: "))
    assert "(7.2 a seed)" in line
    (line,) = (line for line in shown if line.endswith("stage 1 once for all cells on it (8 jobs)"))
    assert line.startswith("sharing saves 46 GPU-h, ")
    assert any(line.startswith("Weights of 27 runs, up to 13.5 GB each") for line in shown)
    assert any("1 x h100 has 80 GB" in line for line in shown)
