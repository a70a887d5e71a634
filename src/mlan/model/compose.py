"""Put a model together: backbone folder, projector, and nothing else.

One class everywhere: `transformers.LlavaForConditionalGeneration`, with its own projector.
Weights are memory-mapped, so that composing costs little more than the imports. Where the
vocabulary has outgrown its tables (`<image>`, `<pad>`), rows are added here: the mean of all
rows, so that no new token is ever likely.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, LlavaConfig
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.model.folders import EMBEDDINGS, HEAD
from mlan.model.folders import PROJECTOR as PROJECTOR
from mlan.model.standard_towers import pixel_values, tower_of
from mlan.model.weights import load_weights
from mlan.products import use_fast_products

_LANGUAGE = ("model.language_model.", "lm_head")
STATISTICS = ("model.vision_tower.feature_mean", "model.vision_tower.feature_std")


def compose(
    backbone: Path,
    *,
    device: str = "cpu",
    dtype: torch.dtype | None = torch.float32,
    precision: str = "fp32",
) -> LlavaForConditionalGeneration:
    """Return the model of a backbone folder, all frozen, its projector unset (zeros).

    The projector of a released model is its own. `dtype` is that of all weights; None keeps each
    as its file has it. With `precision` bf16 the language model's matrices are held in bf16, which
    is what `arithmetic` would multiply: the bits of a result are the same at half the bytes. What
    is not multiplied (embeddings, norms), tower and projector stay in `dtype`.
    """
    config = load_config(backbone)
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    matrices = _matrices(model) if precision == "bf16" else set()
    weights = load_weights(backbone, dtype, halved=matrices - {HEAD})
    for name, parameter in model.named_parameters():
        if name.startswith(PROJECTOR) and name not in weights:
            weights[name] = torch.zeros(parameter.shape, dtype=dtype)
    empty = model.state_dict()
    for name in (EMBEDDINGS, HEAD):
        if name in weights:
            weights[name] = _grown(weights[name], len(empty[name]))
    if HEAD in matrices:  # once new rows are the mean of 32-bit ones
        weights[HEAD] = weights[HEAD].to(torch.bfloat16)
    weights.setdefault(HEAD, weights[EMBEDDINGS])
    model.load_state_dict(weights, strict=True, assign=True)
    model.tie_weights()
    _materialise_buffers(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    use_fast_products(model)
    model.eval()
    model.to(device)  # type: ignore[arg-type]
    return model


def _matrices(model: LlavaForConditionalGeneration) -> set[str]:
    """Parameters of the language model's linear layers; a tied head is the embeddings."""
    found = {
        f"{place}.{name}"
        for place, module in model.named_modules()
        if place.startswith(_LANGUAGE) and isinstance(module, nn.Linear)
        for name, _ in module.named_parameters(recurse=False)
    }
    return found - {HEAD} if model.config.tie_word_embeddings else found


def _grown(table: Tensor, rows: int) -> Tensor:
    """A table (V, E) with rows of their mean added up to `rows`."""
    if len(table) >= rows:
        return table
    mean = table.float().mean(0, keepdim=True).to(table.dtype)
    return torch.cat([table, mean.expand(rows - len(table), -1)])


def arithmetic(device: str, precision: str) -> AbstractContextManager[None]:
    """Return the context of a forward pass: plain fp32, or bf16 products over fp32 weights."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)


def prepare_torch(threads: int, device: str) -> None:
    """Fix what bits depend on: the number of threads and deterministic kernels."""
    torch.set_num_threads(threads)
    if device == "cuda":
        torch.use_deterministic_algorithms(True)


def _materialise_buffers(model: LlavaForConditionalGeneration) -> None:
    """Tables that are not in a state dict (rotary frequencies, numbers of positions): anew."""
    language = model.model.language_model
    language.rotary_emb = type(language.rotary_emb)(config=language.config)
    for module in model.model.vision_tower.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                assert name == "position_ids", f"{name} of the vision tower has no value"
                setattr(module, name, torch.arange(buffer.shape[-1]).expand(buffer.shape))


def load_config(backbone: Path) -> LlavaConfig:
    """Return the composed model's configuration."""
    plain = json.loads((backbone / "config.json").read_text(encoding="utf-8"))
    plain.pop("model_type")
    config = LlavaConfig(
        **{
            **plain,
            "vision_config": _sub_config(plain["vision_config"]),
            "text_config": _sub_config(plain["text_config"]),
        }
    )
    return config


