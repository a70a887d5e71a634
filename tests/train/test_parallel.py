"""Several processes compute what one does. Toy models over gloo; ranks are forks and start fast."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import mlan.train.tune as stage
from mlan.errors import IntegrityError, MlanError
from mlan.stage import Job
from mlan.train import trainable
from mlan.train.checkpoint import Checkpoint
from mlan.train.parallel import Ranks, deal, passes
from tests.toy import plan, tune_job

# --- who computes what -----------------------------------------------------------------------


@given(tokens=st.lists(st.integers(1, 4096), min_size=1, max_size=40), ranks=st.integers(1, 8))
def test_rows_are_dealt_once_and_evenly(tokens: list[int], ranks: int) -> None:
    rows = dict(enumerate(tokens))
    dealt = deal(rows, ranks)
    assert sorted(row for rank in dealt for row in rank) == list(rows)
    loads = [sum(rows[row] for row in rank) for rank in dealt]
    # Graham's bound: nobody has more than the mean and one more row.
    assert max(loads) <= sum(tokens) / ranks + max(tokens) * (1 - 1 / ranks)


def test_longest_rows_are_dealt_first() -> None:
    assert deal({0: 5, 1: 9, 2: 4, 3: 8}, 2) == [{1, 2}, {0, 3}]
    assert deal({7: 3}, 3) == [{7}, set(), set()]


def test_passes_are_filled_in_order() -> None:
    rows = {3: 10, 4: 6, 6: 9, 9: 30, 11: 2}
    assert passes(rows, 20) == [{3, 4}, {6}, {9}, {11}]
    assert passes(rows, 0) == [set(rows)]


@pytest.mark.parametrize("limit", [0, 64])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_shares_of_a_step_make_up_the_step(world: int, limit: int) -> None:
    table, _, _ = plan(layout="packed")
    sources = ["pictures", "words"]
    for _, lines in table.groupby("step"):
        shares = [Ranks(n, world).share(lines, sources, limit) for n in range(world)]
        assert len({len(share.passes) for share in shares}) == 1
        every = [one for share in shares for one in share.passes]
        assert pd.concat([one.lines for one in every]).sort_index().equals(lines)
        own = torch.cat([one.supervised for one in every])
        assert sorted(own.tolist()) == list(range(int(lines["supervised_tokens"].sum())))
        pictures = sorted(p for one in every for p in one.pictures)
        assert pictures == list(range(shares[0].pictures))
        for one in every:
            if len(one.lines):
                alone = Ranks().share(one.lines, sources)
                assert torch.equal(shares[0].source[one.supervised], alone.source)
                assert torch.equal(shares[0].weight[one.supervised], alone.weight)


# --- whole runs ------------------------------------------------------------------------------


def _norms(job: Job) -> list[float]:
    """The gradients' norms. Losses alone would not tell a gradient that is half or double what it
    should be: AdamW does not mind.
    """
    lines = (job.state / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["gradient_norm"] for line in lines]


def _run(folder: Path, backbone: Path, mode: str, processes: int, share: float = 0.5) -> Job:
    job = tune_job(folder, backbone, share, language_model=mode)
    stage.tune(job, processes)
    return job


@pytest.mark.parametrize(("mode", "worlds"), [("full", (2, 4)), ("lora", (2,))])
def test_losses_and_weights_are_those_of_one_process(
    tmp_path: Path, backbone: Path, mode: str, worlds: tuple[int, ...]
) -> None:
    share = 0.9  # two pictures: steps without one, and processes without one in a step
    one = _run(tmp_path / "1", backbone, mode, 1, share)
    table = pd.read_parquet(one.inputs["mixture"] / "plan.parquet")
    seen = table.groupby("step")["image"].agg(lambda keys: (keys != "").mean())
    assert (seen == 0).any(), "no step without pictures"
    assert ((seen > 0) & (seen < 1)).any(), "no mixed step"
    main = trainable.ADAPTER if mode == "lora" else trainable.LANGUAGE
    for world in worlds:
        several = _run(tmp_path / str(world), backbone, mode, world, share)
        losses = [pd.read_csv(job.out / "losses.csv") for job in (one, several)]
        pd.testing.assert_frame_equal(*losses, rtol=1e-5, atol=1e-5)
        assert _norms(several) == pytest.approx(_norms(one), rel=1e-3)
        for name in (main, trainable.PROJECTOR_FILE):
            mine, theirs = load_file(one.out / name), load_file(several.out / name)
            assert mine.keys() == theirs.keys()
            for key in mine:
                torch.testing.assert_close(theirs[key], mine[key], atol=1e-4, rtol=1e-4)


def test_several_passes_add_up_to_one(tmp_path: Path, backbone: Path) -> None:
    one = _run(tmp_path / "1", backbone, "full", 1)
    job = tune_job(tmp_path / "several", backbone, 0.5, language_model="full", pass_tokens=40)
    stage.tune(job)
    losses = [pd.read_csv(folder / "losses.csv") for folder in (one.out, job.out)]
    pd.testing.assert_frame_equal(*losses, rtol=1e-5, atol=1e-5)
    assert _norms(job) == pytest.approx(_norms(one), rel=1e-3)


def test_killed_run_of_two_processes_ends_bitwise_equal(
    tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLAN_CHECKPOINT_SECONDS", "0")
    how = {"weights": "bf16_stochastic", "activation_checkpointing": 1, "pass_tokens": 40}
    whole, broken = (
        tune_job(tmp_path / name, backbone, 0.5, language_model="full", **how)
        for name in ("whole", "broken")
    )
    for job in (whole, broken):
        job.identity["precision"] = "bf16"
    stage.tune(whole, 2)
    save = Checkpoint.save

    def die_before_one_has_saved(self: Checkpoint, step: int, *args: object) -> None:
        if step == 3 and "1of2" in self.path.name:
            raise RuntimeError("killed")
        save(self, step, *args)

    monkeypatch.setattr(Checkpoint, "save", die_before_one_has_saved)
    with pytest.raises(SystemExit, match=r"rank \d of 2 ended with exit code 1"):
        stage.tune(broken, 2)
    monkeypatch.setattr(Checkpoint, "save", save)
    assert Checkpoint(broken.state / "checkpoint.1of2.b.safetensors", "").path.exists()
    stage.tune(broken, 2)
    for name in (trainable.LANGUAGE, trainable.PROJECTOR_FILE, "losses.csv"):
        assert (whole.out / name).read_bytes() == (broken.out / name).read_bytes()
    assert not list(broken.state.glob("checkpoint*"))


def test_mistake_on_the_ranks_is_the_jobs_one_line(tmp_path: Path, backbone: Path) -> None:
    job = tune_job(tmp_path, backbone, 0.5)
    (job.inputs["mixture"] / "plan.parquet").write_bytes(b"damaged")
    with pytest.raises(IntegrityError) as alone:
        stage.tune(job, 1)
    with pytest.raises(MlanError) as together:
        stage.tune(job, 2)
    assert together.value.lines == alone.value.lines
