"""MLAN's own setting: nine cells of 80 000 examples, Llama-2-7b and CLIP ViT-L/14-336."""

from __future__ import annotations

from mlan.config.recipe import Recipe
from mlan.config.study import StudyConfig
from mlan.cost.shapes import LANGUAGE_MODELS, TOWERS, Setting
from tests.config.example import plain_study, put, validated

SHARES = [n / 8 for n in range(9)]
TEXT = ("squad", "strategyqa", "commonsenseqa", "cosmosqa", "arc")
VISION = ("vqav2", "aokvqa")


def paper_config() -> StudyConfig:
    """The paper's sources and recipe; the backbone is embedded until `settings` names another."""
    plain = plain_study()
    for name in (*TEXT, *VISION):
        source = {"adapter": "instruction_set", "set": name, "path": f"{name}.json"}
        if name in VISION:
            source["image_folder"] = name
        put(plain, f"data.sources.{name}", source)
    put(plain, "data.image_size", 336)
    put(plain, "recipe.mixture.instances", 80_000)
    put(plain, "recipe.mixture.text", dict.fromkeys(TEXT, 1.0))
    put(plain, "recipe.mixture.vision", dict.fromkeys(VISION, 1.0))
    put(plain, "recipe.tune.language_model", "full")
    put(plain, "recipe.tune.examples_per_step", 64)
    put(plain, "recipe.backbone.precision", "bf16")
    # One epoch of LCS-558K in batches of 256.
    put(plain, "recipe.align", {"method": "plain", "steps": 2180, "batch": 256})
    put(plain, "experiments", {"sweep": {"vary": {"mixture.text_share": SHARES}}})
    return validated(plain).config


def setting(share: float, mode: str = "full") -> Setting:
    """A cell of the paper's grid, as the estimator sees it."""
    config = paper_config()
    mixture = config.recipe.mixture.model_copy(update={"text_share": share})
    recipe: Recipe = config.recipe.model_copy(
        update={
            "mixture": mixture,
            "tune": config.recipe.tune.model_copy(update={"language_model": mode}),
            "align": config.recipe.align.model_copy(update={"images": "lcs-558k"}),
            "backbone": config.recipe.backbone.model_copy(
                update={
                    "language_model": "hub:meta-llama/Llama-2-7b-hf",
                    "vision_tower": "hub:openai/clip-vit-large-patch14-336",
                }
            ),
        }
    )
    model, tower = LANGUAGE_MODELS["llama-2-7b-hf"], TOWERS["clip-vit-large-patch14-336"]
    return Setting(config, recipe, model, tower)
