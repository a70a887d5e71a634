"""Config of one cell: backbone, stage-1 alignment, mixture and stage-2 tuning."""

from __future__ import annotations

from string import Formatter
from typing import Any, Literal

from pydantic import Field, create_model, field_validator

from mlan.config.data import Weights
from mlan.config.models import LanguageModel, OtherModel, ProjectorFile, VisionTower
from mlan.config.section import Name, Section, Share

TemplateName = Literal[
    "user-assistant",
    "plain",
    "vicuna-v1",
    "chatml",
    "chatml-qwen2.5",
    "chatml-smollm2",
    "llama3",
]


# What an external command may name: see `tune.command`.
PLACEHOLDERS = ("data", "images", "model", "out", "seed")


class Backbone(Section):
    """The pretrained parts of a cell."""

    language_model: LanguageModel = Field(
        "smollm2-135m-instruct",
        description="Language model: an embedded one (`toy-llama` is random and tiny), "
        "`hub:org/name`, or a folder with a slash, ./mine; see docs/hub.md.",
    )
    vision_tower: VisionTower = Field(
        "mobilenetv2",
        description="Frozen vision tower, likewise; `toy-tower` is random and tiny.",
    )
    tokenizer: OtherModel | None = Field(
        None,
        description="Model whose tokenizer.json is taken, `hub:org/name` or a folder; left out, "
        "the language model's own. For one that has none, such as Vicuna, of equal vocabulary.",
    )
    template: TemplateName = Field(
        "user-assistant",
        description="Conversation template as token segments; see `mlan.mixture.forms`.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="Arithmetic of the forward pass; bf16 moves results like a seed does."
    )

    @property
    def speaker(self) -> str:
        """The model whose tokenizer conversations are written with."""
        return self.tokenizer or self.language_model

    @property
    def parts(self) -> dict[str, str]:
        """The models by part; a tokenizer of its own is one."""
        named = self.model_dump(include={"language_model", "vision_tower", "tokenizer"})
        return {part: name for part, name in named.items() if name is not None}


# A class body cannot name a field by a word of Python.
_FROM: dict[str, Any] = {
    "from": (
        ProjectorFile | None,
        Field(
            None,
            description="Existing projector in place of training, with our, transformers' or "
            "LLaVA's names: a .safetensors or .bin file relative to the study file, or one of a "
            "hub, `hub:org/name/mm_projector.bin`.",
        ),
    )
}
_From: Any = create_model("_From", __base__=Section, **_FROM)


class Align(_From):
    """Stage 1: the projector learns to name pictures; everything else is frozen."""

    @property
    def existing(self) -> str | None:
        """The file in `from`, as the study writes it."""
        path: str | None = self.__dict__["from"]
        return path

    method: Literal["warm_start", "plain"] = Field(
        "warm_start",
        description="`warm_start` first pulls picture tokens towards the word embeddings of the "
        "name (minutes instead of hours on a CPU; not in the paper); `plain` is LLaVA's stage 1.",
    )
    images: str = Field("train", description="Image set whose pictures are named.")
    captions: Name | None = Field(
        None,
        description="Vision source whose first answers are learnt as captions of its pictures, as "
        "in LLaVA's stage 1; left out, the names of the embedded concepts in `images`.",
    )
    naming_images: str | None = Field(
        "eval", description="Image set on which naming is checked; null: it is not checked."
    )
    warm_steps: int = Field(300, ge=0, description="Steps of the warm start (no language model).")
    warm_batch: int = Field(128, ge=1, description="Pictures per warm-start step.")
    steps: int = Field(50, ge=1, description="Optimiser steps through the language model.")
    batch: int = Field(32, ge=1, description="Captions per optimiser step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of both phases.")
    warmup_steps: int = Field(12, ge=0, description="Linear warm-up steps.")
    regulariser: float = Field(
        0.5, ge=0, description="Weight of the alignment loss during the second phase; 0 is off."
    )
    feature_noise: float = Field(
        0.3, ge=0, description="Standard deviation of Gaussian noise on standardised features."
    )
    clip_norm: float = Field(1.0, gt=0, description="Gradient norm is clipped to this.")
    epochs: int | None = Field(
        None, ge=1, description="Passes over all `captions`, in place of `steps`."
    )
    warmup_share: Share | None = Field(
        None, description="Warm-up as a fraction of all steps of `captions` (LLaVA: .03)."
    )
    caption_template: TemplateName | None = Field(
        None,
        description="Conversation template of `captions`; left out, LLaVA's `plain` with the "
        "backbone's special tokens: the picture, then its caption, no question.",
    )
    caption_end: bool | None = Field(
        None,
        description="Whether the end token after a caption is learnt; left out, as the template "
        "has it (a `plain` caption ends by a line break instead).",
    )
    caption_layout: Literal["sorted", "packed"] = Field(
        "sorted", description="Layout of a step of `captions`, as in `tune.rows`."
    )
    caption_capacity: int = Field(
        2048, ge=8, description="Tokens of a packed row of `captions` at most."
    )
    rows_at_once: int | None = Field(
        None,
        ge=1,
        description="Rows of one forward pass of `captions`, whose gradients add up to the "
        "step's; left out, all of a step.",
    )


