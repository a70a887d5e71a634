"""MLAN at full scale (arXiv 2411.10557), from which `config/paper.yaml` is generated.

Backbone, recipe, seven sources and the sweep follow the paper and its released scripts; what they
leave open is a choice of ours and named so in docs/paper.md. Repositories are named as their cards
name them; `mlan lock paper` pins each to a commit before anything is fetched.
"""

from __future__ import annotations

from typing import Any

from mlan.config.study import StudyConfig


def _source(name: str, repository: str, *paths: str, **more: Any) -> dict[str, Any]:
    return {
        "adapter": "instruction_set",
        "set": name,
        "repository": f"hub:datasets/{repository}",
        "path": list(paths),
        **more,
    }


def _benchmark(name: str, repository: str, *paths: str, **more: Any) -> dict[str, Any]:
    return {
        "adapter": "benchmark_set",
        "set": name,
        "repository": f"hub:datasets/{repository}",
        "path": list(paths),
        **more,
    }


_SHORT = {"max_new_tokens": 16}
_SCIENCEQA = ("lmms-lab/ScienceQA", "ScienceQA-FULL/test-*.parquet")

PAPER = StudyConfig.model_validate(
    {
        "description": "MLAN's sweep: text share from 0 to 100 % at 80,000 examples, Llama-2-7b "
        "and CLIP ViT-L/14-336, five text and two vision sources, twelve benchmarks.",
        "seeds": [0, 1, 2],
        "claims": "paper.claims.yaml",
        # All weights of three seeds are 365 GB.
        "keep": "best",
        "data": {
            "image_size": 336,
            "padding": [122, 116, 104],
            "images": {},
            "sources": {
                "squad": _source("squad", "rajpurkar/squad", "plain_text/train-*.parquet"),
                "strategyqa": _source("strategyqa", "ChilleD/StrategyQA", "data/train-*.parquet"),
                "commonsenseqa": _source(
                    "commonsenseqa", "tau/commonsense_qa", "data/train-*.parquet"
                ),
                "cosmosqa": _source("cosmosqa", "allenai/cosmos_qa", "data/train-*.parquet"),
                "arc": _source(
                    "arc",
                    "allenai/ai2_arc",
                    "ARC-Challenge/train-*.parquet",
                    "ARC-Easy/train-*.parquet",
                ),
                "vqav2": _source("vqav2", "HuggingFaceM4/VQAv2", "data/train-*.parquet"),
                "aokvqa": _source("aokvqa", "HuggingFaceM4/A-OKVQA", "data/train-*.parquet"),
                "lcs558k": {
                    "adapter": "conversations",
                    "modality": "vision",
                    "repository": "hub:datasets/liuhaotian/LLaVA-Pretrain",
                    "path": "blip_laion_cc_sbu_558k.json",
                    "image_folder": "images.zip",
                },
            },
            "benchmarks": {
                "race": _benchmark("race", "EleutherAI/race", "high/test-*.parquet"),
                "openbookqa": _benchmark(
                    "openbookqa",
                    "allenai/openbookqa",
                    "main/test-*.parquet",
                    dev_path=["main/validation-*.parquet"],
                ),
                "boolq": _benchmark("boolq", "google/boolq", "data/validation-*.parquet"),
                "hellaswag": _benchmark(
                    "hellaswag", "Rowan/hellaswag", "data/validation-*.parquet"
                ),
                "mmlu": _benchmark(
                    "mmlu",
                    "cais/mmlu",
                    "all/test-*.parquet",
                    dev_path=["all/validation-*.parquet"],
                ),
                "scienceqa_text": _benchmark("scienceqa_text", *_SCIENCEQA),
                "gqa": _benchmark(
                    "gqa",
                    "lmms-lab/GQA",
                    "testdev_balanced_instructions/testdev-*.parquet",
                    image_path=["testdev_balanced_images/testdev-*.parquet"],
                    **_SHORT,
                ),
                "pope": _benchmark("pope", "lmms-lab/POPE", "data/test-*.parquet"),
                "ai2d": _benchmark("ai2d", "lmms-lab/ai2d", "data/test-*.parquet"),
                "realworldqa": _benchmark(
                    "realworldqa", "lmms-lab/RealWorldQA", "data/test-*.parquet", **_SHORT
                ),
                "scienceqa_image": _benchmark("scienceqa_image", *_SCIENCEQA),
                "mmmu": _benchmark("mmmu", "MMMU/MMMU", "*/validation-*.parquet", **_SHORT),
            },
        },
        "recipe": {
            "backbone": {
                "language_model": "hub:meta-llama/Llama-2-7b-hf",
                "vision_tower": "hub:openai/clip-vit-large-patch14-336",
                "template": "vicuna-v1",
                "precision": "bf16",
            },
            "align": {
                "method": "plain",
                "captions": "lcs558k",
                "naming_images": None,
                "epochs": 1,
                "batch": 256,
                "learning_rate": 1e-3,
                "warmup_share": 0.03,
                "feature_noise": 0.0,
                "caption_layout": "packed",
                "rows_at_once": 4,
            },
            "mixture": {
                "instances": 80_000,
                "text_share": 0.875,
                # Of 80,000 texts 20,000 are SQuAD's and 15,000 of each other source.
                "text": {
                    "squad": 4,
                    "strategyqa": 3,
                    "commonsenseqa": 3,
                    "cosmosqa": 3,
                    "arc": 3,
                },
                "vision": {"vqav2": 4, "aokvqa": 1},
                "match": "up",
            },
            "tune": {
                "language_model": "full",
                "weights": "bf16_stochastic",
                "examples_per_step": 64,
                "learning_rate": 2e-5,
                "projector_learning_rate": 2e-5,
                "warmup_steps": 38,
                "feature_noise": 0.0,
                "loss_unit": "microbatch",
                "microbatch": 8,
                "activation_checkpointing": 1,
                "pass_tokens": 8192,
                "rows": {"layout": "packed", "steps": "single_modality", "capacity": 2048},
            },
        },
        "experiments": {
            "sweep": {
                "description": "How do text and vision scores move with the text share?",
                "vary": {
                    "mixture.text_share": [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]
                },
            },
            "vicuna": {
                "description": "The same shares on a language model that was already tuned.",
                # It has Llama 2's vocabulary, in a form that only sentencepiece reads.
                "set": {
                    "backbone.language_model": "hub:lmsys/vicuna-7b-v1.5",
                    "backbone.tokenizer": "hub:meta-llama/Llama-2-7b-hf",
                },
                "vary": {"mixture.text_share": [0.0, 0.06, 0.25, 0.5, 0.875, 1.0]},
                "default": False,
            },
            "one_source": {
                "description": "All text from one source: does diversity of text matter?",
                "set": {"mixture.text": {"squad": 1}},
                "vary": {"mixture.text_share": [0.875, 1.0]},
                "default": False,
            },
        },
        "evaluate": {
            "conditions": [{"image": "real", "parts": ["dev", "test"]}],
            "max_new_tokens": 4,
            # Many questions about a picture share its tokens.
            "batch": 256,
            "recheck": 100,
        },
        "report": {"title": "MLAN: score against text share"},
    }
)
