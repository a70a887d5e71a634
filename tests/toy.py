"""A toy backbone and toy examples, small enough that a test may train on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaModel, LlavaConfig
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.mixture.plan import build_plan
from mlan.mixture.template import Template
from mlan.model.backbone import random_weights
from mlan.model.compose import compose, initialise_projector, stage1_tensors
from mlan.model.features import Features, features_of
from mlan.model.towers import TOKENS, ToyTower, ToyTowerConfig
from mlan.records import RECORD, write_json, write_parquet, write_record
from mlan.stage import Job

WORDS = [
    *("User:", "Assistant:", "What", "is", "it", "this", "Choose", "one"),
    *("red", "blue", "green", "cat", "dog", "a", "b", "c", "d", "?"),
    *("A", "B", "C", "D", "yes", "no"),
]
TUNE = {
    "language_model": "lora",
    "projector": "train",
    "lora": {"rank": 2, "alpha": 4},
    "learning_rate": 1e-2,
    "projector_learning_rate": 1e-2,
    "warmup_steps": 1,
    "weight_decay": 0.0,
    "clip_norm": 1.0,
    "feature_noise": 0.1,
    "weights": "fp32",
    "attention": "sdpa",
    "activation_checkpointing": 0,
    "pass_tokens": 0,
}
ROWS = {"layout": "sorted", "steps": "mixed", "window": 2, "capacity": 64}


def tokenizer() -> Tokenizer:
    """A word-level tokenizer; unknown words share one id."""
    names = ["<unk>", "<|im_start|>", "<|im_end|>", "<image>", *WORDS]
    built = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="<unk>"))
    built.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    built.add_special_tokens(["<|im_start|>", "<|im_end|>", "<image>"])
    return built


def write_backbone(folder: Path) -> Path:
    """Write a random backbone folder of the real format (without a record)."""
    words = tokenizer()
    text = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    tower = ToyTowerConfig(image_size=32)
    config = LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=words.token_to_id("<image>"),
        image_seq_length=TOKENS,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    tensors = {f"model.language_model.{k}": v for k, v in random_weights(LlamaModel(text)).items()}
    tensors |= {f"model.vision_tower.{k}": v for k, v in random_weights(ToyTower(tower)).items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config.to_dict())
    words.save(str(folder / "tokenizer.json"))
    return folder


def examples(source: str, modality: str, count: int) -> pd.DataFrame:
    """Examples of different lengths; vision ones show picture `set/<number>`."""
    colours = ["red", "blue", "green", "cat", "dog"]
    rows = [
        {
            "id": f"{source}/{number}",
            "source": source,
            "modality": modality,
            "image": f"set/{number}" if modality == "vision" else "",
            "turns": [
                {
                    "user": " ".join(["What is this ?"] * (1 + number % 4)),
                    "assistant": " ".join(colours[: 1 + number % 3]),
                }
            ],
            "style": "brief",
            "concept": f"thing/{number}",
        }
        for number in range(count)
    ]
    return pd.DataFrame(rows)


def plan(
    share: float = 0.5, instances: int = 24, layout: str = "sorted", loss_unit: str = "token"
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], Template]:
    """A plan over one text and one vision source, its sources and its template."""
    sources = {
        "words": examples("words", "text", instances),
        "pictures": examples("pictures", "vision", instances),
    }
    template = Template("user-assistant", tokenizer(), TOKENS)
    mixture = {
        "instances": instances,
        "text_share": share,
        "text": {"words": 1},
        "vision": {"pictures": 1},
        "repeat": False,
    }
    tune = {
        "examples_per_step": 6,
        "rows": {**ROWS, "layout": layout},
        "loss_unit": loss_unit,
        "microbatch": 3,
    }
    seeds = {"draw": 0, "order": 0}
    return build_plan(mixture, tune, seeds, sources, template, TOKENS), sources, template


def record(folder: Path) -> None:
    """Write a record of the files in a folder, as the job that made them would."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != RECORD]
    write_record(folder, stage="test", identity={}, code="", inputs={}, outputs=files)


def tune_job(folder: Path, backbone: Path, share: float, **tune: object) -> Job:
    """A stage-2 job with all its inputs on disk; `backbone` gets a record."""
    table, sources, _ = plan(share=share)
    inputs = {"backbone": backbone, "align": folder / "align", "mixture": folder / "mixture"}
    model = compose(backbone)
    initialise_projector(model, 0)
    inputs["align"].mkdir(parents=True)
    save_file(stage1_tensors(model), inputs["align"] / "projector.safetensors")
    write_parquet(inputs["mixture"] / "plan.parquet", table)
    for name, frame in sources.items():
        inputs[f"source:{name}"] = folder / name
        write_parquet(folder / name / "examples.parquet", frame)
    inputs["images:set"] = folder / "set"
    keys = sources["pictures"]["image"]
    pictures = np.random.default_rng(0).integers(0, 256, (len(keys), 32, 32, 3), dtype=np.uint8)
    index = pd.DataFrame({"image": keys, "row": range(len(keys))})
    write_parquet(folder / "set" / "index.parquet", index)
    np.save(folder / "set" / "images.npy", pictures)
    for path in inputs.values():
        record(path)
    identity = {
        "tune": {**TUNE, **tune},
        "layout": "sorted",
        "template": "user-assistant",
        "precision": "fp32",
        "device": "cpu",
        "seeds": {"init": 0, "order": 0},
    }
    out = folder / "weights"
    out.mkdir()
    return Job("tune", identity, "code", out, inputs, folder / "state")


def encode(model: LlavaForConditionalGeneration, pictures: Mapping[str, Tensor]) -> Features:
    """Features of a few pictures, uint8 (H, W, 3), by key."""

    def store(keys: Iterable[str]) -> dict[str, np.ndarray]:
        return {key: pictures[key].numpy() for key in keys}

    return features_of(model, list(pictures), store, device="cpu", precision="fp32")