def _sub_config(plain: dict[str, object]) -> object:
    fields = dict(plain)
    return AutoConfig.for_model(str(fields.pop("model_type")), **fields)


def initialise_projector(model: LlavaForConditionalGeneration, seed: int) -> None:
    """Draw the projector as `nn.Linear` does, from its own seeded generator."""
    generator = torch.Generator().manual_seed(seed)
    for linear in (
        model.model.multi_modal_projector.linear_1,
        model.model.multi_modal_projector.linear_2,
    ):
        bound = linear.in_features**-0.5
        for parameter in (linear.weight, linear.bias):
            draw = torch.rand(parameter.shape, generator=generator) * 2 * bound - bound
            parameter.data.copy_(draw)


def stage1_tensors(model: LlavaForConditionalGeneration) -> dict[str, Tensor]:
    """Return what stage 1 decides: the projector and the tower's feature statistics."""
    state = model.state_dict()
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in state.items()
        if name.startswith(PROJECTOR) or name in STATISTICS
    }


def load_stage1(model: LlavaForConditionalGeneration, path: Path) -> None:
    """Load what `stage1_tensors` gave. Raises KeyError if the file lacks or adds a tensor."""
    saved = load_file(path)
    expected = set(stage1_tensors(model))
    if set(saved) != expected:
        raise KeyError(f"{path}: tensors differ: {sorted(set(saved) ^ expected)}")
    state = model.state_dict()
    for name, tensor in saved.items():
        state[name].copy_(tensor)


@dataclass(frozen=True)
class ImageFeatures:
    """Standardised features of pictures: `table` (N, T, D) and the row of each image key."""

    table: Tensor
    rows: dict[str, int]

    def of(self, keys: list[str]) -> Tensor:
        """Return the features of pictures in the order of `keys`, (len(keys), T, D)."""
        return self.table[[self.rows[key] for key in keys]]


@torch.no_grad()
def raw_features(
    model: LlavaForConditionalGeneration, pictures: list[Tensor], batch: int = 64
) -> Tensor:
    """Return the tower's features before standardisation, (N, T, D)."""
    tower = tower_of(model)
    parts = [
        tower.raw_features(pixel_values(model, pictures[start : start + batch]))
        for start in range(0, len(pictures), batch)
    ]
    if parts:
        return torch.cat(parts)
    width = model.model.vision_tower.config.hidden_size
    return torch.zeros((0, model.config.image_seq_length, width))


def input_embeddings(
    model: LlavaForConditionalGeneration, ids: Tensor, features: Tensor | None
) -> Tensor:
    """Embed token ids (B, L) and put projected pictures in place of image tokens, (B, L, E).

    `features` (P, T, D) are the pictures of the batch in reading order; with P = 0 the projector
    takes part and changes nothing. Raises ValueError if their tokens do not fill the image
    positions exactly.
    """
    embeddings: Tensor = model.get_input_embeddings()(ids)
    where = ids == model.config.image_token_id
    if features is None:
        if bool(where.any()):
            raise ValueError("image tokens without pictures")
        return embeddings
    projected = model.model.multi_modal_projector(features).to(embeddings.dtype)
    if int(where.sum()) != projected.shape[0] * projected.shape[1]:
        raise ValueError(f"{int(where.sum())} image positions, {projected.shape[:2]} tokens")
    return embeddings.masked_scatter(where.unsqueeze(-1), projected.flatten(0, 1))
