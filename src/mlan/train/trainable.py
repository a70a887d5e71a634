"""What is trained in stage 2, by name, and how it is written and read back.

Only trained parameters are stored. At a text share of 100 % the projector gets no gradient
and is not handed to the optimiser, so it stays bit-identical to stage 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.model.compose import PROJECTOR
from mlan.products import use_fast_products
from mlan.records import atomic
from mlan.train.seeds import generator
from mlan.weights import ADAPTER, LANGUAGE, PROJECTOR_FILE

# Anchored: plain names would also hit the vision tower.
_LINEAR = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]|mlp\.(gate|up|down))_proj"
# A head with weights of its own is part of the language model; a tied one goes by the embeddings.
_LANGUAGE = ("model.language_model.", "lm_head.")


def add_adapter(model: LlavaForConditionalGeneration, lora: Mapping[str, Any], seed: int) -> None:
    """Insert low-rank adapters (peft) into every linear layer of the language model.

    A ~ uniform as in peft, from a generator of the run's `init` seed; B = 0, so that the
    model starts as stage 1 left it.
    """
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=lora["rank"], lora_alpha=lora["alpha"], target_modules=_LINEAR, lora_dropout=0.0
    )
    inject_adapter_in_model(config, model)
    use_fast_products(model)  # peft's A and B are new layers
    draw = generator("adapter", seed)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_A" in name:
            bound = parameter.shape[1] ** -0.5
            parameter.data.copy_((torch.rand(parameter.shape, generator=draw) * 2 - 1) * bound)
        elif "lora_B" in name:
            nn.init.zeros_(parameter)


def merge_adapter(model: LlavaForConditionalGeneration) -> None:
    """Add every adapter to its linear layer and remove it."""
    from peft.tuners.lora import Linear as LoraLinear

    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLinear):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())


def select(
    model: LlavaForConditionalGeneration,
    tune: Mapping[str, Any],
    *,
    init_seed: int,
    has_pictures: bool,
) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """Mark what is trained and return (language model's, projector's) parameters by name."""
    mode = tune["language_model"]
    if mode == "lora":
        add_adapter(model, tune["lora"], init_seed)
    language, projector = {}, {}
    for name, parameter in model.named_parameters():
        if name.startswith(PROJECTOR):
            if tune["projector"] == "train" and has_pictures:
                projector[name] = parameter
        elif name.startswith(_LANGUAGE) and (
            mode == "full" or (mode == "lora" and "lora_" in name)
        ):
            language[name] = parameter
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in (*language.values(), *projector.values()):
        parameter.requires_grad_(True)
    return language, projector


def save(
    folder: Path, mode: str, language: Mapping[str, Tensor], projector: Mapping[str, Tensor]
) -> list[Path]:
    """Write the trained parameters; the projector's file holds what differs from stage 1."""
    written = []
    main = ADAPTER if mode == "lora" else LANGUAGE
    for name, tensors in ((main, language), (PROJECTOR_FILE, projector)):
        with atomic(folder / name) as path:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, path)
        written.append(folder / name)
    return written


def restore(model: LlavaForConditionalGeneration, folder: Path, tune: Mapping[str, Any]) -> None:
    """Put a run's trained parameters into a stage-1 model, adapters merged in 32 bits."""
    mode = tune["language_model"]
    if mode == "lora":
        add_adapter(model, tune["lora"], 0)
    main = ADAPTER if mode == "lora" else LANGUAGE
    state = dict(model.named_parameters())
    for name in (main, PROJECTOR_FILE):
        for key, tensor in load_file(folder / name).items():
            if "lora_" in key:  # peft makes them in the type of the matrix
                state[key].data = state[key].data.float()
            state[key].data.copy_(tensor)
    if mode == "lora":
        merge_adapter(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
