"""What a reader must know before believing a number: one line a reason, the gravest first.

First what the claims file says of itself. All else is found in data, never assumed: missing runs,
one seed, one stage 1, mixed code, shared items, unreadable answers, few items, claims written after
the scores, answers that hang on their batch. A page without a warning says that it looked for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlan.evidence.claims.families import ADDED, OTHER, POST_HOC
from mlan.evidence.multiple import wilson
from mlan.report.page.evidence import Evidence, Row, is_true, number
from mlan.report.page.facts import Facts
from mlan.report.page.levels import tells_apart
from mlan.report.page.measured import words
from mlan.report.page.numbers import PERCENT, listed, p_equation
from mlan.report.page.trace import Trace
from mlan.report.page.verdicts import Family
from mlan.report.summary import Key, Summary

# Items below which one benchmark's score is known to about ten points at best:
# 1.96 * sqrt(.25 / 100) = 9.8.
FEW_ITEMS = 100
# Answers that no rule could read, above which a score tells about format as well.
MUCH_INVALID = 0.05
# Ways in which a claim is tested on other seeds than it was registered with.
_LOOKS = {
    OTHER: "Tested on other seeds than registered",
    ADDED: "Another look, with seeds added after the first test score",
}
_FLIPPED = {
    "answers": "the written answer",
    "labels": "the likeliest label",
    "choices": "the likeliest option",
}


@dataclass(frozen=True)
class Caution:
    """A short heading and one sentence of plain text."""

    topic: str
    text: str


def cautions(
    summary: Summary, facts: Facts, evidence: Evidence, found: Sequence[Family], trace: Trace
) -> tuple[Caution, ...]:
    """Return all that apply."""
    return (
        *([Caution("How the claims came about", facts.note)] if facts.note else []),
        *_missing(summary),
        *_seeds(summary, facts),
        *_mixed(trace, facts),
        *_post_hoc(found),
        *_other_seeds(found),
        *_shared_items(summary),
        *_invalid(summary, facts.primary),
        *_few(summary, facts.primary),
        *_noise(summary, evidence.signal, facts.primary),
        *_order(summary),
        *_batches(summary, trace),
    )


def _missing(summary: Summary) -> Iterator[Caution]:
    holes = [f"{cell.label}: seed {cell.not_run}" for cell in summary.cells if cell.not_run]
    if holes:
        yield Caution("Missing runs", f"Planned and not there: {'; '.join(holes)}.")


def _seeds(summary: Summary, facts: Facts) -> Iterator[Caution]:
    single = [cell.label for cell in summary.tuned if len(cell.done) == 1]
    if single:
        which = "every cell" if len(single) == len(summary.tuned) else listed(single)
        yield Caution(
            "One seed",
            f"{which} ran once: intervals there cover the choice of items, not training.",
        )
    if "align" not in facts.seed_varies:
        yield Caution(
            "One stage 1",
            "All seeds start from one stage 1; intervals hold given this one, and another might "
            "move all cells together.",
        )


def _mixed(trace: Trace, facts: Facts) -> Iterator[Caution]:
    mixed = [stage for stage, codes in trace.codes().items() if len(codes) > 1]
    if mixed:
        yield Caution(
            "Mixed code", f"Jobs of {listed(mixed)} ran under more than one version of their code."
        )
    versions = [f"{n} {listed(v)}" for n, v in trace.versions().items() if len(v) > 1]
    if versions:
        yield Caution("Mixed versions", f"Records were written by {listed(versions)}.")
    if facts.unpinned:
        yield Caution(
            "Not pinned",
            f"{listed(sorted(facts.unpinned))}: taken as they were on the day of the first start.",
        )


def _post_hoc(found: Sequence[Family]) -> Iterator[Caution]:
    claims = [claim for family in found for claim in family.claims]
    late = [claim.id for claim in claims if claim.late == POST_HOC]
    if late:
        which = "all claims" if len(late) == len(claims) else listed(late)
        yield Caution(
            POST_HOC.capitalize(),
            f"Written or changed after the first test score: {which}. Read them as "
            "questions for the next study.",
        )


def _other_seeds(found: Sequence[Family]) -> Iterator[Caution]:
    """Claims that stand as registered, on other seeds than these."""
    claims = [claim for family in found for claim in family.claims]
    told = [
        f"{what}: {which}."
        for late, what in _LOOKS.items()
        if (ids := [claim.id for claim in claims if claim.late == late])
        for which in (["all claims" if len(ids) == len(claims) else listed(ids)])
    ]
    if told:
        yield Caution("Other seeds", " ".join(told))


def _shared_items(summary: Summary) -> Iterator[Caution]:
    """The largest fraction of a benchmark's test part that a source holds too."""
    worst: dict[str, Mapping[str, object]] = {}
    for row in summary.shared:
        name = str(row["benchmark"])
        if row["part"] == "test" and row["fraction"] > worst.get(name, {"fraction": 0})["fraction"]:
            worst[name] = row
    if worst:
        told = [f"{n} ({_percent(row['fraction'])} in {row['source']})" for n, row in worst.items()]
        yield Caution(
            "Contamination",
            f"Training sources hold test items, exact or nearly: {', '.join(told)}. The table of "
            "scores without them says what that does.",
        )


