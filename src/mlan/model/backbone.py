"""Prepare a backbone once: language model, vision tower and tokenizer in one folder.

The folder holds `config.json` of a `LlavaForConditionalGeneration`, `tokenizer.json`, and the
weights under its names, without a projector unless the model was released with one: embedded and
toy parts in `model.safetensors`, others as links to their own files (pickled ones converted) with
the names of their tensors in `weights.json` (`mlan.model.weights`). Everything later loads from it
without a network. A vocabulary that outgrows its embedding table is met when a model is composed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaConfig, LlamaModel, LlavaConfig

from mlan.data.assets import locate, verify
from mlan.data.model_folder import CONFIG, TOKENIZER, ModelFolder, open_model
from mlan.errors import DataError
from mlan.mixture.template import IMAGE_TOKEN, token_id
from mlan.mixture.tokenizer import embedded_tokenizer
from mlan.mixture.vocabulary import read_vocabulary, rows_needed
from mlan.model.folders import (
    EMBEDDED_FEATURES,
    FEATURES,
    Source,
    check_shapes,
    config_of,
    expected_shapes,
    image_tokens,
    is_tied,
    listing,
)
from mlan.model.gguf import read_weights, smollm2_config
from mlan.model.pickled import as_safetensors
from mlan.model.towers import TOKENS, MobileNetTower, MobileNetTowerConfig, ToyTower, ToyTowerConfig
from mlan.model.weights import HELD, LISTED, shapes
from mlan.records import atomic, checked, read_record, write_json
from mlan.stage import Job, log

# Rows are added in multiples of this, which keeps matrix products aligned.
_ROW_MULTIPLE = 64


def prepare_backbone(job: Job) -> None:
    """Write the backbone folder named by job.identity["backbone"] and ["image_size"].

    Inputs of a part that is not embedded: its folder, if a job wrote it, under the part's name;
    else its files, `file:<part>/<name>`. Raises DataError in one line for what does not fit.
    """
    models = job.identity["backbone"]
    for name in (HELD, LISTED):  # of another revision
        (job.out / name).unlink(missing_ok=True)
    for part in models:
        shutil.rmtree(job.out / part, ignore_errors=True)
    if "released" in models:
        sources, config, tokenizer = _released(job)
    else:
        sources, config, tokenizer = _composed(job, models)
    listed = _link(job, sources, config)
    held = {name: tensor for source in sources for name, tensor in source.held.items()}
    count = sum(tensor.numel() for tensor in held.values())
    if listed:
        count += sum(torch.Size(shape).numel() for shape in shapes(job.out, listed).values())
        _grow(config, tokenizer, sources[0].pad)
    write_json(job.out / CONFIG, _plain_config(config))
    with atomic(job.out / TOKENIZER) as path:
        tokenizer.save(str(path))
    written = [job.out / CONFIG, job.out / TOKENIZER]
    if held:
        with atomic(job.out / HELD) as path:
            save_file(held, path, metadata={"format": "pt"})
        written.append(job.out / HELD)
    if listed:
        write_json(job.out / LISTED, {"tensors": {n: list(p) for n, p in listed.items()}})
        links = sorted({file for file, _ in listed.values()})
        written += [job.out / LISTED, *(job.out / file for file in links)]
    log.info("backbone: %s", " with ".join(models.values()))
    job.finish(written, facts={"parameters": count})


def _composed(job: Job, models: dict[str, str]) -> tuple[list[Source], LlavaConfig, Tokenizer]:
    language, tokenizer = _language_model(job, models["language_model"])
    tower = _tower(job, models["vision_tower"])
    strategy, layer = FEATURES.get(tower.config.model_type, EMBEDDED_FEATURES)
    tokens = image_tokens(tower.config, strategy) if tower.folder else TOKENS
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=language.config,
        image_token_index=token_id(tokenizer, IMAGE_TOKEN),
        image_seq_length=tokens,
        vision_feature_select_strategy=strategy,
        vision_feature_layer=layer,
        tie_word_embeddings=language.config.tie_word_embeddings,
    )
    return [language, tower], config, tokenizer


def _released(job: Job) -> tuple[list[Source], LlavaConfig, Tokenizer]:
    """A whole LLaVA as it was released, its projector among its weights."""
    folder = _folder(job, "released")
    assert folder is not None, "a released model is never embedded"
    config = config_of(folder)
    _check_side(folder, job)
    vocabulary = read_vocabulary(folder.path)
    own = token_id(vocabulary.tokenizer, IMAGE_TOKEN)
    if own != config.image_token_id:
        raise DataError(
            f"{folder.path}: config.json has image_token_index {config.image_token_id}, "
            f"tokenizer.json has {IMAGE_TOKEN} at {own}"
        )
    if not isinstance(config.vision_feature_layer, int):
        raise DataError(
            f"{folder.path}: vision_feature_layer = {config.vision_feature_layer}; only models "
            "that read one layer are supported"
        )
    tied = is_tied(config, folder)
    config.tie_word_embeddings = config.text_config.tie_word_embeddings = tied
    strategy = config.vision_feature_select_strategy
    config.image_seq_length = image_tokens(config.vision_config, strategy)
    return [Source(config, folder=folder)], config, vocabulary.tokenizer


def _language_model(job: Job, name: str) -> tuple[Source, Tokenizer]:
    folder = _folder(job, "language_model")
    if folder is not None:
        config = config_of(folder)
        elsewhere = _tokenizer_folder(job)
        if elsewhere is None:
            vocabulary = read_vocabulary(folder.path)
        else:
            vocabulary = read_vocabulary(elsewhere, rows=config.vocab_size)
        config.pad_token_id = None  # it may lie outside the files' tables
        return Source(config, folder=folder, pad=vocabulary.pad), vocabulary.tokenizer
    verify(["smollm2"])
    # Toy backbones use the real tokenizer too, so that lengths are real.
    tokenizer = embedded_tokenizer()
    if name == "toy-llama":
        config = LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
        )
        weights = random_weights(LlamaModel(config))
    else:
        config = smollm2_config()
        weights = read_weights(locate("smollm2"), config)
    weights = _resized(config, weights, tokenizer.get_vocab_size())
    return Source(config, _under("language_model", weights)), tokenizer


def _resized(config: LlamaConfig, weights: dict[str, Tensor], tokens: int) -> dict[str, Tensor]:
    """Add embedding rows for new tokens: the mean of all rows, so that none is ever likely."""
    table = weights["embed_tokens.weight"]
    rows = _rows(max(tokens, table.shape[0]))
    mean = table.mean(0, keepdim=True).expand(rows - table.shape[0], -1)
    config.vocab_size = rows
    return {**weights, "embed_tokens.weight": torch.cat([table, mean])}


def _rows(tokens: int) -> int:
    return -(-tokens // _ROW_MULTIPLE) * _ROW_MULTIPLE


def _grow(config: Any, tokenizer: Tokenizer, pad: int | None) -> None:
    """Make room in the config for new tokens; composing adds the rows, likewise."""
    needed = rows_needed(tokenizer)
    if needed > config.text_config.vocab_size:
        config.text_config.vocab_size = _rows(needed)
    if pad is not None:
        config.text_config.pad_token_id = pad


def _tower(job: Job, name: str) -> Source:
    folder = _folder(job, "vision_tower")
    if folder is not None:
        _check_side(folder, job)
        return Source(config_of(folder), folder=folder)
    size = job.identity["image_size"]
    if name == "toy-tower":
        toy = ToyTowerConfig(image_size=size)
        return Source(toy, _under("vision_tower", random_weights(ToyTower(toy))))
    verify(["mobilenetv2"])
    config = MobileNetTowerConfig(image_size=size)
    tower = MobileNetTower(config)
    saved = torch.load(locate("mobilenetv2"), weights_only=True)
    features = {k: v for k, v in saved.items() if k.startswith("features.")}
    tower.load_state_dict({**tower.state_dict(), **features}, strict=True)
    return Source(
        config, _under("vision_tower", {k: v.clone() for k, v in tower.state_dict().items()})
    )


def _under(part: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"model.{part}.{name}": tensor for name, tensor in weights.items()}


def _folder(job: Job, part: str) -> ModelFolder | None:
    """The folder of a part after checking it, its weights safetensors; None for an embedded one.

    Files of the user's own have no record: the record of this job is the first that knows them.
    """
    own_tokenizer = "tokenizer" not in job.identity["backbone"]
    if part in job.inputs:
        fetched = _verified(job.inputs[part])
        folder = open_model(fetched, part, own_tokenizer=own_tokenizer)
    elif (own := job.inputs.get(f"file:{part}/{CONFIG}")) is not None:
        folder = open_model(own.parent, part, own_tokenizer=own_tokenizer)
    else:
        return None
    return as_safetensors(folder, job.out / part) if folder.pickled else folder


def _tokenizer_folder(job: Job) -> Path | None:
    """The folder whose tokenizer is taken in place of the language model's own, if there is one."""
    if "tokenizer" not in job.identity["backbone"]:
        return None
    if "tokenizer" in job.inputs:
        return _verified(job.inputs["tokenizer"])
    return job.inputs[f"file:tokenizer/{TOKENIZER}"].parent


