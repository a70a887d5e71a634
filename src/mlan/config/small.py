"""The embedded default study, from which `config/small.yaml` is generated.

Real pretrained parts (SmolLM2-135M-Instruct, an ImageNet MobileNetV2), real pictures and
facts, at a scale that two CPU cores finish in minutes.
"""

from __future__ import annotations

from typing import Any

from mlan.config.study import StudyConfig


def _ask(modality: str, relation: str, taught_by: str, **more: Any) -> dict[str, Any]:
    images = {"images": "eval"} if modality == "vision" else {}
    return {
        "modality": modality,
        "relation": relation,
        **images,
        "taught_by": taught_by,
        **more,
    }


def _text(relation: str) -> dict[str, Any]:
    return {"adapter": "facts", "modality": "text", "relation": relation}


def _vision(relation: str) -> dict[str, Any]:
    return {"adapter": "facts", "modality": "vision", "relation": relation, "images": "train"}


SMALL = StudyConfig.model_validate(
    {
        "description": "Text share swept from 0 to 100 % at 480 examples: SmolLM2-135M and "
        "MobileNetV2 on emoji pictures, country facts and dictionary definitions.",
        "data": {
            "images": {
                "train": {"style": "twemoji", "views": 8},
                "eval": {"style": "noto", "views": 1},
            },
            "sources": {
                "t_capital": _text("capital"),
                "t_country": _text("country"),
                "t_continent": _text("continent"),
                "t_category": _text("category"),
                "t_define": _text("define"),
                "v_object": _vision("object"),
                "v_flag": _vision("flag"),
                "v_category": _vision("category"),
                "v_continent": _vision("continent"),
                "v_colour": _vision("colour"),
                "v_position": _vision("position"),
            },
            "benchmarks": {
                "t_capital": _ask("text", "capital", "text"),
                "t_country": _ask("text", "country", "text"),
                "t_continent": _ask("text", "continent", "either"),
                "t_language": _ask("text", "language", "nobody"),
                "t_category": _ask("text", "category", "either"),
                "t_define": _ask("text", "define", "text"),
                "v_colour": _ask("vision", "colour", "pictures"),
                "v_position": _ask("vision", "position", "pictures"),
                "v_category": _ask("vision", "category", "either"),
                "v_capital": _ask("vision", "capital", "text"),
                "v_demonym": _ask("vision", "demonym", "nobody"),
                "v_language": _ask("vision", "language", "nobody"),
            },
        },
        "recipe": {
            "mixture": {
                "text": {
                    "t_capital": 1,
                    "t_country": 1,
                    "t_continent": 1,
                    "t_category": 1,
                    "t_define": 1,
                },
                "vision": {
                    "v_object": 1,
                    "v_flag": 1,
                    "v_category": 1,
                    "v_continent": 1,
                    "v_colour": 2,
                    "v_position": 2,
                },
            },
        },
        "experiments": {
            "sweep": {
                "description": "How do text and vision scores move with the text share?",
                "vary": {"mixture.text_share": [0.0, 0.25, 0.5, 0.75, 0.95, 1.0]},
            },
            "plain_stage1": {
                "description": "The same cell after LLaVA's own stage 1, without the warm start.",
                "set": {"align.method": "plain"},
                "default": False,
            },
            "one_source": {
                "description": "As much text from one source: does diversity of text matter?",
                "set": {"mixture.text": {"t_define": 1}},
                "vary": {"mixture.text_share": [1.0]},
                "default": False,
            },
            "token_cap": {
                "description": "The same at equal tokens, those of 480 texts: pictures cost more.",
                "set": {
                    "mixture.arm": "tokens",
                    "mixture.instances": None,
                    "mixture.tokens": 12_400,
                },
                "vary": {"mixture.text_share": [0.0, 0.75]},
                "default": False,
            },
        },
        "claims": "claims.yaml",
        "report": {
            "not_shown": {
                "the paper's values": "The language model has 135M parameters, questions are short "
                "and examples come from templates: directions at most.",
                "the saving of half the tokens": "Nine image tokens make a picture cheap; the "
                "paper's pictures have 576.",
                "the paper's stage 1": "A warm start pulls picture tokens towards word "
                "embeddings, for plain captions need hours on a CPU.",
                "full fine-tuning": "Stage 2 trains LoRA adapters and the projector.",
                "the slope of vision for other sources": "It depends on who is asked what: vision "
                "sources ask category and continent themselves, capital is taught in text alone, "
                "demonym and language by nobody. Read the curves by tag.",
                "yes/no questions": "They are left out: this model does not learn them.",
            }
        },
        # The dev part and the blank picture serve to choose the recipe, which one seed does.
        "evaluate": {
            "conditions": [
                {"image": "real", "parts": ["test"]},
                {"image": "real", "parts": ["dev"], "seeds": [0]},
                {"image": "blank", "parts": ["dev"], "seeds": [0]},
            ],
        },
    }
)
