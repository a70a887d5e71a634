"""The study file as one model, and the checks that need more than one section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mlan.config.data import Benchmark, ConversationsSource, Data, FactsSource
from mlan.config.recipe import Recipe
from mlan.config.section import Name, Section
from mlan.errors import nearest

SeedPart = Literal["draw", "order", "init", "align"]


class Condition(Section):
    """What the model is shown beside the question."""

    image: Literal["real", "blank"] = Field(
        description="`real`: the item's picture; `blank`: a plain white one (blind control)."
    )
    parts: list[Literal["dev", "test"]] = Field(
        min_length=1, description="Parts of the benchmarks that are asked in this condition."
    )


class Evaluate(Section):
    """How every run is measured; zero-shot and greedy."""

    conditions: list[Condition] = Field(
        default=[
            Condition(image="real", parts=["dev", "test"]),
            Condition(image="blank", parts=["dev"]),
        ],
        description="Conditions; `blank` applies to vision benchmarks only.",
    )
    max_new_tokens: int = Field(8, ge=1, description="Longest greedy answer in tokens.")
    batch: int = Field(48, ge=1, description="Items of one forward pass.")


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


class Report(Section):
    """How results are drawn; never part of a run's identity."""

    title: str = Field("Score against text share", description="Title of the first figure.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of every interval.")


class StudyConfig(Section):
    """One study: one config file, one results folder."""

    description: str = Field("", description="What the study is, in one or two sentences.")
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(
        [0, 1, 2], description="Seeds; every cell runs once per seed."
    )
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
    data: Data = Field(description="Concepts, images, sources, benchmarks.")
    recipe: Recipe = Field(description="The base cell.")
    experiments: dict[Name, Experiment] = Field(
        min_length=1, description="Experiments by name; equal cells are trained once."
    )
    evaluate: Evaluate = Field(default_factory=Evaluate, description="Evaluation protocol.")
    report: Report = Field(default_factory=Report, description="Figures and tables.")

    @model_validator(mode="after")
    def _names_fit_together(self) -> StudyConfig:
        problems = [
            *_duplicates("seeds", self.seeds),
            *_duplicates("seed_varies", self.seed_varies),
            *_image_problems(self.data),
            *_duplicates(
                "evaluate.conditions",
                [f"{c.image} {part}" for c in self.evaluate.conditions for part in c.parts],
            ),
            *recipe_problems(self.data, self.recipe),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _duplicates(key: str, values: list[Any]) -> list[str]:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    return [f"{key} = {v}: named twice; each value may stand once" for v in twice]


def _image_problems(data: Data) -> list[str]:
    problems = []
    users: list[tuple[str, FactsSource | Benchmark]] = [
        *((f"data.sources.{n}", s) for n, s in data.sources.items() if isinstance(s, FactsSource)),
        *((f"data.benchmarks.{n}", b) for n, b in data.benchmarks.items()),
    ]
    for key, user in users:
        if user.modality == "vision" and user.images is None:
            problems.append(f"{key}.images: missing; a vision entry names an image set")
        elif user.modality == "text" and user.images is not None:
            problems.append(f"{key}.images = {user.images!r}: a text entry has no images")
        elif user.images is not None and user.images not in data.images:
            problems.append(
                f"{key}.images = {user.images!r}: unknown image set; "
                + nearest(user.images, data.images)
            )
    problems += [
        f"data.sources.{name}.image_folder: missing; a vision source names one"
        for name, source in data.sources.items()
        if isinstance(source, ConversationsSource)
        and source.modality == "vision"
        and source.image_folder is None
    ]
    problems += [
        f"data.sources.{name}: a source and an image set may not share the name {name!r}"
        for name in sorted(set(data.sources) & set(data.images))
    ]
    return problems


def recipe_problems(data: Data, recipe: Recipe) -> list[str]:
    """Return what does not fit between a recipe, the base one or a cell's, and the data."""
    problems = []
    for key in ("images", "naming_images"):
        name = getattr(recipe.align, key)
        if name not in data.images:
            problems.append(
                f"recipe.align.{key} = {name!r}: unknown image set; {nearest(name, data.images)}"
            )
    for modality in ("text", "vision"):
        weights: dict[str, float] = getattr(recipe.mixture, modality)
        for name in weights:
            key = f"recipe.mixture.{modality}.{name}"
            if name not in data.sources:
                problems.append(f"{key}: unknown source; {nearest(name, data.sources)}")
            elif data.sources[name].modality != modality:
                problems.append(
                    f"{key}: source {name!r} has modality {data.sources[name].modality!r}; "
                    f"it must be {modality!r} here"
                )
    mixture = recipe.mixture
    if mixture.text_share > 0 and not mixture.text:
        problems.append(f"recipe.mixture.text: empty, but text_share = {mixture.text_share}")
    if mixture.text_share < 1 and not mixture.vision:
        problems.append(f"recipe.mixture.vision: empty, but text_share = {mixture.text_share}")
    if recipe.tune.language_model == "frozen" and (
        recipe.tune.projector == "frozen" or mixture.text_share == 1
    ):
        problems.append("recipe.tune.language_model = 'frozen': nothing would be trained")
    return problems
