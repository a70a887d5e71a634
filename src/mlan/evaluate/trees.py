"""Questions that begin alike become a tree, so that what they share is computed once.

A node is a token, its parent the token before it: the questions about one picture branch after
the picture, the options of a question branch after the question, and all conditions of an item
that begin alike share that beginning. A token sees its ancestors alone, so every question is
answered as if it stood by itself. The tree of a lone question is a plain row.

Which questions share a tree, and which trees a forward pass, follows from the questions, the
limits and the model's width alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlan.evaluate.questions import Question

# Nodes of a tree at most: its attention mask is square.
_LARGEST = 2048
# Padded tokens of a forward pass that keep a device busy: from here on a batch takes no tree that
# is much shorter than its longest.
_BUSY = 512
_MUCH_SHORTER = 0.9
# How many times dearer an operation of attention under a mask is than one of a large product
# (measured on a CPU: 158 GFLOP/s of 430; for all devices, so that trees depend on none).
_DEAR_ATTENTION = 3
# Tokens with which all questions begin that make it worth while to compute them once for all
# batches, as the engine does, instead of once a tree.
_BEGINNING = 16


@dataclass
class Tree:
    """Questions as one row of N nodes, parents before children.

    `parents` is -1 at the beginning; `pictures` are keys in the order of their image tokens;
    `ends` holds the last node of each question. `choices` holds, for each question and option,
    the nodes that predict the option's tokens one by one (the first is the question's end).
    """

    questions: list[Question] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    choices: list[list[list[int]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def is_row(self) -> bool:
        """Whether no node has two children."""
        return all(parent == node - 1 for node, parent in enumerate(self.parents))

    @property
    def trunk(self) -> int:
        """Nodes before anything branches off or a question ends."""
        branching = (n for n, parent in enumerate(self.parents) if parent != n - 1)
        return min([*self.ends, *(self.parents[node] + 1 for node in branching)])

    def depths(self) -> NDArray[np.int64]:
        """Return the position of each node in its question, (N,)."""
        depth = np.zeros(len(self), dtype=np.int64)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                depth[node] = depth[parent] + 1
        return depth

    def sight(self) -> NDArray[np.bool_]:
        """Return which nodes each node sees, (N, N): itself and its ancestors."""
        if self.is_row:
            return np.tri(len(self), dtype=np.bool_)
        seen = np.eye(len(self), dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen


class _Grower:
    """A tree that grows by questions, with the children of each node."""

    def __init__(self, image_token: int, image_length: int) -> None:
        self.tree = Tree()
        self._image_token, self._image_length = image_token, image_length
        self._children: dict[tuple[int, int, str], int] = {}

    def shared(self, question: Question) -> int:
        """Return how many tokens of a question stand in the tree already."""
        node = -1
        for number, (token, picture, _) in enumerate(self._path(question)):
            found = self._children.get((node, token, picture))
            if found is None:
                return number
            node = found
        return len(question.ids)

    def add(self, question: Question) -> None:
        """Let a question and its options branch off where they differ."""
        node = -1
        for token, picture, begins in self._path(question):
            known = len(self.tree)
            node = self._child(node, token, picture)
            # Its tokens follow each other: who shows a picture at a place shows all of it.
            if begins and node == known:
                self.tree.pictures.append(picture)
        choices = []
        for option in question.choices:
            nodes = [node]
            for token in option[:-1]:  # the last one is only predicted
                nodes.append(self._child(nodes[-1], token, ""))
            choices.append(nodes)
        self.tree.questions.append(question)
        self.tree.ends.append(node)
        self.tree.choices.append(choices)

    def _child(self, node: int, token: int, picture: str) -> int:
        key = (node, token, picture)
        if key not in self._children:
            self._children[key] = len(self.tree)
            self.tree.tokens.append(token)
            self.tree.parents.append(node)
        return self._children[key]

    def _path(self, question: Question) -> Iterator[tuple[int, str, bool]]:
        """Yield a question's tokens, the picture that one stands for, and whether it begins it."""
        seen = 0
        for token in question.ids:
            if token == self._image_token:
                number, place = divmod(seen, self._image_length)
                yield token, question.pictures[number], place == 0
                seen += 1
            else:
                yield token, "", False


@dataclass(frozen=True)
class Shape:
    """What of a model decides the trees: its image token, tokens a picture, hidden size."""

    image_token: int
    image_length: int
    width: int


def grow(questions: Sequence[Question], shape: Shape, largest: int) -> list[Tree]:
    """Return trees that hold every question once, `largest` of them at most in a tree.

    Questions stand in the order of their pictures and tokens, so that those which begin alike
    are neighbours. One joins the tree before it while that saves time: `s` shared tokens save
    24 d^2 s operations a layer, and the `n` that it adds to N nodes cost 8 d N n more in
    attention to nodes that they do not see, each `_DEAR_ATTENTION` times as dear. A long beginning
    of all questions, such as a system message, is shared without a common tree.
    """
    trees: list[Tree] = []
    growing: _Grower | None = None
    ordered = sorted(questions, key=_place)
    beginning = len(beginning_of(ordered, shape.image_token))
    for question in ordered:
        if growing is not None:
            shared, nodes = growing.shared(question), len(growing.tree)
            added = _nodes_alone(question) - shared
            saves = 3 * shape.width * (shared - beginning) > _DEAR_ATTENTION * nodes * added
            room = nodes + added <= _LARGEST and len(growing.tree.questions) < largest
            if not (saves and room):
                growing = None
        if growing is None:
            growing = _Grower(shape.image_token, shape.image_length)
            trees.append(growing.tree)
        growing.add(question)
    return trees


def beginning_of(questions: Sequence[Question], image_token: int) -> list[int]:
    """Return the tokens with which all questions begin, pictures aside; none where they are few."""
    # The longest beginning of all is that of the first and last in order of their tokens.
    ids = [question.ids for question in questions]
    first, last = min(ids, default=[]), max(ids, default=[])
    same = (a == b != image_token for a, b in zip(first, last, strict=False))
    length = next((at for at, agree in enumerate(same) if not agree), min(len(first), len(last)))
    return first[:length] if length >= _BEGINNING else []


def _place(question: Question) -> tuple[list[str], list[int], str, str, str]:
    return (
        question.pictures,
        question.ids,
        question.benchmark,
        question.item,
        question.condition,
    )


def _nodes_alone(question: Question) -> int:
    return len(question.ids) + sum(len(option) - 1 for option in question.choices)


def batches_of(trees: Sequence[Tree], questions: int, tokens: int) -> list[list[Tree]]:
    """Cut trees, the largest first, into batches of so many questions and padded tokens at most.

    The first batch needs the most memory: what does not fit fails at once. A tree that is larger
    than the limits is a batch of its own.
    """
    batches: list[list[Tree]] = []
    held = 0
    for tree in sorted(trees, key=len, reverse=True):
        if not batches or not _fits(tree, batches[-1], questions - held, tokens):
            batches.append([])
            held = 0
        batches[-1].append(tree)
        held += len(tree.questions)
    return batches


def _fits(tree: Tree, batch: Sequence[Tree], questions: int, tokens: int) -> bool:
    longest = len(batch[0])
    pads = longest * len(batch) >= _BUSY and len(tree) < _MUCH_SHORTER * longest
    return len(tree.questions) <= questions and longest * (len(batch) + 1) <= tokens and not pads
