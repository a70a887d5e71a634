"""MLAN's own setting: nine cells of 80 000 examples, Llama-2-7b and CLIP ViT-L/14-336."""

from __future__ import annotations

from mlan.cost.shapes import Setting, Shapes
from mlan.grid import Grid
from tests.config.example import plain_study, put, validated

SHARES = [n / 8 for n in range(9)]
TEXT = ("squad", "strategyqa", "commonsenseqa", "cosmosqa", "arc")
VISION = ("vqav2", "aokvqa")


def paper_grid(mode: str = "full", **benchmarks: str) -> Grid:
    """The paper's sources and recipe, on a hub that nobody asks; `benchmarks` are public sets."""
    plain = plain_study()
    if benchmarks:
        asked = {"adapter": "benchmark_set", "repository": "hub:datasets/acme/asked"}
        named = {n: {**asked, "set": s, "path": f"{n}.parquet"} for n, s in benchmarks.items()}
        put(plain, "data.benchmarks", named)
        put(plain, "evaluate.conditions", [{"image": "real", "parts": ["dev", "test"]}])
    for name in (*TEXT, *VISION):
        source = {"adapter": "instruction_set", "set": name, "path": f"{name}.parquet"}
        repository = f"hub:datasets/acme/{name}"
        put(plain, f"data.sources.{name}", {**source, "repository": repository})
    captions = {"adapter": "conversations", "modality": "vision", "path": "lcs.parquet"}
    put(plain, "data.sources.lcs", {**captions, "repository": "hub:datasets/acme/lcs"})
    put(plain, "data.image_size", 336)
    put(
        plain,
        "recipe.backbone",
        {
            "language_model": "hub:meta-llama/Llama-2-7b-hf",
            "vision_tower": "hub:openai/clip-vit-large-patch14-336",
            "precision": "bf16",
        },
    )
    put(plain, "recipe.mixture.instances", 80_000)
    put(plain, "recipe.mixture.match", "up")
    put(plain, "recipe.mixture.text", dict.fromkeys(TEXT, 1.0))
    put(plain, "recipe.mixture.vision", dict.fromkeys(VISION, 1.0))
    tune = {"language_model": mode, "examples_per_step": 64, "weights": "fp32_master"}
    put(plain, "recipe.tune", {**tune, "feature_noise": 0.0})
    align = {"method": "plain", "captions": "lcs", "epochs": 1, "batch": 256}
    put(plain, "recipe.align", {**align, "feature_noise": 0.0, "naming_images": None})
    put(plain, "experiments", {"sweep": {"vary": {"mixture.text_share": SHARES}}})
    put(plain, "seeds", [0, 1, 2])
    return Grid(validated(plain, "paper"), "cpu")


def setting(share: float, mode: str = "full", **benchmarks: str) -> Setting:
    """A cell of the paper's grid, as the estimator sees it."""
    grid = paper_grid(mode, **benchmarks)
    (cell,) = (c for c in grid.cells.values() if c.text_share == share)
    return Shapes(grid).of_cell(cell)
