"""Config of what is trained on and measured: concepts, image sets, sources, benchmarks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mlan.config.benchmarks import NEAR_SETS, Benchmark, FactsBenchmark, SetBenchmark
from mlan.config.files import FileSource, SourceFile, Texts
from mlan.config.section import Modality, Name, Positive, Relation, Section


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


class ConversationsSource(FileSource):
    """Your own data: LLaVA conversation JSON or JSONL; rows without `image` are text-only."""

    adapter: Literal["conversations"] = Field(description="LLaVA-style conversations.")
    modality: Modality = Field(description="Which rows of the file this source takes.")


class ChatSource(FileSource):
    """Your own data: a column of messages, `[{role, content}, ...]`, in parquet or JSONL."""

    adapter: Literal["chat"] = Field(description="Messages with roles, in parquet or JSONL.")
    modality: Modality = Field(description="Which rows of the file this source takes.")
    messages: str = Field("messages", description="Column of the messages.")
    role: str = Field("role", description="Key of a message that says who speaks.")
    content: str = Field("content", description="Key of a message that holds its text.")
    user: str = Field("user", description="Role that asks.")
    assistant: str = Field("assistant", description="Role that answers; it is learnt.")
    system: Literal["join", "refuse"] = Field(
        "join",
        description="A first message of the role `system`: put before the first question, or the "
        "row is dropped.",
    )
    image: str = Field(
        "image", description="Column of the picture: a path, or bytes embedded in parquet."
    )
    id: str = Field("id", description="Column of the row's name; it may be missing.")


class QaSource(FileSource):
    """Your own data: questions and answers, one a row, in JSON, JSONL, CSV, TSV or parquet."""

    adapter: Literal["qa"] = Field(description="Questions and answers, one a row.")
    modality: Modality = Field(description="Which rows of the file this source takes.")
    question: str = Field("question", description="Column of the question.")
    answer: str = Field("answer", description="Column of the answer.")
    answer_is: Literal["text", "letter", "index"] = Field(
        "text",
        description="What names the right option: its text, its letter (or label), or its index "
        "from 0.",
    )
    options: Texts | None = Field(
        None, description="Column of a list of options, or a list of columns, one an option."
    )
    context: str | None = Field(None, description="Column of a text that the question is about.")
    kind: Literal["free", "brief", "yes_no", "choose"] | None = Field(
        None,
        description="How a question is put: as it is (`free`, the default without options), with "
        "the request for a short answer or for yes or no, or with lettered options (`choose`, the "
        "default with options; the answer is the letter).",
    )
    image: str = Field(
        "image", description="Column of the picture: a path, or bytes embedded in parquet."
    )
    id: str = Field("id", description="Column of the row's name; it may be missing.")
    columns: list[str] | None = Field(
        None, min_length=1, description="Names of the columns of a CSV or TSV without a header."
    )
    escapes: bool = Field(
        False, description=r"Whether `\n`, `\t` and `\\` in a TSV are written for what they mean."
    )


SetName = Literal["squad", "strategyqa", "commonsenseqa", "cosmosqa", "arc", "vqav2", "aokvqa"]
VISION_SETS: tuple[SetName, ...] = ("vqav2", "aokvqa")


class InstructionSetSource(FileSource):
    """A public instruction set of the paper, read as its release or its data card lays it out."""

    adapter: Literal["instruction_set"] = Field(description="A public set, by name.")
    set: SetName = Field(description="Which set; see `mlan.data.instruction_sets`.")
    annotations: str | None = Field(
        None, description="Answers of `vqav2`, where they are a file beside the questions."
    )
    annotations_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Expected checksum of `annotations`."
    )
    image_name: str | None = Field(
        None,
        description="Name of a picture's file from its `image_id`, e.g. {image_id:012d}.jpg; "
        "left out, the release's own.",
    )

    @property
    def modality(self) -> Modality:
        """What the set shows beside its questions."""
        return "vision" if self.set in VISION_SETS else "text"

    def files(self) -> dict[str, SourceFile]:
        """Return the files by the name of a job's input; `file:annotations` is the second."""
        files = super().files()
        if self.annotations is not None:
            files["file:annotations"] = SourceFile(
                "annotations", self.annotations, "annotations_sha256", self.annotations_sha256
            )
        return files

    @field_validator("image_name")
    @classmethod
    def _names_a_file(cls, pattern: str | None) -> str | None:
        """Refuse a pattern that does not give each picture a name of its own."""
        if pattern is not None:
            try:
                distinct = pattern.format(image_id=1) != pattern.format(image_id=2)
            except (LookupError, ValueError, AttributeError, TypeError):
                distinct = False
            if not distinct:
                raise ValueError("a name holds {image_id}, e.g. {image_id:012d}.jpg")
        return pattern


OwnSource = Annotated[
    ConversationsSource | ChatSource | QaSource | InstructionSetSource,
    Field(discriminator="adapter"),
]
Source = Annotated[
    FactsSource | ConversationsSource | ChatSource | QaSource | InstructionSetSource,
    Field(discriminator="adapter"),
]


class Data(Section):
    """Everything that the study trains on and measures."""

    concepts: Concepts = Field(default_factory=Concepts, description="Concept tables and split.")
    image_size: int = Field(96, ge=32, description="Side of every stored picture in pixels.")
    padding: list[Annotated[int, Field(ge=0, le=255)]] = Field(
        [123, 116, 103],
        min_length=3,
        max_length=3,
        description="Colour (red, green, blue) that makes pictures of your own square. LLaVA takes "
        "the tower's mean: [122, 116, 104] for CLIP, [127, 127, 127] for SigLIP.",
    )
    images: dict[Name, ImageSet] = Field(description="Image sets by name.")
    sources: dict[Name, Source] = Field(description="Instruction sources by name.")
    benchmarks: dict[Name, Benchmark] = Field(description="Benchmarks by name.")

    @field_validator("sources", "benchmarks", mode="before")
    @classmethod
    def _facts_unless_said(cls, entries: Any) -> Any:
        """Give an entry without `adapter` its default, which a tagged union does not."""
        if not isinstance(entries, dict):
            return entries
        return {
            name: {"adapter": "facts", **entry} if isinstance(entry, dict) else entry
            for name, entry in entries.items()
        }

    def from_files(self) -> dict[str, OwnSource | SetBenchmark]:
        """Return the sources and benchmarks that are read from files; they share no name."""
        entries = [*self.sources.items(), *self.benchmarks.items()]
        return {n: e for n, e in entries if not isinstance(e, FactsSource | FactsBenchmark)}

    def near(self, benchmark: str) -> list[str]:
        """Return what a benchmark is near to: as the study says, or as is known of its set."""
        config = self.benchmarks[benchmark]
        if config.near is not None:
            return config.near
        near = NEAR_SETS.get(config.set, ()) if isinstance(config, SetBenchmark) else ()
        return [
            name
            for name, source in self.sources.items()
            if isinstance(source, InstructionSetSource) and source.set in near
        ]


Weights = dict[Name, Positive]
