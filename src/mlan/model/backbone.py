"""Prepare a backbone once: language model, vision tower and tokenizer in one folder.

The folder holds `model.safetensors` (language model and tower under the names that
`LlavaForConditionalGeneration` gives them, without a projector), `config.json` and
`tokenizer.json`. Everything later loads from it without a network.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaConfig, LlamaModel, LlavaConfig, PreTrainedConfig

from mlan.data.assets import locate, verify
from mlan.mixture.template import IMAGE_TOKEN, token_id
from mlan.mixture.tokenizer import embedded_tokenizer
from mlan.model.gguf import read_weights, smollm2_config
from mlan.model.towers import TOKENS, MobileNetTower, MobileNetTowerConfig, ToyTower, ToyTowerConfig
from mlan.records import atomic, write_json
from mlan.stage import Job, log

FILES = ("config.json", "model.safetensors", "tokenizer.json")
# Rows are added in multiples of this, which keeps matrix products aligned.
_ROW_MULTIPLE = 64


def prepare_backbone(job: Job) -> None:
    """Write the backbone folder named by job.identity["backbone"] and ["image_size"]."""
    backbone = job.identity["backbone"]
    verify(["smollm2"])
    # Toy backbones use the real tokenizer too, so that lengths are real.
    tokenizer = embedded_tokenizer()
    text_config, weights = _language_model(backbone["language_model"], tokenizer)
    tower_config, tower = _tower(backbone["vision_tower"], job.identity["image_size"])
    config = LlavaConfig(
        vision_config=tower_config,
        text_config=text_config,
        image_token_index=token_id(tokenizer, IMAGE_TOKEN),
        image_seq_length=TOKENS,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    tensors = {f"model.language_model.{name}": w for name, w in weights.items()}
    tensors |= {f"model.vision_tower.{name}": w for name, w in tower.items()}
    write_json(job.out / "config.json", _plain_config(config))
    with atomic(job.out / "model.safetensors") as path:
        save_file(tensors, path, metadata={"format": "pt"})
    with atomic(job.out / "tokenizer.json") as path:
        tokenizer.save(str(path))
    log.info("backbone: %s with %s", backbone["language_model"], backbone["vision_tower"])
    job.finish(
        [job.out / name for name in FILES],
        facts={"parameters": sum(t.numel() for t in tensors.values())},
    )


def _language_model(name: str, tokenizer: Tokenizer) -> tuple[LlamaConfig, dict[str, Tensor]]:
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
    return _resized(config, weights, tokenizer.get_vocab_size())


def _resized(
    config: LlamaConfig, weights: dict[str, Tensor], tokens: int
) -> tuple[LlamaConfig, dict[str, Tensor]]:
    """Add embedding rows for new tokens: the mean of all rows, so that none is ever likely."""
    table = weights["embed_tokens.weight"]
    rows = -(-max(tokens, table.shape[0]) // _ROW_MULTIPLE) * _ROW_MULTIPLE
    mean = table.mean(0, keepdim=True).expand(rows - table.shape[0], -1)
    config.vocab_size = rows
    return config, {**weights, "embed_tokens.weight": torch.cat([table, mean])}


def _tower(name: str, image_size: int) -> tuple[PreTrainedConfig, dict[str, Tensor]]:
    if name == "toy-tower":
        toy = ToyTowerConfig(image_size=image_size)
        return toy, random_weights(ToyTower(toy))
    verify(["mobilenetv2"])
    config = MobileNetTowerConfig(image_size=image_size)
    tower = MobileNetTower(config)
    saved = torch.load(locate("mobilenetv2"), weights_only=True)
    features = {k: v for k, v in saved.items() if k.startswith("features.")}
    tower.load_state_dict({**tower.state_dict(), **features}, strict=True)
    return config, {k: v.clone() for k, v in tower.state_dict().items()}


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
