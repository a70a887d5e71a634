"""A source read past the questions of all benchmarks, once.

Exact: every line of a question (a context, the question itself) stands whole in one message of
an example. A request or a label may stand between them. Near: at least one of its runs of 13
words stands in a message. A question too short for that counts only if the same example holds
one of its answers, too: "Which of these is true?" is asked of many things.

A question about a picture counts only in an example that shows the same picture (`twins`), and
then needs no answer. Options, requests and primers are no part of what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import islice

from mlan.data.contamination.wording import Question, WordingIndex, words_of

# Examples whose words are held at once.
_TOGETHER = 8192


@dataclass(frozen=True)
class Example:
    """A training example: id, picture (or empty), and all messages of user and assistant."""

    id: str
    image: str
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Where a question was found; `share` is the part of its runs of words found there."""

    example: str
    exact: bool
    share: float


def search(
    index: WordingIndex, examples: Iterable[Example], twins: Mapping[str, Set[str]]
) -> dict[int, Found]:
    """Return the best match of each question that has one, by its place: exact, else most runs.

    Of equal ones the first. `twins` maps a benchmark's picture to equal ones of this source.
    """
    best: dict[int, Found] = {}
    for some in _batches(examples):
        owners = [example for example in some for _ in example.messages]
        texts = [words_of(message) for example in some for message in example.messages]
        hits = index.hits(texts)
        for text, place, share in zip(
            hits.text.tolist(), hits.question.tolist(), hits.share.tolist(), strict=True
        ):
            known, question, example = best.get(place), index.questions[place], owners[text]
            if known is not None and known.exact:
                continue
            if question.image and example.image not in twins.get(question.image, ()):
                continue
            exact = _holds(texts[text], question.lines)
            if not exact and (index.is_short(place) or (known and known.share >= share)):
                continue
            if index.is_short(place) and not question.image and not _answers(example, question):
                continue
            best[place] = Found(example.id, exact, share)
    return best


def _batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
    rest = iter(examples)
    while some := list(islice(rest, _TOGETHER)):
        yield some


def _holds(words: list[str], lines: Iterable[str]) -> bool:
    text = f" {' '.join(words)} "
    return all(f" {line} " in text for line in lines)


def _answers(example: Example, question: Question) -> bool:
    words = [word for message in example.messages for word in (*words_of(message), "\n")]
    return any(_holds(words, [gold]) for gold in question.golds)
