"""SmolLM2-135M-Instruct, as a part of a LLaVA model and as a causal language model by itself."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.code import code_digest
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.backbone import prepare_backbone
from mlan.model.compose import compose, initialise_projector
from mlan.stage import Job

LANGUAGE_MODEL = "smollm2-135m-instruct"


def backbone(folder: Path, *, pictures: bool = False) -> Path:
    """Write the backbone folder; with `pictures` its tower gives 576 tokens, as CLIP-L/14-336.

    That tower is narrow and random: what is measured is what its tokens cost.
    """
    size, inputs = 96, {}
    if pictures:
        size = 336
        config = CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=size,
            patch_size=14,
        )
        torch.manual_seed(0)
        tower = folder / "tower"
        CLIPVisionModel(config).save_pretrained(tower)
        pixels = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": size}
        (tower / "preprocessor_config.json").write_text(json.dumps(pixels), encoding="utf-8")
        inputs = {f"file:vision_tower/{file.name}": file for file in tower.iterdir()}
    models = {
        "language_model": LANGUAGE_MODEL,
        "vision_tower": "./tower" if pictures else "toy-tower",
    }
    out = folder / "backbone"
    out.mkdir(parents=True, exist_ok=True)
    identity = {"backbone": models, "image_size": size}
    prepare_backbone(Job("prepare_backbone", identity, code_digest(Path(__file__)), out, inputs))
    return out


def llava(folder: Path) -> LlavaForConditionalGeneration:
    """Return the composed model, its projector drawn at random."""
    model = compose(folder)
    initialise_projector(model, 0)
    return model


def causal(model: LlavaForConditionalGeneration) -> LlamaForCausalLM:
    """Return the language model of a composed one, sharing its weights."""
    with torch.device("meta"):
        alone = LlamaForCausalLM(model.config.text_config)
    alone.model = model.model.language_model
    alone.lm_head = model.lm_head
    return alone.eval()


def template(folder: Path, model: LlavaForConditionalGeneration, name: str) -> Template:
    """Return a template that speaks with the backbone's tokenizer."""
    return Template(name, load_tokenizer(folder), model.config.image_seq_length)


def tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Return the backbone's tokenizer for transformers; nothing is put before a text."""
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = "<|im_end|>"
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=end, pad_token=end)
