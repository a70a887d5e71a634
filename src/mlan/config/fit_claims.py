"""What must fit between claims and their study: cells, scores, families, experiments.

Model: a claim may need an experiment that the study does not have; it is then not run, and what
it says of that experiment cannot be judged. A name that is one letter away from one that exists
is a slip. Lines begin with the key, `claims.<id>.<key>`; what is right by itself: `claims`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlan.config.claim_design import Design, has_official
from mlan.config.claims import (
    AVERAGES,
    MOST_PRIMARY,
    PRIMARY,
    Claim,
    Claims,
    Cliff,
    Contrast,
    Interaction,
    Measure,
    Range,
    Scored,
    Selector,
    same_share,
)
from mlan.config.study import StudyConfig
from mlan.errors import nearest


def claim_problems(claims: Claims, config: StudyConfig, design: Design) -> list[str]:
    """Return what does not fit, one line each."""
    lines = [*_family_problems(claims)]
    for claim in claims.claims:
        own = [
            *_score_problems(claims, claim, config, design),
            *_experiment_problems(claim, design),
            *_cell_problems(claims, claim, design),
        ]
        lines += [f"claims.{claim.id}.{line}" for line in own]
    return lines


def claim_notes(claims: Claims, design: Design) -> Iterator[str]:
    """Yield which claims are not run for an experiment that may be misspelt: one line each.

    Of claims of the primary family all that lack an experiment; of others those that name one
    which is much like one of the study.
    """
    for claim in claims.claims:
        for key, name in _experiments(claim):
            hint = nearest(name, design.shares)
            primary = claim.family == PRIMARY
            if name not in design.shares and (primary or hint.startswith("did you mean")):
                told = "not run, though primary" if primary else "not run"
                place = f"claims.{claim.id}.{key} = {name!r}"
                yield f"{place}: no experiment of the study, so it is {told}; {hint}"


def _family_problems(claims: Claims) -> Iterator[str]:
    for claim in claims.claims:
        if claim.family not in claims.families:
            hint = nearest(claim.family, claims.families)
            yield f"claims.{claim.id}.family = {claim.family!r}: unknown family; {hint}"
    primary = [claim.id for claim in claims.claims if claim.family == PRIMARY]
    if len(primary) > MOST_PRIMARY:
        yield (
            f"families.{PRIMARY}: holds {len(primary)} claims, at most {MOST_PRIMARY} are allowed; "
            f"move some of {', '.join(primary)} to another family"
        )


def _score_problems(
    claims: Claims, claim: Claim, config: StudyConfig, design: Design
) -> Iterator[str]:
    if claim.family == PRIMARY and not isinstance(claim, Scored):
        yield f"family = {PRIMARY!r}: decided on {' and '.join(AVERAGES)}, not on tokens"
    for key, score, measure in _measured(claims, claim):
        if score not in design.scores:
            yield f"{key} = {score!r}: unknown benchmark or group; {nearest(score, design.scores)}"
            continue
        if claim.family == PRIMARY and score not in AVERAGES:
            yield f"{key} = {score!r}: family {PRIMARY!r} is decided on {' and '.join(AVERAGES)}"
        lacking = [n for n in design.scores[score] if not has_official(config.data, n)]
        if measure.parser == "official" and lacking:
            yield f"measure.parser = 'official': benchmark {lacking[0]} has no official rule"
        asked = {condition.name for condition in config.evaluate.conditions}
        yield from _slip("measure.condition", measure.condition, asked, "condition")


def _measured(claims: Claims, claim: Claim) -> Iterator[tuple[str, str, Measure]]:
    """Every (key, score, measure) that a claim uses."""
    if not isinstance(claim, Scored):
        return
    measure = claims.measure(claim)
    yield "score", claim.score, measure
    if isinstance(claim, Interaction):
        for key, side in (("first", claim.first), ("second", claim.second)):
            if side.score is not None or side.measure is not None:
                yield f"{key}.score", side.score or claim.score, side.measure or measure


def _experiment_problems(claim: Claim, design: Design) -> Iterator[str]:
    for key, name in _experiments(claim):
        yield from _slip(key, name, design.shares, "experiment")


def _experiments(claim: Claim) -> Iterator[tuple[str, str]]:
    """The experiments that a claim names, with their keys."""
    yield "experiment", claim.experiment
    for key, selector in selectors(claim):
        if selector.experiment is not None:
            yield f"{key}.experiment", selector.experiment


def _slip(key: str, name: str, known: Iterable[str], kind: str) -> Iterator[str]:
    """An unknown name that is all but a known one."""
    close = [other for other in sorted(known) if one_letter_apart(name, other)]
    if name not in known and close:
        yield f"{key} = {name!r}: no {kind} of the study; did you mean {close[0]!r}?"


def one_letter_apart(one: str, other: str) -> bool:
    """Whether a letter that is wrong, lacking, too many or swapped makes the difference."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    at = min(len(one), len(other)) if same is None else same
    a, b = one[at:], other[at:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return a != b and (a[1:] in (b, b[1:]) or a == b[1:] or swapped)


def _cell_problems(claims: Claims, claim: Claim, design: Design) -> Iterator[str]:
    for key, selector in selectors(claim):
        yield from _selector_problems(key, selector, claim.experiment, design)
    for key, contrast in contrasts(claim):
        plus, minus = (
            design.selected(s, claim.experiment) for s in (contrast.plus, contrast.minus)
        )
        if plus is not None and plus == minus:
            yield f"{key}: compares cell {plus} with itself"
    if isinstance(claim, Interaction):
        yield from _side_problems(claims, claim, design)
    yield from _range_problems(claim, design)


def _side_problems(claims: Claims, claim: Interaction, design: Design) -> Iterator[str]:
    """Two sides that are one and the same difference leave nothing to compare."""
    first, second = (
        (
            [
                design.selected(s, claim.experiment)
                for s in (side.contrast.plus, side.contrast.minus)
            ],
            side.score or claim.score,
            side.measure or claims.measure(claim),
        )
        for side in (claim.first, claim.second)
    )
    if None not in first[0] and first == second:
        yield "second: is the same difference as `first`; let cells, score or measure differ"


def _selector_problems(
    key: str, selector: Selector, experiment: str, design: Design
) -> Iterator[str]:
    if selector.cell is not None:
        if selector.cell not in design.cells and experiment in design.shares:
            hint = nearest(selector.cell, design.cells)
            yield f"{key}.cell = {selector.cell!r}: no cell of the study; {hint}"
        return
    name = selector.experiment or experiment
    if name in design.shares and selector.share is not None:
        yield from _share_problems(f"{key}.share", selector.share, name, design)


def _share_problems(key: str, share: float, experiment: str, design: Design) -> Iterator[str]:
    found = design.at(experiment, share)
    if len(found) > 1:
        yield (
            f"{key} = {share:g}: names {len(found)} cells of experiment {experiment}; "
            f"give one by name, `cell: {found[0]}`"
        )
    elif not found:
        allowed = ", ".join(f"{x:g}" for x in sorted(set(design.shares[experiment].values())))
        yield f"{key} = {share:g}: no cell of experiment {experiment}; allowed: {allowed}"


def _range_problems(claim: Claim, design: Design) -> Iterator[str]:
    span: Range | None = getattr(claim, "range", None)
    if span is None or claim.experiment not in design.shares:
        return
    shares = list(design.shares[claim.experiment].values())
    if len(set(shares)) < len(shares):
        yield f"range: experiment {claim.experiment} has several cells of one text share"
        return
    inside = span.inside(shares)
    if isinstance(claim, Cliff):
        yield from _share_problems("edge", claim.edge, claim.experiment, design)
        if any(same_share(x, claim.edge) for x in inside):
            yield f"edge = {claim.edge:g}: lies in range [{span.low:g}, {span.high:g}]"
    if len(inside) < 2:
        yield (
            f"range = [{span.low:g}, {span.high:g}]: holds {len(inside)} cell(s) of experiment "
            f"{claim.experiment}; two or more are needed"
        )


def contrasts(claim: Claim) -> Iterator[tuple[str, Contrast]]:
    """Yield the differences of two cells that a claim names, with their keys."""
    if isinstance(claim, Interaction):
        yield "first.contrast", claim.first.contrast
        yield "second.contrast", claim.second.contrast
    elif (contrast := getattr(claim, "contrast", None)) is not None:
        yield "contrast", contrast


def selectors(claim: Claim) -> Iterator[tuple[str, Selector]]:
    """Yield the cells that a claim names one by one, with their keys."""
    for key, contrast in contrasts(claim):
        yield f"{key}.plus", contrast.plus
        yield f"{key}.minus", contrast.minus
