"""Config of what is measured: embedded questions, and public benchmarks by name."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from mlan.config.evaluate import PromptName, Scorers
from mlan.config.files import Digests, FileData, SourceFile, Texts, numbered
from mlan.config.section import Modality, Name, Relation, Section, Share

TaughtBy = Literal["pictures", "text", "either", "nobody"]


class Reported(Section):
    """How a benchmark's answers are asked for and its scores are grouped."""

    taught_by: TaughtBy | None = Field(
        None,
        description="Who can teach the skill in stage 2: only `pictures`, only `text`, `either`, "
        "or `nobody` (no source asks it); left out: not told, in no such group.",
    )
    headline: bool = Field(True, description="Whether it counts in the modality's average.")
    near: list[str] | None = Field(
        None,
        description="Sources, or instruction sets by name, that the benchmark is near to: much "
        "the same questions, or the same pictures. Left out: what is known of a public set.",
    )
    max_new_tokens: int | None = Field(
        None, ge=1, description="Longest greedy answer in tokens; left out: evaluate's."
    )
    prompt: PromptName | None = Field(
        None,
        description="Wording of the request; left out: `default`. A condition's own comes first.",
    )
    scorers: Scorers | None = Field(
        None, description="How its answers are measured; left out: evaluate's."
    )
    continuation: Literal["question", "text"] | None = Field(
        None,
        description="What `choice_logprob` lets the options continue: `question` and the word "
        "Answer, or the bare `text`. Left out: `text` for sets whose options go on with it.",
    )

    @property
    def continued(self) -> Literal["question", "text"]:
        """What an option continues."""
        return self.continuation or "question"


class BenchmarkItems(Section):
    """What decides a benchmark's items: held-out questions that share no concept with sources."""

    adapter: Literal["facts"] = Field("facts", description="Embedded facts and pictures.")
    modality: Modality = Field(description="`text` names the concept, `vision` shows it.")
    relation: Relation = Field(description="What is asked; see `mlan.data.relations`.")
    images: Name | None = Field(None, description="Image set of a vision benchmark.")
    dev: int = Field(16, ge=1, description="Items of the dev part at most (recipe is chosen here).")
    test: int = Field(80, ge=1, description="Items of the test part (reported).")


class FactsBenchmark(Reported, BenchmarkItems):
    """A benchmark of embedded concepts."""

    taught_by: TaughtBy = Field(
        description="Who can teach the skill in stage 2: only `pictures`, only `text`, `either`, "
        "or `nobody` (no source asks it)."
    )


TextSetName = Literal[
    "race",
    "openbookqa",
    "boolq",
    "hellaswag",
    "mmlu",
    "arc",
    "commonsenseqa",
    "cosmosqa",
    "strategyqa",
    "scienceqa_text",
]
VisionSetName = Literal[
    "scienceqa_image",
    "gqa",
    "pope",
    "ai2d",
    "realworldqa",
    "mmmu",
    "mme",
    "mmbench",
    "textvqa",
    "vqav2",
]
BenchmarkSetName = Literal[TextSetName, VisionSetName]
VISION_BENCHMARKS: tuple[BenchmarkSetName, ...] = get_args(VisionSetName)
# Instruction sets that ask much the same of material of the same origin (COCO's pictures, an
# exam's questions, one set's train part). Sources of such a set are near by default.
NEAR_SETS: dict[str, tuple[str, ...]] = {
    "openbookqa": ("arc",),
    "arc": ("arc",),
    "commonsenseqa": ("commonsenseqa",),
    "cosmosqa": ("cosmosqa",),
    "strategyqa": ("strategyqa",),
    "gqa": ("vqav2", "aokvqa"),
    "pope": ("vqav2", "aokvqa"),
    "mme": ("vqav2", "aokvqa"),
    "vqav2": ("vqav2", "aokvqa"),
}


# Sets whose options go on with a text that breaks off.
CONTINUED_SETS: tuple[BenchmarkSetName, ...] = ("hellaswag",)
# Sets with free answers, which nothing but the greedy answer measures.
FREE_SETS: tuple[BenchmarkSetName, ...] = ("gqa", "realworldqa", "mmmu", "textvqa", "vqav2")


class SetBenchmark(Reported, FileData):
    """A public benchmark, read as its data card lays it out."""

    section = "data.benchmarks"

    adapter: Literal["benchmark_set"] = Field(description="A public benchmark, by name.")
    set: BenchmarkSetName = Field(description="Which one; see `mlan.data.benchmark_sets`.")
    max_rejected: Share = Field(
        0.0, description="Largest fraction of rows that may be dropped; above it is an error."
    )
    image_path: Texts | None = Field(
        None, description="Files of the pictures of `gqa`, which lie beside its questions."
    )
    image_sha256: Digests | None = Field(None, description="Expected checksums of `image_path`.")
    dev_path: Texts | None = Field(
        None,
        description="Files of the dev part, of the same layout; left out: it is drawn from `path`.",
    )
    dev_sha256: Digests | None = Field(None, description="Expected checksums of `dev_path`.")
    dev_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Fraction of the clusters that are the dev part, drawn by "
        "`data.concepts.split_seed`; of no effect beside `dev_path`.",
    )
    dev: int | None = Field(
        None, ge=1, description="Items of the dev part at most, whole clusters; left out: all."
    )
    test: int | None = Field(
        None, ge=1, description="Items of the test part at most, whole clusters; left out: all."
    )

    @property
    def modality(self) -> Modality:
        """What the set shows beside its questions."""
        return "vision" if self.set in VISION_BENCHMARKS else "text"

    @property
    def continued(self) -> Literal["question", "text"]:
        """What an option continues; what is known of the set unless the study says it."""
        known: Literal["question", "text"] = "text" if self.set in CONTINUED_SETS else "question"
        return self.continuation or known

    def files(self) -> dict[str, SourceFile]:
        """Return the files by the name of a job's input; `file:dev`, `file:images` come last."""
        dev = numbered("file:dev", "dev_path", self.dev_path or (), "dev_sha256", self.dev_sha256)
        pictures = (self.image_path or (), "image_sha256", self.image_sha256)
        return {
            **super().files(),
            **dict(dev),
            **dict(numbered("file:images", "image_path", *pictures)),
        }


# What decides the items of a public benchmark: all but how they are reported.
ITEM_FIELDS = frozenset(SetBenchmark.model_fields) - frozenset(Reported.model_fields)
Benchmark = Annotated[FactsBenchmark | SetBenchmark, Field(discriminator="adapter")]