class Mixture(Section):
    """What stage 2 is tuned on."""

    instances: int | None = Field(
        480, ge=1, description="Training examples of a run (arm `instances`), else null."
    )
    arm: Literal["instances", "tokens"] = Field(
        "instances",
        description="What is held equal across cells: the number of examples, or of tokens that "
        "the language model reads, image tokens counted.",
    )
    tokens: int | None = Field(
        None,
        ge=1,
        description="Tokens of a run (arm `tokens`), else null; met to within an example.",
    )
    text_share: Share = Field(0.5, description="Fraction of examples that are text-only.")
    text: Weights = Field(description="Text sources and their weights within the text part.")
    vision: Weights = Field(description="Vision sources and their weights within the vision part.")
    match: Literal["refuse", "down", "up"] = Field(
        "refuse",
        description="What is done when a source has fewer examples than a cell asks for. `refuse`: "
        "an error; `down`: fewer instances, for all cells alike; `up`: a small source is gone "
        "through more than once (epochs above 1).",
    )

    @property
    def examples(self) -> int:
        """Training examples of a run, in the arm that says how many."""
        assert self.instances is not None, f"arm {self.arm}: known once examples are counted"
        return self.instances


class Lora(Section):
    """Low-rank adapters on every linear layer of the language model."""

    rank: int = Field(16, ge=1, description="Rank of each adapter.")
    alpha: float = Field(32.0, gt=0, description="Scaling numerator: update x alpha / rank.")


class Rows(Section):
    """How the examples of a step are laid out in rows of tokens."""

    layout: Literal["sorted", "packed"] = Field(
        "sorted",
        description="`sorted`: one example a row, neighbours in length share a step (fast on "
        "CPUs); `packed`: several examples a row under a document mask (fast on GPUs).",
    )
    steps: Literal["mixed", "single_modality"] = Field(
        "mixed",
        description="`mixed`: a step takes examples as they are drawn; `single_modality`: a step "
        "is all text or all vision, as LLaVA groups its batches (the last steps take the rest).",
    )
    window: int = Field(
        15, ge=1, description="Steps whose examples are sorted by length together (`sorted` only)."
    )
    capacity: int = Field(512, ge=8, description="Tokens of a packed row at most.")


class Tune(Section):
    """Stage 2: instruction tuning on the mixture; the vision tower is frozen."""

    language_model: Literal["lora", "full", "frozen"] = Field(
        "lora", description="How the language model is trained."
    )
    projector: Literal["train", "frozen"] = Field("train", description="The projector.")
    lora: Lora = Field(default_factory=Lora, description="Used when language_model is `lora`.")
    examples_per_step: int = Field(16, ge=1, description="Examples of one optimiser step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak rate of the language model.")
    projector_learning_rate: float = Field(2e-4, gt=0, description="Peak rate of the projector.")
    warmup_steps: int = Field(4, ge=0, description="Linear warm-up steps, then cosine to zero.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW weight decay.")
    clip_norm: float = Field(1.0, gt=0, description="Gradient norm is clipped to this.")
    feature_noise: float = Field(
        0.3, ge=0, description="Standard deviation of Gaussian noise on standardised features."
    )
    loss_unit: Literal["token", "sample", "microbatch"] = Field(
        "token",
        description="What has equal weight within a step: every supervised token, every example, "
        "or the mean of every logical batch of `microbatch` examples (LLaVA).",
    )
    microbatch: int = Field(8, ge=1, description="Examples of a logical batch (loss_unit).")
    rows: Rows = Field(default_factory=Rows, description="Layout of a step.")
    weights: Literal["fp32", "fp32_master", "bf16_stochastic"] = Field(
        "fp32",
        description="How weights are kept: `fp32`; bf16 with an fp32 master copy in the optimiser "
        "(16 bytes a trained weight); bf16 rounded stochastically with 8-bit moments (6 bytes).",
    )
    attention: Literal["sdpa", "flex", "flash"] = Field(
        "sdpa", description="Attention kernel; `flash` needs the package flash-attn and a GPU."
    )
    activation_checkpointing: int = Field(
        0,
        ge=0,
        description="Every n-th decoder layer is computed again in the backward pass, which saves "
        "its activations; 1 is every layer, 0 none.",
    )
    pass_tokens: int = Field(
        0,
        ge=0,
        description="Tokens of one forward and backward pass at most, padding included; the "
        "gradients of a step's passes add up to its objective. 0: a step is one pass.",
    )
    command: str | None = Field(
        None,
        description="Shell command that trains in place of mlan, with {data} (LLaVA JSON of the "
        "run's mixture), {images} (its folder of pictures), {model} (the stage-1 model), {out} "
        "(folder that it writes the model to) and {seed}. The order of examples is then its own.",
    )

    @field_validator("command")
    @classmethod
    def _known_placeholders(cls, command: str | None) -> str | None:
        """Refuse a command that cannot be filled in, or that does not say where it writes."""
        if command is None:
            return None
        try:
            names = [name for _, name, _, _ in Formatter().parse(command) if name is not None]
        except ValueError as error:
            raise ValueError(f"{error}; a brace of the command itself is doubled") from None
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        for name in names:
            if name not in PLACEHOLDERS:
                raise ValueError(f"{{{name}}} is not one of {known}")
        for name in ("data", "out"):
            if name not in names:
                raise ValueError(f"{{{name}}} is missing; allowed are {known}")
        return command


class Recipe(Section):
    """One fully written cell; an experiment is a short delta from it."""

    backbone: Backbone = Field(default_factory=Backbone, description="Pretrained parts.")
    align: Align = Field(default_factory=Align, description="Stage 1.")
    mixture: Mixture = Field(description="Training mixture of stage 2.")
    tune: Tune = Field(default_factory=Tune, description="Stage 2.")
