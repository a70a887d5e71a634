"""The claims file: what is believed of a study before it runs, and when that counts as shown.

Model: a claim names a score, cells and a rule; each rule is a section of its own, so that a key
which its rule does not use is an error. Every margin has a reason. Not here: whether a claim fits
its study (`fit_claims`), reading the file (`read_claims`), verdicts (`mlan.evidence.claims`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from mlan.config.evaluate import ScorerName
from mlan.config.section import Name, Section, Share

ParserName = Literal["strict", "lenient", "official", "argmax", "sum", "per_byte", "per_token"]
PARSERS: dict[ScorerName, tuple[ParserName, ...]] = {
    "generate": ("strict", "lenient", "official"),
    "label_logit": ("argmax",),
    "choice_logprob": ("sum", "per_byte", "per_token"),
}
# The family that decides what a study says first, and its limits.
PRIMARY, MOST_PRIMARY = "primary", 5
AVERAGES = ("text average", "vision average")

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
# `true` is no number here, though it is to Python.
Number = Annotated[float, Field(strict=True)]
Margin = Annotated[Number, Field(ge=0.0)]
Above = Annotated[Number, Field(gt=0.0)]


# A share that was computed is found again among those that were written.
_ROUNDING = 1e-9


def same_share(one: float, other: float) -> bool:
    """Whether two text shares are the same."""
    return abs(one - other) < _ROUNDING


class Measure(Section):
    """What answers are measured with."""

    scorer: ScorerName = Field("generate", description="How an answer is asked for.")
    parser: ParserName = Field("strict", description="How it is read.")
    condition: str = Field("real", description="Condition, by its name in every table.")

    @model_validator(mode="after")
    def _fitting(self) -> Measure:
        if self.parser not in PARSERS[self.scorer]:
            allowed = ", ".join(PARSERS[self.scorer])
            raise ValueError(
                f"parser {self.parser!r} does not read {self.scorer}; one of {allowed}"
            )
        return self


class Selector(Section):
    """A cell: by its text share within an experiment, or by its name."""

    share: Share | None = Field(None, description="Text share; give this or `cell`.")
    cell: Words | None = Field(None, description="Name of a cell, such as `untuned`.")
    experiment: Name | None = Field(
        None, description="Experiment that `share` is looked up in; left out, the claim's."
    )

    @model_validator(mode="after")
    def _one(self) -> Selector:
        if (self.share is None) == (self.cell is None):
            raise ValueError("give `share` or `cell`, one of them")
        if self.cell is not None and self.experiment is not None:
            raise ValueError("`experiment` belongs to `share`; a cell's name is enough")
        return self


class Contrast(Section):
    """A difference between two cells: `plus` less `minus`."""

    plus: Selector = Field(description="The cell that counts positive.")
    minus: Selector = Field(description="The cell that is taken off.")


class Side(Section):
    """One of the two differences of an interaction; what is left out is the claim's."""

    contrast: Contrast = Field(description="Two cells.")
    score: Words | None = Field(None, description="A benchmark or group.")
    measure: Measure | None = Field(None, description="What it is measured with.")


class Range(Section):
    """Cells of the claim's experiment by their text share, ends included."""

    low: Share = Field(description="Smallest text share.")
    high: Share = Field(description="Largest text share.")

    def inside(self, shares: Iterable[float]) -> list[float]:
        """Return the shares that lie in the range, sorted."""
        low, high = self.low - _ROUNDING, self.high + _ROUNDING
        return sorted(share for share in shares if low < share < high)

    @model_validator(mode="before")
    @classmethod
    def _of_list(cls, value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2:
            return {"low": value[0], "high": value[1]}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"[{self.low:g}, {self.high:g}] is no range; the smaller share first")
        return self


class Claim(Section):
    """What every claim says of itself."""

    id: Name = Field(description="Its name, once in the file.")
    sentence: Words = Field(description="The claim in one sentence.")
    source: Words = Field(description="Version and table of the paper, or `ours`.")
    family: Name = Field(description="Family of claims that it is adjusted within.")
    experiment: Name = Field(description="Experiment that it needs; else it is not run.")
    reason: Words = Field(description="Why this margin.")
    expected: Number | None = Field(
        None, description="Value that planning assumes, in the units of the margin."
    )


class Scored(Claim):
    """A claim about scores."""

    score: Words = Field(description="A benchmark, or a group such as `vision average`.")
    measure: Measure | None = Field(
        None, description="What it is measured with; left out, `primary`."
    )

    @model_validator(mode="after")
    def _fractions(self) -> Scored:
        """No difference of scores, which are fractions, reaches 1; a slope may."""
        for key in () if isinstance(self, Trend) else ("margin", "gain_margin", "expected"):
            value = getattr(self, key, None)
            if value is not None and abs(value) >= 1:
                told = f"scores are fractions of 1; write {value / 100:g} for {value:g} %"
                raise ValueError(f"{key} = {value:g}: {told}")
        return self


