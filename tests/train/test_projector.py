"""An existing stage-1 projector is taken as it is, or refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mlan.errors import DataError
from mlan.model.compose import PROJECTOR, STATISTICS, compose, stage1_tensors
from mlan.records import file_digest, read_record
from mlan.stage import Job
from mlan.train.align import align
from mlan.train.projector import read_projector
from tests.toy import record


@pytest.fixture(scope="module")
def ours(backbone: Path) -> dict[str, Tensor]:
    """A projector of the toy backbone with numbers of its own, and the tower's statistics."""
    draw = torch.Generator().manual_seed(5)
    return {
        name: torch.rand(tensor.shape, generator=draw) + 0.5
        for name, tensor in stage1_tensors(compose(backbone)).items()
    }


def _named(tensors: dict[str, Tensor], first: str, second: str) -> dict[str, Tensor]:
    """The same tensors with the names of another library; statistics keep theirs."""
    layers = {f"{PROJECTOR}linear_1": first, f"{PROJECTOR}linear_2": second}
    renamed = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        renamed[f"{layers.get(layer, layer)}.{kind}"] = tensor
    return renamed


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{PROJECTOR}linear_1", f"{PROJECTOR}linear_2"),
        ("multi_modal_projector.linear_1", "multi_modal_projector.linear_2"),
        ("model.mm_projector.0", "model.mm_projector.2"),
        ("mm_projector.0", "mm_projector.2"),
    ],
)
def test_names_of_every_library_give_the_same_projector(
    tmp_path: Path, ours: dict[str, Tensor], first: str, second: str
) -> None:
    path = tmp_path / "p.safetensors"
    more = {"language_model.lm_head.weight": torch.zeros(2, 2)}
    save_file({**_named(ours, first, second), **more}, path)
    found = read_projector(path, ours)
    assert set(found) == set(ours)
    assert all(torch.equal(found[name], tensor) for name, tensor in ours.items())


def test_half_precision_is_read_as_fp32(tmp_path: Path, ours: dict[str, Tensor]) -> None:
    save_file({n: t.to(torch.bfloat16) for n, t in ours.items()}, tmp_path / "p.safetensors")
    found = read_projector(tmp_path / "p.safetensors", ours)
    assert all(torch.equal(t, ours[n].to(torch.bfloat16).float()) for n, t in found.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_released_pickle_gives_the_same_projector(
    tmp_path: Path, ours: dict[str, Tensor], zipped: bool
) -> None:
    named = _named(ours, "model.mm_projector.0", "model.mm_projector.2")
    path = tmp_path / "mm_projector.bin"
    torch.save(named, path, _use_new_zipfile_serialization=zipped)
    found = read_projector(path, ours)
    assert set(found) == set(ours)
    assert all(torch.equal(found[name], tensor) for name, tensor in ours.items())


def test_pickle_that_could_run_code_is_refused_unread(
    tmp_path: Path, ours: dict[str, Tensor]
) -> None:
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (ran,))

    torch.save({**ours, "more": Trap()}, tmp_path / "mm_projector.bin")
    assert _refused(tmp_path / "mm_projector.bin", ours).startswith(
        "needs more than tensors to be read, which may run code"
    )
    assert not ran.exists()


def _job(folder: Path, backbone: Path, file: Path) -> Job:
    out = folder / "align"
    out.mkdir(parents=True)
    record(backbone)
    identity = {
        "align": {"from": file.name, "naming_images": None},
        "template": "user-assistant",
        "precision": "fp32",
        "device": "cpu",
        "seed": 0,
    }
    inputs = {"backbone": backbone, "file": file}
    return Job("align", identity, "code", out, inputs, folder / "state")


def test_stage_hands_on_what_it_was_given_and_says_where_from(
    tmp_path: Path, backbone: Path, ours: dict[str, Tensor]
) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(_named(ours, "model.mm_projector.0", "model.mm_projector.2"), file)
    job = _job(tmp_path, backbone, file)
    align(job)
    written = load_file(job.out / "projector.safetensors")
    assert all(torch.equal(written[name], tensor) for name, tensor in ours.items())
    record = read_record(job.out)
    assert record["facts"] == {"from": "mine.safetensors", "from_sha256": file_digest(file)}
    assert record["inputs"]["file"] == file_digest(file)
    assert pd.read_csv(job.out / "naming.csv").empty


def test_stage_is_done_again_for_other_bytes_only(
    tmp_path: Path, backbone: Path, ours: dict[str, Tensor]
) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(ours, file)
    job = _job(tmp_path, backbone, file)
    align(job)
    elsewhere = file.rename(tmp_path / "moved.safetensors")
    moved = replace(job, inputs={**job.inputs, "file": elsewhere})
    assert moved.is_complete()
    save_file({name: tensor + 1 for name, tensor in ours.items()}, elsewhere)
    assert not moved.is_complete()


def _refused(path: Path, expected: dict[str, Tensor]) -> str:
    with pytest.raises(DataError) as caught:
        read_projector(path, expected)
    [line] = caught.value.lines
    assert "\n" not in line
    return line.removeprefix(f"recipe.align.from = {path.name!r}: ")


def test_projector_of_another_backbone_is_refused_with_both_shapes(
    tmp_path: Path, ours: dict[str, Tensor]
) -> None:
    path = tmp_path / "p.safetensors"
    name = f"{PROJECTOR}linear_1.weight"
    save_file({**ours, name: torch.zeros(64, 48)}, path)
    assert _refused(path, ours) == (
        f"{name} is (64, 48), the backbone's is {tuple(ours[name].shape)}; it was made for another "
        "language model or vision tower"
    )


def test_file_without_a_projector_is_refused_with_where_it_may_be(
    tmp_path: Path, ours: dict[str, Tensor]
) -> None:
    path = tmp_path / "model-00001-of-00002.safetensors"
    save_file({"language_model.lm_head.weight": torch.zeros(2, 2)}, path)
    first = f"{PROJECTOR}linear_1.bias"
    assert _refused(path, ours) == f"holds no {first}"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {}}))
    assert _refused(path, ours) == (
        f"holds no {first}; model.safetensors.index.json beside it says which file does"
    )


def test_file_without_the_statistics_of_an_embedded_tower_is_refused(
    tmp_path: Path, ours: dict[str, Tensor]
) -> None:
    path = tmp_path / "p.safetensors"
    save_file({n: t for n, t in ours.items() if n not in STATISTICS}, path)
    assert _refused(path, ours) == (
        f"holds no {STATISTICS[0]}; take the projector.safetensors of a finished stage 1"
    )


def test_file_of_another_format_is_refused(tmp_path: Path, ours: dict[str, Tensor]) -> None:
    path = tmp_path / "p.safetensors"
    path.write_bytes(b"PK\x03\x04 a pickle in disguise")
    assert _refused(path, ours).startswith("not a readable safetensors file")
