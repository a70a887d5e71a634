"""Shapes of known language models and vision towers, and what follows from a shape.

A name of the study is looked up in a small table (the published config.json of each model); a
backbone that is not in it is read from its own config.json once that is on disk. Until then it
is taken for the table's first 7B model and told as assumed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlan.config.hub import PREFIX
from mlan.config.recipe import Recipe
from mlan.config.study import StudyConfig
from mlan.grid import Grid

Shape = TypeVar("Shape")
IMAGE_TOKENS = 9  # of one picture, both embedded towers


@dataclass(frozen=True)
class LanguageModel:
    """A decoder of Llama's layout: grouped queries, a gated MLP of three matrices, RMS norms.

    Widths are those of hidden states, of all queries, of all keys, and within the MLP.
    """

    layers: int
    width: int
    queries: int
    keys: int
    inner: int
    vocabulary: int
    tied: bool = False
    query_bias: bool = False

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the seven linear maps of a layer."""
        width, queries, keys, inner = self.width, self.queries, self.keys, self.inner
        attention = ((width, queries), (width, keys), (width, keys), (queries, width))
        return (*attention, (width, inner), (width, inner), (inner, width))

    @property
    def parameters(self) -> int:
        """Parameters without embeddings and head: matrices, biases and norms."""
        matrices = sum(rows * columns for rows, columns in self.linears)
        biases = (self.queries + 2 * self.keys) * self.query_bias
        return self.layers * (matrices + biases + 2 * self.width) + self.width

    @property
    def embeddings(self) -> int:
        """Parameters of the input embeddings and, unless tied to them, of the head."""
        return self.width * self.vocabulary * (1 if self.tied else 2)

    @property
    def total(self) -> int:
        """All parameters."""
        return self.parameters + self.embeddings

    def adapters(self, rank: int) -> int:
        """Parameters of low-rank adapters on every linear map."""
        return self.layers * rank * sum(rows + columns for rows, columns in self.linears)


@dataclass(frozen=True)
class VisionTower:
    """A tower as it is used: `tokens` a picture of `features` numbers each.

    `parameters` of the whole tower; `per_picture`: operations of one forward pass.
    """

    tokens: int
    features: int
    parameters: int
    per_picture: float
    side: int = 0  # of its pictures in pixels; 0: as the study says


