"""Backbones from model folders against transformers' own model built from the same parts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import LlavaConfig, LlavaForConditionalGeneration

from mlan.config.models import TOKENIZER_FILES
from mlan.errors import DataError
from mlan.mixture.template import Template
from mlan.model.backbone import prepare_backbone
from mlan.model.compose import compose, initialise_projector, input_embeddings
from mlan.model.standard_towers import pixel_values
from mlan.records import checked, file_digest, read_record
from mlan.stage import Job
from tests.model_folders import (
    DEVIATION,
    MEAN,
    PATCH,
    SIDE,
    language_model,
    pickle_weights,
    released,
    vision_tower,
    words,
    write_pixels,
)
from tests.toy import encode

TOKENS = (SIDE // PATCH) ** 2


def prepared(out: Path, side: int = SIDE, **parts: Path | str) -> Path:
    """Run the stage on folders of the user's own (paths) and embedded models (names)."""
    inputs = {
        f"file:{part}/{file.name}": file
        for part, folder in parts.items()
        if isinstance(folder, Path)
        for file in sorted(folder.iterdir())
    }
    # Of a tokenizer's folder only what a grid names.
    inputs = {
        name: file
        for name, file in inputs.items()
        if not name.startswith("file:tokenizer/") or file.name in TOKENIZER_FILES
    }
    names = {p: m if isinstance(m, str) else f"folder {m.name}" for p, m in parts.items()}
    identity = {"backbone": names, "image_size": side}
    out.mkdir(parents=True, exist_ok=True)
    prepare_backbone(Job("prepare_backbone", identity, "code", out, inputs))
    return out


def pictures(count: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    shape = (SIDE, SIDE, 3)
    return [torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8) for _ in range(count)]


def reference(language: Any, tower: Any, rows: int, image: int, **traits: Any) -> Any:
    """Transformers' own LLaVA of the same parts; new rows are the mean of the old ones."""
    text = language.config
    text.vocab_size = rows
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=text,
        image_token_index=image,
        image_seq_length=TOKENS,
        vision_feature_layer=-2,
        tie_word_embeddings=text.tie_word_embeddings,
        **traits,
    )
    made = LlavaForConditionalGeneration(config).eval()
    made.model.vision_tower.load_state_dict(tower.state_dict())
    weights = language.model.state_dict()
    table = weights["embed_tokens.weight"]
    grown = [table, table.mean(0, keepdim=True).expand(rows - len(table), -1)]
    made.model.language_model.load_state_dict({**weights, "embed_tokens.weight": torch.cat(grown)})
    head = language.lm_head.weight
    made.lm_head.weight.data = torch.cat(
        [head, head.mean(0, keepdim=True).expand(rows - len(head), -1)]
    )
    return made


def logits(model: Any, ids: torch.Tensor, shown: list[torch.Tensor]) -> torch.Tensor:
    """Logits the way training and evaluation compute them."""
    pictures = {str(n): picture for n, picture in enumerate(shown)}
    features = encode(model, pictures)
    with torch.no_grad():
        table = features.of(list(pictures)) if shown else None
        hidden = model.model.language_model(inputs_embeds=input_embeddings(model, ids, table))
        return model.lm_head(hidden.last_hidden_state)


def assert_equal_logits(model: Any, other: Any, image: int) -> None:
    pixels = (torch.stack(pictures(2)).permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)[:, None, None]
              ) / torch.tensor(DEVIATION)[:, None, None]  # fmt: skip
    with_picture = torch.tensor([[1, *[image] * TOKENS, 5, 6], [1, *[image] * TOKENS, 7, 4]])
    text = torch.tensor([[1, 5, 6, 7], [1, 8, 9, 4]])
    with torch.no_grad():
        seen = other(input_ids=with_picture, pixel_values=pixels).logits
        read = other(input_ids=text).logits
    torch.testing.assert_close(logits(model, with_picture, pictures(2)), seen, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits(model, text, []), read, atol=1e-5, rtol=1e-5)
    mixed = torch.tensor([[1, *[image] * TOKENS, 5, 6], [1, *[5] * TOKENS, 7, 4]])
    with torch.no_grad():
        both = other(input_ids=mixed, pixel_values=pixels[:1]).logits
    torch.testing.assert_close(logits(model, mixed, pictures(1)), both, atol=1e-5, rtol=1e-5)


LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@pytest.mark.parametrize(
    ("kind", "traits", "shards"),
    [
        ("llama", {"tie_word_embeddings": False}, True),
        ("llama", {"tie_word_embeddings": True, "rope_parameters": LLAMA3_ROPE}, False),
        ("qwen2", {"tie_word_embeddings": True}, True),
        ("qwen2", {"tie_word_embeddings": False}, False),
    ],
)
@pytest.mark.parametrize("tower", ["clip", "clip in its pair", "siglip", "siglip in its pair"])
def test_composed_model_equals_transformers_of_the_same_parts(
    tmp_path: Path, kind: str, traits: dict[str, Any], shards: bool, tower: str
) -> None:
    language = language_model(tmp_path / "lm", kind, shards=shards, **traits)
    eye = vision_tower(tmp_path / "eye", tower.split()[0], alone="pair" not in tower)
    backbone = prepared(
        tmp_path / "made", language_model=tmp_path / "lm", vision_tower=tmp_path / "eye"
    )
    assert len(list((tmp_path / "lm").glob("*.safetensors"))) > 1 or not shards
    model = compose(backbone)
    initialise_projector(model, 0)
    strategy = "default" if tower.startswith("clip") else "full"
    other = reference(language, eye, 64, 13, vision_feature_select_strategy=strategy)
    other.model.multi_modal_projector.load_state_dict(
        model.model.multi_modal_projector.state_dict()
    )
    assert model.config.image_seq_length == TOKENS
    assert_equal_logits(model, other, image=13)


def test_released_model_equals_from_pretrained_with_its_own_projector(tmp_path: Path) -> None:
    released(tmp_path / "llava")
    model = compose(prepared(tmp_path / "made", released=tmp_path / "llava"))
    other = LlavaForConditionalGeneration.from_pretrained(tmp_path / "llava").eval()
    assert_equal_logits(model, other, image=3)


def test_weights_are_linked_and_recorded_and_not_copied(tmp_path: Path) -> None:
    language_model(tmp_path / "lm", shards=True)
    vision_tower(tmp_path / "eye")
    made = prepared(
        tmp_path / "made", language_model=tmp_path / "lm", vision_tower=tmp_path / "eye"
    )
    shards = sorted(file.name for file in (tmp_path / "lm").glob("*.safetensors"))
    outputs = read_record(made)["outputs"]
    assert {f"language_model/{name}" for name in shards} <= set(outputs)
    for name in shards:
        link = made / "language_model" / name
        assert link.is_symlink()
        assert outputs[f"language_model/{name}"] == file_digest(tmp_path / "lm" / name)
    assert not (made / "model.safetensors").exists()
    spoilt = tmp_path / "lm" / shards[0]
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    with pytest.raises(Exception, match="differs from what its record says"):
        checked(made / "language_model" / shards[0])


@pytest.mark.parametrize(
    ("tied", "shards", "zipped"), [(True, 1, True), (False, 3, True), (False, 1, False)]
)
def test_pickled_weights_give_the_model_of_the_safetensors(
    tmp_path: Path, tied: bool, shards: int, zipped: bool
) -> None:
    lm, eye = tmp_path / "lm", tmp_path / "eye"
    made = language_model(lm, tie_word_embeddings=tied).to(torch.bfloat16)
    made.save_pretrained(lm)
    vision_tower(eye, alone=False)
    before = compose(prepared(tmp_path / "a", language_model=lm, vision_tower=eye))
    own = before.state_dict()

    computed = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    pickle_weights(lm, shards=shards, zipped=zipped, **computed)
    pickle_weights(eye, zipped=zipped)
    backbone = prepared(tmp_path / "b", language_model=lm, vision_tower=eye)
    after = compose(backbone)
    for name, tensor in after.state_dict().items():
        assert torch.equal(tensor, own[name]), name
    ids = torch.tensor([[1, *[13] * TOKENS, 5, 6]])
    assert torch.equal(logits(after, ids, pictures(1)), logits(before, ids, pictures(1)))

    outputs = read_record(backbone)["outputs"]
    written = sorted(file for file in outputs if "/" in file)
    assert len(written) == shards + 1
    tower = backbone / "vision_tower" / "pytorch_model.safetensors"
    assert not tower.is_symlink()
    assert outputs["vision_tower/pytorch_model.safetensors"] == file_digest(tower)
    assert all(name.startswith("vision_model.") for name in load_file(tower))
    language = [load_file(backbone / file) for file in written if file.startswith("language")]
    assert {tensor.dtype for held in language for tensor in held.values()} == {torch.bfloat16}


def test_tokenizer_of_another_folder_is_taken_with_its_padding(tmp_path: Path) -> None:
    parts = {"language_model": tmp_path / "lm", "vision_tower": "toy-tower"}
    language_model(tmp_path / "lm")
    own = prepared(tmp_path / "own", **parts)
    (tmp_path / "lm" / "tokenizer.json").rename(tmp_path / "words.json")
    other = tmp_path / "other"
    language_model(other)
    (other / "tokenizer_config.json").write_text(json.dumps({"pad_token": "</s>"}))
    made = prepared(tmp_path / "made", **parts, tokenizer=other)
    before = Tokenizer.from_file(str(own / "tokenizer.json"))
    after = Tokenizer.from_file(str(made / "tokenizer.json"))
    assert before.get_vocab() == {**after.get_vocab(), "<pad>": 14}
    assert json.loads((made / "config.json").read_text())["text_config"]["pad_token_id"] == 2
    inputs = set(read_record(made)["inputs"])
    assert {name for name in inputs if name.startswith("file:tokenizer/")} == {
        f"file:tokenizer/{name}" for name in TOKENIZER_FILES
    }

    words("<one>", "<too many>").save(str(other / "tokenizer.json"))
    with pytest.raises(DataError, match=r"its ids go up to 14, the language model has 13 rows"):
        prepared(tmp_path / "made", **parts, tokenizer=other)


