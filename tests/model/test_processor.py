"""An exported model of a standard tower brings a processor that transformers loads by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    SiglipVisionConfig,
)

from mlan.data.photos import load_square
from mlan.model.processor import processor_files
from mlan.model.towers import IMAGENET_MEAN, IMAGENET_STD, ToyTowerConfig, normalise
from tests.toy import tokenizer

SMALL = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def _config(tower: CLIPVisionConfig | SiglipVisionConfig, strategy: str) -> LlavaConfig:
    text = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    return LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=3,
        vision_feature_select_strategy=strategy,
    )


def _written(folder: Path, config: LlavaConfig) -> LlavaProcessor:
    for name, text in processor_files(config).items():
        (folder / name).write_text(text)
    tokenizer().save(str(folder / "tokenizer.json"))
    return LlavaProcessor.from_pretrained(folder)


@pytest.mark.parametrize(
    ("tower", "strategy"),
    [(CLIPVisionConfig(**SMALL), "default"), (SiglipVisionConfig(**SMALL), "full")],
)
def test_processor_gives_the_tokens_that_the_model_takes(
    tmp_path: Path, tower: CLIPVisionConfig | SiglipVisionConfig, strategy: str
) -> None:
    config = _config(tower, strategy)
    processor = _written(tmp_path, config)
    image = Image.new("RGB", (40, 20), (200, 10, 10))
    inputs = processor(text="User: <image> What is this", images=image, return_tensors="pt")
    assert int((inputs["input_ids"] == 3).sum()) == 4  # 2 x 2 patches
    model = LlavaForConditionalGeneration(config).eval()
    with torch.no_grad():
        assert model(**inputs).logits.shape[:2] == inputs["input_ids"].shape


def test_processor_prepares_a_picture_as_training_did(tmp_path: Path) -> None:
    tower = CLIPVisionConfig(**SMALL)
    tower.image_mean, tower.image_std = list(IMAGENET_MEAN), list(IMAGENET_STD)
    processor = _written(tmp_path, _config(tower, "default"))
    noise = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    mine = load_square(tmp_path / "p.png", 28)
    theirs = processor.image_processor(Image.open(tmp_path / "p.png"), return_tensors="pt")
    expected = normalise(torch.from_numpy(mine.copy())[None])
    # Levels of 1/255 over a deviation of .22: one level at most, from rounding when resized.
    assert torch.allclose(theirs["pixel_values"], expected, atol=1.01 / 255 / 0.22)


def test_embedded_tower_has_no_processor_of_transformers() -> None:
    config = LlavaConfig(vision_config=ToyTowerConfig(), text_config=LlamaConfig(vocab_size=64))
    assert processor_files(config) == {}