class Superiority(Scored):
    """The difference is larger than a margin."""

    rule: Literal["superiority"] = Field(description="D > margin.")
    contrast: Contrast = Field(description="Two cells.")
    margin: Margin = Field(description="What it must exceed; 0: any difference.")


class NonInferiority(Scored):
    """The difference is not below minus a margin."""

    rule: Literal["non_inferiority"] = Field(description="D > -margin.")
    contrast: Contrast = Field(description="Two cells.")
    margin: Above = Field(description="Loss that would not matter.")


class Equivalence(Scored):
    """The difference is within a margin either way."""

    rule: Literal["equivalence"] = Field(description="|D| < margin.")
    contrast: Contrast = Field(description="Two cells.")
    margin: Above = Field(description="Difference that would not matter.")


class Plateau(Scored):
    """All pairs of cells in a range are equivalent."""

    rule: Literal["plateau"] = Field(description="Every |difference| < margin.")
    range: Range = Field(description="Text shares, `[low, high]`.")
    margin: Above = Field(description="Difference that would not matter.")


class Cliff(Scored):
    """The edge drops by more than the interior's line says."""

    rule: Literal["cliff"] = Field(description="Drop less its extrapolation > margin.")
    edge: Share = Field(description="Text share beyond the interior.")
    range: Range = Field(description="Text shares of the interior, `[low, high]`.")
    margin: Margin = Field(description="What it must exceed.")


class Trend(Scored):
    """The least-squares slope over a range."""

    rule: Literal["trend"] = Field(description="Slope beyond the margin.")
    range: Range = Field(description="Text shares, `[low, high]`.")
    direction: Literal["rises", "falls"] = Field(description="Where it goes with more text.")
    margin: Margin = Field(description="Change per 100 % of text share that it must exceed.")


class Saturation(Scored):
    """A gain, after which nothing moves any more."""

    rule: Literal["saturation"] = Field(description="Gain > gain_margin, then a plateau.")
    contrast: Contrast = Field(description="The gain: two cells.")
    gain_margin: Margin = Field(description="What the gain must exceed.")
    range: Range = Field(description="Text shares of the plateau, `[low, high]`.")
    margin: Above = Field(description="Difference on the plateau that would not matter.")


class TokenRatio(Claim):
    """Tokens of one cell as a multiple of another's."""

    rule: Literal["token_ratio"] = Field(description="Tokens of plus / minus <= at_most.")
    contrast: Contrast = Field(description="Two cells.")
    at_most: Above = Field(description="Largest ratio that agrees with the claim.")


class Interaction(Scored):
    """The difference of two differences, in cells, score or measure."""

    rule: Literal["interaction"] = Field(description="First less second.")
    first: Side = Field(description="A difference.")
    second: Side = Field(description="The difference that is taken off.")
    direction: Literal["larger", "equal"] = Field(
        description="`larger`: first - second > margin; `equal`: |first - second| < margin."
    )
    margin: Margin = Field(description="In the units of the score; above 0 for `equal`.")

    @model_validator(mode="after")
    def _possible(self) -> Interaction:
        if self.direction == "equal" and self.margin == 0:
            raise ValueError("margin = 0: nothing is ever shown to be exactly equal")
        return self


RULES: dict[str, type[Claim]] = {
    "superiority": Superiority,
    "non_inferiority": NonInferiority,
    "equivalence": Equivalence,
    "plateau": Plateau,
    "cliff": Cliff,
    "trend": Trend,
    "saturation": Saturation,
    "token_ratio": TokenRatio,
    "interaction": Interaction,
}


class Family(Section):
    """Claims that are adjusted together."""

    description: Words = Field(description="What the family is for.")


class Claims(Section):
    """The whole file; its claims are read one by one (`read_claims`)."""

    note: Words | None = Field(
        None,
        description="What a reader must know of how the claims came about. The report shows it "
        "beside the verdicts; it is no part of any claim.",
    )
    alpha: float = Field(
        0.05, gt=0, le=0.2, description="Level of each family's one-sided tests, after Holm."
    )
    seed_variance: Literal["own", "pooled"] = Field(
        "own",
        description="How much seeds move a contrast: as it moved itself, or as all cells of its "
        "curve did, where these are found to vary alike.",
    )
    primary: Measure = Field(
        default_factory=Measure, description="Measure of every claim that names none."
    )
    families: dict[Name, Family] = Field(min_length=1, description="Families by name.")
    claims: list[Claim] = Field(default_factory=list, description="The claims, in order.")

    def measure(self, claim: Claim) -> Measure:
        """What a claim is measured with."""
        own = claim.measure if isinstance(claim, Scored) else None
        return own or self.primary


# Of a study that makes none.
NO_CLAIMS = Claims(families={PRIMARY: Family(description="What the study says first.")})
