"""The base of every config section, frozen with unknown keys forbidden, and shared value types."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Section(BaseModel):
    """A part of the study file. Every field has a description; a wrong key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Modality = Literal["text", "vision"]
Relation = Literal[
    "capital",
    "country",
    "continent",
    "demonym",
    "language",
    "category",
    "define",
    "object",
    "flag",
    "colour",
    "position",
]