def _verified(folder: Path) -> Path:
    for name in read_record(folder)["outputs"]:
        checked(folder / name)
    return folder


def _check_side(folder: ModelFolder, job: Job) -> None:
    if folder.side != job.identity["image_size"]:
        raise DataError(
            f"data.image_size = {job.identity['image_size']}: the tower in {folder.path} takes "
            f"pictures of {folder.side} pixels"
        )


def _link(job: Job, sources: list[Source], config: LlavaConfig) -> dict[str, tuple[str, str]]:
    """Link the files of every part that has a folder; return where each of its tensors is."""
    folders = [source.folder for source in sources if source.folder is not None]
    if not folders:
        return {}
    expected = expected_shapes(config)
    listed: dict[str, tuple[str, str]] = {}
    for folder in folders:
        (job.out / folder.part).mkdir(parents=True, exist_ok=True)
        mine = listing(folder, expected, tied=bool(config.tie_word_embeddings))
        for file in sorted({Path(file).name for file, _ in mine.values()}):
            link = job.out / folder.part / file
            if not link.exists():  # a converted one does
                link.symlink_to((folder.path / file).resolve())
        listed |= mine
    check_shapes(job.out, listed, expected)
    return listed


def random_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Seeded normal matrices, zero biases; norms and statistics keep their ones and zeros."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.dim() >= 2 and tensor.is_floating_point():
            weights[name] = torch.randn(tensor.shape, generator=generator) * 0.1
        elif name.endswith("bias"):
            weights[name] = torch.zeros_like(tensor)
        else:
            weights[name] = tensor.clone()
    return weights


def _plain_config(config: LlavaConfig) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    plain.pop("transformers_version", None)
    return plain