def transformer_tower(
    *, side: int, patch: int, width: int, layers: int, inner: int, class_token: bool
) -> VisionTower:
    """Return a ViT of which the language model reads one token a patch.

    Forward: 2 operations a weight and position, 4 x layers x width x positions^2 for attention,
    the last layer counted although LLaVA reads the one before it: it is computed.
    """
    tokens = (side // patch) ** 2
    positions = tokens + class_token
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width
    stem = 3 * patch**2 * width
    weights = layers * layer + stem
    attention = 4 * layers * width * positions**2
    return VisionTower(
        tokens=tokens,
        features=width,
        parameters=weights + positions * width,
        per_picture=float(2 * weights * positions + attention),
        side=side,
    )


_LLAMA2 = LanguageModel(32, 4096, 4096, 4096, 11008, 32_000)
_LLAMA3 = LanguageModel(32, 4096, 4096, 1024, 14336, 128_256)
LANGUAGE_MODELS = {
    # Embedded; the vocabularies hold the image token, padded to a multiple of 64.
    "smollm2-135m-instruct": LanguageModel(30, 576, 576, 192, 1536, 49_216, tied=True),
    "toy-llama": LanguageModel(2, 32, 32, 16, 64, 49_216, tied=True),
    # Of a hub, by repository without the organisation.
    "llama-2-7b-hf": _LLAMA2,
    "llama-2-7b": _LLAMA2,
    "vicuna-7b-v1.5": _LLAMA2,
    "llama-3.1-8b": _LLAMA3,
    "llama-3.1-8b-instruct": _LLAMA3,
    "meta-llama-3.1-8b-instruct": _LLAMA3,
    "qwen2.5-0.5b": LanguageModel(24, 896, 896, 128, 4864, 151_936, tied=True, query_bias=True),
    "qwen2.5-1.5b": LanguageModel(28, 1536, 1536, 256, 8960, 151_936, tied=True, query_bias=True),
    "qwen2.5-3b": LanguageModel(36, 2048, 2048, 256, 11008, 151_936, tied=True, query_bias=True),
    "qwen2.5-7b": LanguageModel(28, 3584, 3584, 512, 18944, 152_064, query_bias=True),
    "smollm2-135m": LanguageModel(30, 576, 576, 192, 1536, 49_152, tied=True),
    "smollm2-1.7b": LanguageModel(24, 2048, 2048, 2048, 8192, 49_152, tied=True),
}
_CLIP_L = transformer_tower(side=336, patch=14, width=1024, layers=24, inner=4096, class_token=True)
TOWERS = {
    # MobileNetV2 at 96 pixels: 0.3 GFLOP x 2 at 224.
    "mobilenetv2": VisionTower(IMAGE_TOKENS, 1577, 2_223_872, 0.11e9),
    "toy-tower": VisionTower(IMAGE_TOKENS, 24, 2_000, 1e6),
    "clip-vit-large-patch14-336": _CLIP_L,
    "siglip-so400m-patch14-384": transformer_tower(
        side=384, patch=14, width=1152, layers=27, inner=4304, class_token=False
    ),
}
_UNKNOWN_MODEL, _UNKNOWN_TOWER = "llama-2-7b-hf", "clip-vit-large-patch14-336"


@dataclass(frozen=True)
class Setting:
    """All that the cost of a recipe's jobs follows from."""

    config: StudyConfig
    recipe: Recipe
    model: LanguageModel
    tower: VisionTower

    @property
    def projector(self) -> int:
        """Parameters of the projector's two layers."""
        return (self.tower.features + 1) * self.model.width + (self.model.width + 1) * (
            self.model.width
        )


class Shapes:
    """Shapes of a grid's backbones. `assumed` names what stands for an unknown one, in words."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.assumed: set[str] = set()

    def setting(self, recipe: Recipe) -> Setting:
        """Return a recipe with the shapes of its backbone."""
        model, tower = self.language_model(recipe), self.tower(recipe)
        return Setting(self._grid.config, recipe, model, tower)

    def language_model(self, recipe: Recipe) -> LanguageModel:
        """Return the shape of a recipe's language model."""
        name = recipe.backbone.language_model
        known = _row(LANGUAGE_MODELS, name)
        config = self._config(recipe).get("text_config") if known is None else None
        if config:
            return read_language_model(config)
        return known or self._assume(LANGUAGE_MODELS, name, _UNKNOWN_MODEL)

    def tower(self, recipe: Recipe) -> VisionTower:
        """Return the shape of a recipe's vision tower."""
        name = recipe.backbone.vision_tower
        known = _row(TOWERS, name)
        config = self._config(recipe).get("vision_config") if known is None else None
        if config:
            return read_tower(config)
        return known or self._assume(TOWERS, name, _UNKNOWN_TOWER)

    def _config(self, recipe: Recipe) -> dict[str, Any]:
        folder = self._grid.folder("backbone", self._grid.backbone(recipe))
        return read_config(folder / "config.json")

    def _assume(self, table: Mapping[str, Shape], name: str, instead: str) -> Shape:
        self.assumed.add(f"{name}: its shape is that of {instead} until its config.json is here")
        return table[instead]


def _row(table: Mapping[str, Shape], name: str) -> Shape | None:
    """The table's row of an embedded name, or of `hub:org/name@commit`, tuned variants too."""
    short = name.removeprefix(PREFIX).partition("@")[0].rpartition("/")[2].lower()
    return table.get(short) or table.get(short.removesuffix("-instruct"))


def is_embedded(name: str) -> bool:
    """Whether a language model or tower is one of the package's own."""
    return not name.startswith(PREFIX) and (name in LANGUAGE_MODELS or name in TOWERS)


def read_config(path: Path) -> dict[str, Any]:
    """Return a config.json, empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def read_language_model(config: Mapping[str, Any]) -> LanguageModel:
    """Return the shape that the config.json of a Llama or Qwen2 model describes."""
    heads = config["num_attention_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    return LanguageModel(
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        queries=heads * size,
        keys=(config.get("num_key_value_heads") or heads) * size,
        inner=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied=bool(config.get("tie_word_embeddings", False)),
        query_bias=config.get("model_type") == "qwen2",
    )


def read_tower(config: Mapping[str, Any]) -> VisionTower:
    """Return the shape that the vision part of a CLIP or SigLIP config.json describes."""
    return transformer_tower(
        side=config["image_size"],
        patch=config["patch_size"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        inner=config["intermediate_size"],
        class_token="siglip" not in str(config.get("model_type")),
    )
