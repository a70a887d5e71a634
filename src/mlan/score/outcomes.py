"""One prediction under every scorer: the answer as each parser reads it, and the likeliest option.

Scores come in the order in which options were shown, and a letter names a shown place; here both
are put back into the item's own order, so that outcomes never depend on how it was shown. A tie of
likelihoods goes to the first option of the item.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlan.data.items import offered
from mlan.errors import DataError
from mlan.score.metrics import chance
from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

Array = NDArray[np.float64]

# (scorer, parser) in the order in which outcomes stand in tables; `official` is a benchmark's own.
GENERATE, LABEL_LOGIT, CHOICE_LOGPROB = "generate", "label_logit", "choice_logprob"
OFFICIAL = "official"
_PARSERS = ("strict", "lenient", OFFICIAL)


@dataclass(frozen=True)
class Outcome:
    """What one scorer and parser make of a prediction.

    `yes_score` is log P(yes) - log P(no) where likelihoods of these two were asked, else NaN.
    """

    scorer: str
    parser: str
    reading: Reading
    yes_score: float = math.nan


class Asked:
    """One prediction with its item, checked: a row with the columns of both.

    Raises DataError naming benchmark and item for a gold that is no answer, for scores that do
    not fit the options and for NaN.
    """

    def __init__(self, benchmark: str, row: dict[str, Any], scorers: Sequence[str]) -> None:
        self._benchmark, self._text = benchmark, str(row["text"])
        self._scorers = scorers
        self.item = Item(
            *(row["item"], row["form"], row["question"], list(row["options"]), list(row["golds"])),
            *(row["category"], row["pair"], row["cluster"]),
        )
        self.answers = offered(self.item.form, self.item.options)
        golds = self.item.golds
        if self.answers and (len(golds) != 1 or self.answers.count(golds[0]) != 1):
            gold = golds[0] if len(golds) == 1 else golds
            raise DataError(
                f"items of {benchmark}: item {self.item.id!r}: gold {gold!r} is not one of "
                f"{self.answers}"
            )
        self._order = self._checked_order(row["order"])
        self.label_scores = self._scores(LABEL_LOGIT, row["label_scores"], "option scores")
        self.choice_scores = self._scores(CHOICE_LOGPROB, row["choice_scores"], "choice scores")
        self._tokens = self._scores(CHOICE_LOGPROB, row["choice_tokens"], "token counts")

    @property
    def chance(self) -> float:
        """Expected credit of a guess; NaN where nothing is offered, and so nothing guessed."""
        return chance([self.answers]) if self.answers else math.nan

    @property
    def gold(self) -> str:
        """The right one of the offered answers; '' of a free answer."""
        return self.item.golds[0] if self.answers else ""

    @property
    def tied(self) -> bool:
        """Whether several options are the likeliest."""
        return int(np.sum(self.label_scores == self.label_scores.max(initial=-np.inf))) > 1

    def outcomes(self, official: str | None) -> Iterator[Outcome]:
        """Yield an outcome for every scorer and parser; `official` is the rule's, if there is one.

        A free answer has no likelihoods.
        """
        if GENERATE in self._scorers:
            for parser in _PARSERS if official else _PARSERS[:2]:
                name = official if official and parser == OFFICIAL else parser
                yield Outcome(GENERATE, parser, self._read(name))
        if self.label_scores.size:
            yield self._likeliest(LABEL_LOGIT, "argmax", self.label_scores)
        if self.choice_scores.size:
            sizes = np.asarray([len(option.encode()) for option in self.item.options])
            yield self._likeliest(CHOICE_LOGPROB, "sum", self.choice_scores)
            yield self._likeliest(CHOICE_LOGPROB, "per_byte", self.choice_scores / sizes)
            yield self._likeliest(CHOICE_LOGPROB, "per_token", self.choice_scores / self._tokens)

    def _read(self, parser: str) -> Reading:
        """The greedy answer; a letter that it names is that of a shown place."""
        item, lettered = self.item, self.item.form == "letter" and self.answers
        if self._order:
            item = replace(item, options=[item.options[place] for place in self._order])
        if self._order and lettered:
            item = replace(item, golds=[self.answers[self._order.index(self._place(self.gold))]])
        reading = PARSERS[parser](item, self._text)
        if self._order and lettered and reading.read in self.answers:
            shown = self.answers.index(str(reading.read))
            return replace(reading, read=self.answers[self._order[shown]])
        return reading

    def _place(self, answer: str) -> int:
        return self.answers.index(answer)

    def _likeliest(self, scorer: str, parser: str, scores: Array) -> Outcome:
        read = self.answers[int(np.argmax(scores))]
        yes = math.nan
        if self.item.form == "yes_no":
            yes = float(scores[self._place("yes")] - scores[self._place("no")])
        return Outcome(scorer, parser, Reading(read, float(read == self.gold)), yes)

    def _checked_order(self, order: Sequence[int]) -> list[int]:
        found = [int(place) for place in order]
        if found and sorted(found) != [*range(len(self.item.options))]:
            raise self._wrong(f"shows options in the order {found}; there are {len(self.answers)}")
        return found

    def _scores(self, scorer: str, found: Sequence[float] | None, what: str) -> Array:
        """One number an option, in the item's order; none where the scorer was not asked."""
        if scorer not in self._scorers:
            return np.zeros(0)
        shown = np.asarray([] if found is None else found, dtype=np.float64)
        if shown.shape != (len(self.answers),):
            raise self._wrong(f"has {shown.size} {what} for {len(self.answers)} options")
        if np.isnan(shown).any():
            raise self._wrong(f"has NaN among its {what}")
        scores = np.empty_like(shown)
        scores[self._order or slice(None)] = shown
        return scores

    def _wrong(self, what: str) -> DataError:
        return DataError(f"predictions of {self._benchmark}: item {self.item.id!r} {what}")
