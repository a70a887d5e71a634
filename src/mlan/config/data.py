"""Config of what is trained on and measured: concepts, image sets, sources, benchmarks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mlan.config.section import Name, Positive, Section, Share

Modality = Literal["text", "vision"]
TaughtBy = Literal["pictures", "text", "either", "nobody"]
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


class Concepts(Section):
    """How many things of each kind exist, and how they are split before any question is asked."""

    objects: int = Field(186, ge=8, description="Objects with a picture in both drawing styles.")
    countries: int = Field(158, ge=8, description="Countries, the most populous first.")
    words: int = Field(600, ge=8, description="Dictionary words with a definition.")
    train_fraction: float = Field(
        0.36, gt=0, lt=1, description="Fraction of each kind whose facts the sources may teach."
    )
    dev_fraction: float = Field(
        0.1, gt=0, le=0.3, description="Fraction of each kind on which the recipe is chosen."
    )
    split_seed: int = Field(7, description="Seed of the split; it is fixed for a study.")


class ImageSet(Section):
    """Pictures drawn from the embedded emoji packages, in one drawing style."""

    style: Literal["twemoji", "noto"] = Field(
        description="Drawing style: Twemoji for training, Noto for evaluation (never trained)."
    )
    views: int = Field(
        1, ge=1, description="Views of each concept; the first is clean, the others are perturbed."
    )
    scenes: int = Field(
        1, ge=1, description="Scenes of each object per colour and per position question."
    )


class FactsSource(Section):
    """Questions about embedded concepts: one relation asked in text or of a picture."""

    adapter: Literal["facts"] = Field("facts", description="Embedded facts and pictures.")
    modality: Modality = Field(description="`text` names the concept, `vision` shows it.")
    relation: Relation = Field(description="What is asked; see `mlan.data.relations`.")
    images: Name | None = Field(None, description="Image set of a vision source.")


class ConversationsSource(Section):
    """Your own data: LLaVA conversation JSON or JSONL; rows without `image` are text-only."""

    adapter: Literal["conversations"] = Field(description="LLaVA-style conversations.")
    modality: Modality = Field(description="Which rows of the file this source takes.")
    path: str = Field(description="JSON or JSONL file, relative to the study file.")
    image_folder: str | None = Field(None, description="Folder that `image` is relative to.")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Expected checksum of the file."
    )
    max_rejected: Share = Field(
        0.01, description="Largest fraction of rows that may be dropped; above it is an error."
    )


Source = Annotated[FactsSource | ConversationsSource, Field(discriminator="adapter")]


class BenchmarkItems(Section):
    """What decides a benchmark's items: held-out questions that share no concept with sources."""

    modality: Modality = Field(description="`text` names the concept, `vision` shows it.")
    relation: Relation = Field(description="What is asked; see `mlan.data.relations`.")
    images: Name | None = Field(None, description="Image set of a vision benchmark.")
    dev: int = Field(16, ge=1, description="Items of the dev part at most (recipe is chosen here).")
    test: int = Field(80, ge=1, description="Items of the test part (reported).")


class Benchmark(BenchmarkItems):
    """A benchmark and how its scores are grouped."""

    taught_by: TaughtBy = Field(
        description="Who can teach the skill in stage 2: only `pictures`, only `text`, `either`, "
        "or `nobody` (no source asks it)."
    )
    headline: bool = Field(True, description="Whether it counts in the modality's average.")


class Data(Section):
    """Everything that the study trains on and measures."""

    concepts: Concepts = Field(default_factory=Concepts, description="Concept tables and split.")
    image_size: int = Field(96, ge=32, description="Side of every stored picture in pixels.")
    images: dict[Name, ImageSet] = Field(description="Image sets by name.")
    sources: dict[Name, Source] = Field(description="Instruction sources by name.")
    benchmarks: dict[Name, Benchmark] = Field(description="Benchmarks by name.")

    @field_validator("sources", mode="before")
    @classmethod
    def _facts_unless_said(cls, sources: Any) -> Any:
        """Give an entry without `adapter` its default, which a tagged union does not."""
        if not isinstance(sources, dict):
            return sources
        return {
            name: {"adapter": "facts", **source} if isinstance(source, dict) else source
            for name, source in sources.items()
        }


Weights = dict[Name, Positive]
