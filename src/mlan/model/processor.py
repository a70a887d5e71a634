"""Files that let transformers prepare inputs for an exported model by itself.

Only towers of transformers have an image processor there; an embedded tower takes its pictures
through `mlan`. Pictures are padded to a square with the mean colour of the tower and resized, as
LLaVA does. Training pads with the study's `data.padding`, by default ImageNet's mean, which differs
from CLIP's by one of 255 levels.
"""

from __future__ import annotations

import json
from typing import Any

from transformers import LlavaConfig

from mlan.mixture.template import IMAGE_TOKEN
from mlan.model.towers import IMAGENET_MEAN, IMAGENET_STD

# Tokens of a tower beside its patches (a CLIP tower's class token), by model type.
_ADDITIONAL = {"clip_vision_model": 1, "siglip_vision_model": 0}
_BICUBIC = 3


def processor_files(config: LlavaConfig) -> dict[str, str]:
    """Return the text of processor and image processor files by name; empty for another tower."""
    tower: Any = config.vision_config
    if tower.model_type not in _ADDITIONAL:
        return {}
    side = int(tower.image_size)
    pictures = {
        "image_processor_type": "LlavaImageProcessor",
        "do_pad": True,
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": _BICUBIC,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(getattr(tower, "image_mean", IMAGENET_MEAN)),
        "image_std": list(getattr(tower, "image_std", IMAGENET_STD)),
        "do_convert_rgb": True,
    }
    processor = {
        "processor_class": "LlavaProcessor",
        "patch_size": int(tower.patch_size),
        "vision_feature_select_strategy": config.vision_feature_select_strategy,
        "num_additional_image_tokens": _ADDITIONAL[tower.model_type],
        "image_token": IMAGE_TOKEN,
    }
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "extra_special_tokens": {"image_token": IMAGE_TOKEN},
    }
    files = {
        "preprocessor_config.json": pictures,
        "processor_config.json": processor,
        "tokenizer_config.json": tokenizer,
    }
    return {name: f"{json.dumps(content, indent=2)}\n" for name, content in files.items()}
