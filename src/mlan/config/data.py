"""Config of what is trained on and measured: concepts, image sets, sources, benchmarks."""

from __future__ import annotations

from itertools import zip_longest
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from mlan.config.hub import HubDataset
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


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _shortest(value: list[str]) -> str | list[str]:
    return value[0] if len(value) == 1 else value


# A text or a list of texts in the file, always a list here; one is written as the text itself.
_ONE_OR_MORE = (
    Field(min_length=1),
    BeforeValidator(_listed),
    PlainSerializer(_shortest),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]}),
)
Texts = Annotated[list[str], *_ONE_OR_MORE]
Digests = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]], *_ONE_OR_MORE
]


class SourceFile(NamedTuple):
    """A file of a source: its path and checksum as the source says them, and under which keys."""

    key: str
    path: str
    sha256_key: str
    sha256: str | None


def is_file_input(name: str) -> bool:
    """Whether a job's input is a file of a source, not a folder that another job wrote."""
    return name == "file" or name.startswith("file:")


class FileSource(Section):
    """What all sources share that are read from your own files."""

    repository: HubDataset | None = Field(
        None,
        description="Data set of a hub that `path` lies in, `hub:datasets/org/name`; its commit "
        "is pinned by `@` or by `mlan lock`.",
    )
    path: Texts = Field(
        description="File, or a list of files of one layout, relative to the study file, or to "
        "the repository."
    )
    image_folder: str | None = Field(None, description="Folder that `image` is relative to.")
    sha256: Digests | None = Field(
        None, description="Expected checksum of the file; of several files a list."
    )
    max_rejected: Share = Field(
        0.01, description="Largest fraction of rows that may be dropped; above it is an error."
    )

    def files(self) -> dict[str, SourceFile]:
        """Return the files by the name of a job's input: `file`, `file:1`, `file:2`, ..."""
        digests = self.sha256 or []
        files = {}
        for n, (path, digest) in enumerate(zip_longest(self.path, digests)):
            place = f".{n}" if len(self.path) > 1 else ""
            listed = SourceFile(f"path{place}", path, f"sha256{place}", digest)
            files[f"file:{n}" if n else "file"] = listed
        return files


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