class _Payload:
    """Runs a command when it is unpickled by a reader that trusts its file."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, zipped: bool) -> None:
    language_model(tmp_path / "lm")
    pickle_weights(tmp_path / "lm", zipped=zipped, more=_Payload(f"touch {tmp_path / 'ran'}"))
    with pytest.raises(DataError) as caught:
        prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    [line] = caught.value.lines
    assert "pytorch_model.bin: needs more than tensors to be read, which may run code" in line
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "lm" / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "ran").exists()  # it is one that would


def test_pickle_that_is_cut_or_holds_other_things_is_refused(tmp_path: Path) -> None:
    language_model(tmp_path / "lm")
    pickle_weights(tmp_path / "lm")
    file = tmp_path / "lm" / "pytorch_model.bin"
    whole = file.read_bytes()
    for content, said in (
        (whole[:-40], r"pytorch_model\.bin: damaged"),
        (b"", r"pytorch_model\.bin: damaged"),
        (b"pickled", r"pytorch_model\.bin: needs more than tensors to be read, .* or is damaged"),
    ):
        file.write_bytes(content)
        with pytest.raises(DataError, match=said):
            prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    for held in ({"state_dict": {}}, [torch.ones(1)], {"a": torch.ones(2, 2).to_sparse()}):
        torch.save(held, file)
        with pytest.raises(DataError, match="holds other things than tensors by name"):
            prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")


def test_missing_shard_of_pickled_weights_is_named(tmp_path: Path) -> None:
    language_model(tmp_path / "lm")
    pickle_weights(tmp_path / "lm", shards=2)
    (tmp_path / "lm" / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(
        DataError, match=r"1 of 2 shards missing: pytorch_model-00002-of-00002\.bin"
    ):
        prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")


def test_dtype_is_converted_or_kept(tmp_path: Path) -> None:
    made = language_model(tmp_path / "lm").to(torch.bfloat16)
    made.save_pretrained(tmp_path / "lm")
    backbone = prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    own, wide = compose(backbone, dtype=None), compose(backbone)
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert own.state_dict()[name].dtype == torch.bfloat16
    assert wide.state_dict()[name].dtype == torch.float32
    assert torch.equal(own.state_dict()[name].float(), wide.state_dict()[name])


def test_base_model_gets_image_and_pad_token_and_rows_of_the_mean(tmp_path: Path) -> None:
    language = language_model(tmp_path / "lm", tie_word_embeddings=False)
    backbone = prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    tokenizer = Tokenizer.from_file(str(backbone / "tokenizer.json"))
    assert [tokenizer.token_to_id(t) for t in ("<image>", "<pad>")] == [13, 14]
    config = json.loads((backbone / "config.json").read_text())
    assert (config["image_token_index"], config["text_config"]["pad_token_id"]) == (13, 14)
    assert config["text_config"]["vocab_size"] == 64
    model = compose(backbone)
    for ours, theirs in (
        (model.get_input_embeddings().weight, language.model.embed_tokens.weight),
        (model.lm_head.weight, language.lm_head.weight),
    ):
        assert torch.equal(ours[:13], theirs)
        torch.testing.assert_close(ours[13:], theirs.mean(0).expand(51, -1))
    # `<s>` once, although the tokenizer puts one itself, and nothing cut at nine tokens.
    ids = Template("vicuna-v1", tokenizer, 4).question("red " * 12, picture=True)
    assert ids.count(tokenizer.token_to_id("<s>")) == 1
    assert ids.count(13) == 4
    assert ids.count(tokenizer.token_to_id("red")) == 12


@pytest.mark.parametrize(
    ("named", "pad"), [({"pad_token": "<unk>"}, 0), ({"pad_token": {"content": "</s>"}}, 2)]
)
def test_pad_token_of_the_tokenizer_config_is_kept(
    tmp_path: Path, named: dict[str, Any], pad: int
) -> None:
    language_model(tmp_path / "lm")
    (tmp_path / "lm" / "tokenizer_config.json").write_text(json.dumps(named))
    made = prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    assert json.loads((made / "config.json").read_text())["text_config"]["pad_token_id"] == pad
    assert Tokenizer.from_file(str(made / "tokenizer.json")).token_to_id("<pad>") is None


def test_spare_rows_of_a_padded_table_are_used_before_it_grows(tmp_path: Path) -> None:
    language_model(tmp_path / "lm", rows=20)
    made = prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    assert json.loads((made / "config.json").read_text())["text_config"]["vocab_size"] == 20


def test_pixels_are_normalised_as_the_towers_folder_says(tmp_path: Path) -> None:
    language_model(tmp_path / "lm")
    vision_tower(tmp_path / "eye")
    model = compose(
        prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower=tmp_path / "eye")
    )
    picture = torch.full((SIDE, SIDE, 3), 51, dtype=torch.uint8)
    expected = [(0.2 - m) / d for m, d in zip(MEAN, DEVIATION, strict=True)]
    assert pixel_values(model, [picture])[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_embedded_backbone_is_what_it_was(tmp_path: Path) -> None:
    made = prepared(tmp_path, language_model="toy-llama", vision_tower="toy-tower")
    assert set(read_record(made)["outputs"]) == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    weights = load_file(made / "model.safetensors")
    table = weights["model.language_model.embed_tokens.weight"]
    assert table.shape == (49216, 32)
    assert torch.equal(table[49153:], table[:49153].mean(0).expand(63, -1))
    assert json.loads((made / "config.json").read_text())["image_token_index"] == 49152


def _break(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    config = json.loads((folder / "config.json").read_text())
    if how == "pickled":
        weights.rename(folder / "model.pt")
    elif how == "none":
        weights.unlink()
    elif how == "damaged":
        weights.write_bytes(b"nothing of the kind")
    elif how == "lacking":
        kept = load_file(weights)
        del kept["model.norm.weight"]
        save_file(kept, weights)
    elif how == "more":
        save_file({**load_file(weights), "model.new": torch.zeros(1)}, weights)
    elif how == "shape":
        config["intermediate_size"] = 56
    elif how == "kind":
        config["model_type"] = "gpt2"
    elif how == "quantised":
        config["quantization_config"] = {"bits": 4}
    elif how == "tokenizer":
        (folder / "tokenizer.json").unlink()
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("pickled", "weights as model.pt; only safetensors and pytorch_model.bin are read"),
        ("none", "neither model.safetensors nor model.safetensors.index.json"),
        ("damaged", "damaged, no safetensors"),
        ("lacking", "lacks tensors: model.language_model.norm.weight"),
        ("more", "has unknown tensors: model.new"),
        ("shape", "mlp.down_proj.weight has shape [32, 48], config.json says [32, 56]"),
        ("kind", "model_type 'gpt2'; a language model is one of llama, qwen2"),
        ("quantised", "its weights are quantised"),
        ("tokenizer", "no tokenizer.json; set recipe.backbone.tokenizer to a model of the same"),
    ],
)
def test_folder_that_is_no_language_model_is_refused_in_one_line(
    tmp_path: Path, how: str, said: str
) -> None:
    language_model(tmp_path / "lm")
    _break(tmp_path / "lm", how)
    with pytest.raises(DataError) as caught:
        prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")
    [line] = caught.value.lines
    assert said in line
    assert "\n" not in line


def test_missing_shard_is_named(tmp_path: Path) -> None:
    language_model(tmp_path / "lm", shards=True)
    shards = sorted((tmp_path / "lm").glob("*.safetensors"))
    shards[1].unlink()
    with pytest.raises(DataError, match=rf"1 of {len(shards)} shards missing: {shards[1].name}"):
        prepared(tmp_path / "made", language_model=tmp_path / "lm", vision_tower="toy-tower")


def test_pictures_of_another_size_than_the_towers_are_refused(tmp_path: Path) -> None:
    vision_tower(tmp_path / "eye")
    with pytest.raises(DataError, match=r"data.image_size = 96: .* pictures of 32 pixels"):
        prepared(tmp_path / "made", 96, language_model="toy-llama", vision_tower=tmp_path / "eye")


def test_tower_without_mean_and_deviation_is_refused(tmp_path: Path) -> None:
    vision_tower(tmp_path / "eye")
    (tmp_path / "eye" / "preprocessor_config.json").unlink()
    with pytest.raises(DataError, match=r"no preprocessor_config.json with image_mean"):
        prepared(tmp_path / "made", language_model="toy-llama", vision_tower=tmp_path / "eye")


def test_released_model_whose_image_token_is_elsewhere_is_refused(tmp_path: Path) -> None:
    released(tmp_path / "llava")
    words("<pad>", "<image>").save(str(tmp_path / "llava" / "tokenizer.json"))
    write_pixels(tmp_path / "llava")
    with pytest.raises(DataError, match=r"image_token_index 3, tokenizer\.json has <image> at 4"):
        prepared(tmp_path / "made", released=tmp_path / "llava")
