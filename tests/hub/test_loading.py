"""A model and a data set that were fetched load from their folder when no hub is there any more."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from mlan.hub import MODEL_EXTRAS, Client, fetch, model_patterns
from tests.hub.loopback import Files, Hub, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
_ORIENTATION = 0x0112


def toy_llama(folder: Path) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    model = LlamaForCausalLM(config).eval()
    model.save_pretrained(folder, max_shard_size="10KB")
    letters = {sign: number for number, sign in enumerate("?abcdefghijklmnopqrstuvwxyz ")}
    words = Tokenizer(models.WordLevel(letters, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?").save_pretrained(folder)
    return model


def files_of(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def picture(mode: str, kind: str, orientation: int | None = None) -> bytes:
    exif = Image.Exif()
    if orientation:
        exif[_ORIENTATION] = orientation
    stream = io.BytesIO()
    Image.effect_noise((24, 16), 60).convert(mode).save(stream, kind, exif=exif)
    return stream.getvalue()


PICTURES = [
    picture("RGB", "PNG"),
    picture("L", "JPEG"),
    picture("CMYK", "JPEG"),
    picture("RGB", "JPEG", orientation=6),
]


def rows(first: int) -> list[dict[str, Any]]:
    """Four rows with a picture, one without; each also with a list of pictures."""
    cells = [{"bytes": content, "path": f"{n}.img"} for n, content in enumerate(PICTURES)]
    return [
        {"id": first + n, "image": cell, "images": cells[:n], "question": f"what is {n}?"}
        for n, cell in enumerate([*cells, None])
    ]


def parquet(first: int) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(first)), stream)
    return stream.getvalue()


def shards(start: int) -> Files:
    """Two configs, two shards a split."""
    names = [
        f"{config}/{split}-0000{part}-of-00002.parquet"
        for config in ("plain", "hard")
        for split in ("train", "test")
        for part in (0, 1)
    ]
    return {name: parquet(start + 10 * number) for number, name in enumerate(names)}


def test_model_and_tokenizer_are_the_same_when_the_hub_is_gone(
    client: Client, offline: Any, tmp_path: Path
) -> None:
    model = toy_llama(tmp_path / "made")
    tokens = torch.tensor([[1, 2, 3, 4]])
    with serving(Hub()) as hub:
        files = {**files_of(tmp_path / "made"), "pytorch_model.bin": b"pickled", "run.py": b"code"}
        commit = hub.publish("acme/toy", files)
        here = Client(endpoint=hub.address, cache=client.cache)
        patterns = model_patterns("acme/toy", commit, client=here)
        folder = fetch("acme/toy", commit, patterns, optional=MODEL_EXTRAS, client=here)
    offline()

    assert model_patterns("acme/toy", commit, client=here) == patterns
    again = fetch("acme/toy", commit, patterns, optional=MODEL_EXTRAS, client=here)
    assert again == folder
    loaded = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        assert torch.equal(loaded(tokens).logits, model(tokens).logits)
    assert AutoTokenizer.from_pretrained(folder)("abc d").input_ids == [1, 2, 3, 27, 4]
    names = {path.name for path in folder.iterdir()}
    assert len([name for name in names if name.endswith(".safetensors")]) > 1
    assert not names & {"pytorch_model.bin", "run.py"}


def test_rows_and_pictures_are_the_same_when_the_branch_has_moved_and_the_hub_is_gone(
    client: Client, offline: Any
) -> None:
    patterns = ["plain/train-*.parquet"]
    with serving(Hub()) as hub:
        here = Client(endpoint=hub.address, cache=client.cache)
        commit = hub.publish("acme/vqa", shards(0), kind="dataset")
        moved = hub.publish("acme/vqa", shards(1000), kind="dataset")
        folder = fetch("acme/vqa", commit, patterns, "dataset", client=here)
        later = fetch("acme/vqa", moved, patterns, "dataset", client=here)
        downloads = hub.downloads()
    offline()

    assert fetch("acme/vqa", commit, patterns, "dataset", client=here) == folder
    files = sorted(folder.rglob("*.parquet"))
    assert [str(file.relative_to(folder)) for file in files] == sorted(downloads[:2])
    found = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert found == rows(0) + rows(10)
    opened = [Image.open(io.BytesIO(row["image"]["bytes"])) for row in found[:4]]
    assert [image.mode for image in opened] == ["RGB", "L", "CMYK", "RGB"]
    assert opened[3].getexif()[_ORIENTATION] == 6
    first = pq.read_table(sorted(later.rglob("*.parquet"))[0])
    assert first["id"].to_pylist() == list(range(1000, 1005))
