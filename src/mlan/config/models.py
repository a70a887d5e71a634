"""Names of models, as a study file writes them.

An embedded model is a bare word; `hub:org/name@commit` is one on a hub (`mlan.config.hub`); a
path with a slash, such as `./models/mine`, is a folder of your own in transformers' standard
layout, relative to the study file. Whether a folder or repository holds what it should is not
asked here (`mlan.data.model_folder`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from mlan.config.hub import PREFIX, hub_model, parse_file
from mlan.errors import nearest

LANGUAGE_MODELS = ("smollm2-135m-instruct", "toy-llama")
VISION_TOWERS = ("mobilenetv2", "toy-tower")
# Weights that are read where a model has no safetensors.
PICKLED = "pytorch_model*.bin"
# What is read of a model whose tokenizer alone is taken; the last two for its padding.
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json")
_LONGEST = 32  # characters of a name within the name of a folder


def is_hub(name: str) -> bool:
    """Whether a model lies on a hub."""
    return name.startswith(PREFIX)


def is_folder(name: str) -> bool:
    """Whether a model is a folder of the user's own."""
    return not is_hub(name) and "/" in name


def is_embedded(name: str) -> bool:
    """Whether a model comes with the installation."""
    return not is_hub(name) and not is_folder(name)


def short_name(name: str) -> str:
    """Return what stands for a model in the names of cells and folders.

    An embedded model keeps its name. Another one has the last part of its path and six digits of
    the whole name's sha256, such as `llama-2-7b-hf-0f3a9c`: names that end alike stay apart.
    """
    if is_embedded(name):
        return name
    last = name.partition("@")[0].rstrip("/").rpartition("/")[2].lower()
    word = re.sub(r"[^a-z0-9]+", "-", last)[:_LONGEST].strip("-")
    return f"{word or 'model'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _checked(embedded: tuple[str, ...]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if is_hub(name):
            return hub_model(name)
        if is_folder(name) or name in embedded:
            return name
        hint = nearest(name, embedded)
        allowed = [*embedded, "hub:org/name", "./folder"]
        suggestion = f"; {hint}" if hint.startswith("did you mean") else ""
        reason = f"not one of {', '.join(allowed)}{suggestion}"
        raise PydanticCustomError("model_name", "{reason}", {"reason": reason})

    return check


def _projector(name: str) -> str:
    reason = ""
    if is_hub(name):
        try:
            parse_file(name)
        except ValueError as error:
            reason = str(error)
    if not name.endswith((".safetensors", ".bin")):
        reason = reason or "not a .safetensors or .bin file"
    if reason:
        raise PydanticCustomError("projector_file", "{reason}", {"reason": reason})
    return name


def _schema(embedded: tuple[str, ...]) -> WithJsonSchema:
    elsewhere = {"type": "string", "pattern": f"^{PREFIX}|/"}
    return WithJsonSchema(
        {"anyOf": [{"enum": list(embedded)}, elsewhere] if embedded else [elsewhere]}
    )


LanguageModel = Annotated[str, AfterValidator(_checked(LANGUAGE_MODELS)), _schema(LANGUAGE_MODELS)]
VisionTower = Annotated[str, AfterValidator(_checked(VISION_TOWERS)), _schema(VISION_TOWERS)]
ProjectorFile = Annotated[str, AfterValidator(_projector)]
OtherModel = Annotated[str, AfterValidator(_checked(())), _schema(())]
