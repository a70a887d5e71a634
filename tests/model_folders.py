"""Tiny models in transformers' standard layout, written by transformers itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

SIDE, PATCH = 32, 8
WORDS = ["red", "blue", "green", "cat", "dog", "USER:", "ASSISTANT:", "a", "b", "c"]
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
TOWER = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}
TEXT = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
MEAN, DEVIATION = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]


def words(*special: str) -> Tokenizer:
    """A word-level tokenizer; like Llama's it puts `<s>` first by itself, and cuts at 9 tokens."""
    names = ["<unk>", "<s>", "</s>", *special, *WORDS]
    built = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="<unk>"))
    built.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    built.add_special_tokens([AddedToken(t, special=True) for t in ("<s>", "</s>", *special)])
    built.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    built.enable_truncation(9)
    return built


def randomise(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Every parameter seeded normal, so that none is a harmless zero or one."""
    draw = torch.Generator().manual_seed(seed)
    for _, parameter in sorted(model.named_parameters()):
        parameter.data = torch.randn(parameter.shape, generator=draw) * 0.3
    return model.eval()


def language_model(
    folder: Path, kind: str = "llama", *, rows: int = 13, shards: bool = False, **more: Any
) -> PreTrainedModel:
    """Write a causal language model with its tokenizer."""
    traits = {**SHAPE, "vocab_size": rows, "max_position_embeddings": 64, **more}
    made = LlamaForCausalLM(LlamaConfig(**traits)) if kind == "llama" else (
        Qwen2ForCausalLM(Qwen2Config(**traits))
    )  # fmt: skip
    randomise(made, 1).save_pretrained(folder, **({"max_shard_size": "8KB"} if shards else {}))
    words().save(str(folder / "tokenizer.json"))
    return made


def vision_tower(
    folder: Path, kind: str = "clip", *, alone: bool = True, **more: Any
) -> PreTrainedModel:
    """Write a tower, alone or within its pair; return the tower."""
    traits = {**TOWER, **more}
    if kind == "clip":
        config, pair, tower = CLIPVisionConfig(**traits), CLIPConfig, CLIPVisionModel
    else:
        config, pair, tower = SiglipVisionConfig(**traits), SiglipConfig, SiglipVisionModel
    if alone:
        saved = randomise(tower(config), 2)
        made = saved
    else:
        both = CLIPModel if kind == "clip" else SiglipModel
        saved = randomise(both(pair(text_config=dict(TEXT), vision_config=traits)), 2)
        made = tower(config)
        ours = {n.removeprefix("vision_model."): w for n, w in saved.state_dict().items()
                if n.startswith("vision_model.")}  # fmt: skip
        made.load_state_dict(ours)
    saved.save_pretrained(folder)
    write_pixels(folder)
    return made.eval()


def pickle_weights(folder: Path, *, shards: int = 1, zipped: bool = True, **more: Any) -> None:
    """Put a folder's safetensors into `pytorch_model*.bin`, as older repositories have them."""
    held: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        held |= load_file(file)
        file.unlink()
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    if "lm_head.weight" not in held and "model.embed_tokens.weight" in held:
        held["lm_head.weight"] = held["model.embed_tokens.weight"]  # tied: one memory, two names
    held |= more
    names = [f"pytorch_model-{n + 1:05}-of-{shards:05}.bin" for n in range(shards)]
    files = {tensor: names[n * shards // len(held)] for n, tensor in enumerate(held)}
    if shards == 1:
        files = dict.fromkeys(held, "pytorch_model.bin")
    else:
        index = json.dumps({"metadata": {}, "weight_map": files})
        (folder / "pytorch_model.bin.index.json").write_text(index)
    for name in set(files.values()):
        mine = {tensor: held[tensor] for tensor in held if files[tensor] == name}
        torch.save(mine, folder / name, _use_new_zipfile_serialization=zipped)


def write_pixels(folder: Path) -> None:
    content = {"image_mean": MEAN, "image_std": DEVIATION, "size": {"shortest_edge": SIDE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(content))


def released(folder: Path) -> LlavaForConditionalGeneration:
    """Write a whole LLaVA, as llava-hf publishes them: `<image>` and `<pad>` in the vocabulary."""
    tokenizer = words("<image>", "<pad>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**TOWER),
        text_config=LlamaConfig(**SHAPE, vocab_size=16, max_position_embeddings=64),
        image_token_index=tokenizer.token_to_id("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    made = randomise(LlavaForConditionalGeneration(config), 3)
    made.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_pixels(folder)
    return made