def _invalid(summary: Summary, measure: Key) -> Iterator[Caution]:
    tuned = {cell.name: cell.label for cell in summary.tuned}
    rates: dict[tuple[str, str], list[float]] = {}
    for benchmark in summary.benchmarks:
        for row in summary.scores(benchmark.name, measure):
            if row["cell"] in tuned:
                key = (benchmark.name, tuned[row["cell"]])
                rates.setdefault(key, []).append(float(row["invalid_rate"]))
    means = {key: sum(found) / len(found) for key, found in rates.items()}
    bad = {key: rate for key, rate in means.items() if rate > MUCH_INVALID}
    if bad:
        (name, label), rate = max(bad.items(), key=lambda entry: entry[1])
        yield Caution(
            "Invalid answers",
            f"In {len(bad)} of {len(means)} pairs of cell and benchmark more than "
            f"{_percent(MUCH_INVALID)} of the answers could not be read {_reading(measure)} "
            f"(most: {name} at {label}, {_percent(rate)}); the likelihood of options does not "
            "depend on format.",
        )


def _reading(measure: Key) -> str:
    """How answers are read, as `strictly`."""
    return words(measure.scorer, measure.parser).removeprefix("answers read ")


def _few(summary: Summary, measure: Key) -> Iterator[Caution]:
    rows = {
        benchmark.name: found[0]["n"]
        for benchmark in summary.benchmarks
        if (found := summary.scores(benchmark.name, measure))
    }
    small = [name for name, n in rows.items() if n < FEW_ITEMS]
    if small:
        sizes = sorted({int(rows[name]) for name in small})
        several = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
        yield Caution(
            "Few items",
            f"{len(small)} of {len(rows)} benchmarks have {several} test items: one of them alone "
            "is known to ten points at best. Averages are what the claims stand on.",
        )


def _noise(summary: Summary, signal: Sequence[Row], measure: Key) -> Iterator[Caution]:
    """Benchmarks that do not tell the shares apart, and those that do with a reservation."""
    names = {benchmark.name for benchmark in summary.benchmarks}
    asked = (measure.scorer, measure.parser)
    own = [r for r in signal if r["benchmark"] in names and (r["scorer"], r["parser"]) == asked]
    silent = [row for row in own if not tells_apart(row, summary.confidence)]
    told = []
    if silent and len(silent) < len(own):
        told.append(f"The shares cannot be told apart on {_benchmarks(silent)}.")
    elif silent:
        known = [p for row in own if math.isfinite(p := number(row["p"]))]
        least = f" (smallest {p_equation(min(known))})" if known else ""
        told.append(f"No benchmark tells the shares apart{least}.")
    weak: dict[str, list[Row]] = {}
    for row in own:
        if row not in silent and not is_true(row["decides"]):
            weak.setdefault(row["why"], []).append(row)
    for why, rows in weak.items():
        where = "every benchmark" if len(rows) == len(own) else _benchmarks(rows)
        told.append(f"Told apart with a reservation on {where} ({why}).")
    if told:
        yield Caution("Noise", " ".join(told))


def _benchmarks(rows: Sequence[Row]) -> str:
    return listed([row["benchmark"] for row in rows])


def _order(summary: Summary) -> Iterator[Caution]:
    if summary.order_not_controlled:
        yield Caution(
            "Order not controlled",
            f"{listed(summary.order_not_controlled)}: trained by an external command, which "
            "decides the order of examples by itself.",
        )


def _batches(summary: Summary, trace: Trace) -> Iterator[Caution]:
    """Answers that hang on the batch, in the run with most of them, of each kind.

    Which questions are asked again follows from hashes of their names, as if drawn: each is one
    trial of the rate in all questions of its run. Rates are near 0, hence Wilson's interval, which
    does not know that the run with most was chosen.
    """
    again = [
        (facts["alone"], f"{run.cell}, seed {run.seed}")
        for run in trace.runs
        if (step := run.steps.get("predictions"))
        and "alone" in (facts := step.record.get("facts", {}))
    ]
    told = []
    for kind, answer in _FLIPPED.items() if again else ():
        found, where = max(again, key=lambda one: one[0][kind] / one[0]["asked"])
        flipped, asked = found[kind], found["asked"]
        if flipped:
            low, high = (_percent(x) for x in wilson(flipped, asked, summary.confidence))
            told.append(
                f"{answer} of {flipped} of {asked} questions in {where} ({low} to {high} of all, "
                f"at {summary.level})"
            )
    if told:
        yield Caution(
            "Batches",
            f"Asked once more by itself, outside its batch, another came out for {listed(told)}, "
            f"the most of {len(again)} runs. A run's score is no more exact than that.",
        )


def _percent(fraction: object) -> str:
    return f"{100 * float(str(fraction)):.3g}{PERCENT}"
