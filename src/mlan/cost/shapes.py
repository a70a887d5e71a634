"""Shapes of known language models and vision towers, and what follows from a shape.

A name of the study is looked up in a small table (the published config.json of each model); a
backbone that is not in it is read from its own config.json once that is on disk. Until then it
is taken for the table's first 7B model and told as assumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mlan.config.hub import PREFIX
from mlan.config.models import is_embedded, is_folder
from mlan.config.recipe import Recipe
from mlan.config.study import StudyConfig
from mlan.flops import encoder_flops
from mlan.grid import Cell, Grid

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

    The last layer is counted although LLaVA reads the one before it: it is computed.
    """
    tokens = (side // patch) ** 2
    positions = tokens + class_token
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width
    stem = 3 * patch**2 * width
    weights = layers * layer + stem
    return VisionTower(
        tokens=tokens,
        features=width,
        parameters=weights + positions * width,
        per_picture=encoder_flops(weights, layers, width, positions),
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
    "llava-1.5-7b-hf": _LLAMA2,
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
    "llava-1.5-7b-hf": _CLIP_L,
    "siglip-so400m-patch14-384": transformer_tower(
        side=384, patch=14, width=1152, layers=27, inner=4304, class_token=False
    ),
}
_UNKNOWN_MODEL, _UNKNOWN_TOWER = "llama-2-7b-hf", "clip-vit-large-patch14-336"


@dataclass(frozen=True)
class Setting:
    """All that the cost of a recipe's jobs follows from; `kind` is that of its cell."""

    config: StudyConfig
    recipe: Recipe
    model: LanguageModel
    tower: VisionTower
    kind: str = "tuned"

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

    def of_cell(self, cell: Cell) -> Setting:
        """Return a cell's recipe, its matched number of examples, the shapes of its backbone."""
        instances = self._grid.budgets.get(cell.name, cell.recipe.mixture.instances)
        mixture = cell.recipe.mixture.model_copy(update={"instances": instances})
        recipe = cell.recipe.model_copy(update={"mixture": mixture})
        setting = self._setting(recipe, self._grid.backbone_of(cell), cell.model)
        return replace(setting, kind=cell.kind)

    def of_recipe(self, recipe: Recipe) -> Setting:
        """Return a recipe with the shapes of its backbone."""
        return self._setting(recipe, self._grid.backbone(recipe), "")

    def _setting(self, recipe: Recipe, backbone: str, released: str) -> Setting:
        """A recipe and shapes; a `released` model is both language model and tower."""
        language = released or recipe.backbone.language_model
        tower = released or recipe.backbone.vision_tower
        folder = self._grid.folder("backbone", backbone)
        model = _row(LANGUAGE_MODELS, language)
        eyes = _row(TOWERS, tower)
        if model is None:
            found = self._config(folder, language, "text_config")
            model = self._read(read_language_model, found, language, _UNKNOWN_MODEL)
        if eyes is None:
            found = self._config(folder, tower, "vision_config")
            eyes = self._read(read_tower, found, tower, _UNKNOWN_TOWER)
        return Setting(self._grid.config, recipe, model, eyes)

    def _config(self, backbone: Path, name: str, part: str) -> Mapping[str, Any]:
        """A part of the prepared backbone's config.json, or that of the model's own folder."""
        found = read_config(backbone / "config.json")
        if not found and not is_embedded(name):
            found = read_config(self._grid.model_folder(name) / "config.json")
        within: Mapping[str, Any] = found.get(part, found)
        return within

    def _read(
        self,
        read: Callable[[Mapping[str, Any]], Shape],
        config: Mapping[str, Any],
        name: str,
        instead: str,
    ) -> Shape:
        try:
            return read(config)
        except (KeyError, TypeError):
            table: Mapping[str, Any] = {**TOWERS, **LANGUAGE_MODELS}
            self.assumed.add(f"{name}: shape of {instead} until its config.json is here")
            shape: Shape = table[instead]
            return shape


def _row(table: Mapping[str, Shape], name: str) -> Shape | None:
    """The table's row of an embedded name, or of `hub:org/name@commit`, tuned variants too."""
    if is_folder(name):
        return None
    short = name.removeprefix(PREFIX).partition("@")[0].rpartition("/")[2].lower()
    return table.get(short) or table.get(short.removesuffix("-instruct"))


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
