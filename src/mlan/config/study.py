"""The study file as one model. What must fit between its sections: `mlan.config.fit`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mlan.config.data import Data
from mlan.config.evaluate import Evaluate, Seeds
from mlan.config.models import OtherModel
from mlan.config.recipe import Recipe, TemplateName
from mlan.config.section import Name, Section

# Part of a cell's name.
CellPart = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
SeedPart = Literal["draw", "order", "init", "align"]
Keep = Literal["scores", "adapters", "best", "all"]


class Experiment(Section):
    """A question to the grid: axes that vary from the recipe, all combinations."""

    description: str = Field("", description="One sentence: what the experiment asks.")
    vary: dict[str, list[Any]] = Field(
        default_factory=dict, description="Recipe key -> values; the cells are all combinations."
    )
    set: dict[str, Any] = Field(
        default_factory=dict, description="Recipe key -> value, for all cells of the experiment."
    )
    default: bool = Field(True, description="Whether it is part of the default targets.")


class Released(Section):
    """A whole LLaVA model as others published it: evaluated, never trained."""

    model: OtherModel = Field(
        description="`hub:org/name`, or a folder with a slash, ./mine, of a "
        "LlavaForConditionalGeneration."
    )
    template: TemplateName = Field(
        "vicuna-v1", description="Conversation template that it was tuned with."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="Arithmetic of the forward pass."
    )


class Report(Section):
    """How results are drawn; never part of a run's identity."""

    title: str = Field("Score against text share", description="Title of the first figure.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of every interval.")
    not_shown: dict[str, str] = Field(
        default_factory=dict,
        description="What the study cannot show, by a short name, with the reason in a sentence: "
        "the report tells it beside what was not tested.",
    )


class StudyConfig(Section):
    """One study: one config file, one results folder."""

    description: str = Field("", description="What the study is, in one or two sentences.")
    seeds: Seeds = Field([0, 1, 2], description="Seeds; every cell runs once per seed.")
    seed_varies: list[SeedPart] = Field(
        ["draw", "order", "init"],
        description="What a seed changes: which examples are drawn, their order, the adapter's "
        "initial values, stage 1. Parts not named stay as in seed 0 for every run.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="`auto`: a GPU if the machine has one, resolved once at the start."
    )
    gpus: int = Field(1, ge=1, description="GPUs of one training or evaluation job on cuda.")
    threads: int = Field(2, ge=1, description="CPU threads of one training or evaluation job.")
    keep: Keep = Field(
        "all",
        description="What stays of a run's weights once it is scored: none (`scores`), adapters "
        "and projector (`adapters`), those of the best cell on the dev parts (`best`), or all. "
        "No part of any result; see docs/cost.md.",
    )
    data: Data = Field(description="Concepts, images, sources, benchmarks.")
    recipe: Recipe = Field(description="The base cell.")
    experiments: dict[Name, Experiment] = Field(
        min_length=1, description="Experiments by name; equal cells are trained once."
    )
    claims: str | None = Field(
        None,
        description="Claims file, beside the study file: what is believed before the run, and when "
        "that counts as shown; see docs/claims.md. null: none.",
    )
    released: dict[CellPart, Released] = Field(
        default_factory=dict,
        description="Published models to compare with, by name; only evaluated.",
    )
    unpinned: Literal["refuse", "allow"] = Field(
        "refuse",
        description="Names of a hub that are neither pinned nor locked: an error, or taken at "
        "their commit of the first start, which every record then says.",
    )
    evaluate: Evaluate = Field(default_factory=Evaluate, description="Evaluation protocol.")
    report: Report = Field(default_factory=Report, description="Figures and tables.")
