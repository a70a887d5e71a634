"""Answer a batch of trees of questions: likelihoods and a greedy answer from one prefill.

What all trees begin with is computed once for the batch, and what all questions of a pool begin
with, a template's system message, once for all batches (`Beginning`).
The logits at the end of a question give the log-likelihood of each label's first token (labels
never share one: checked) and the first greedy token; those along the branches of its options give
the likelihood of each option's text. The answer goes on from the same keys and values, all
questions of a tree side by side. A tuned model mostly answers with its likeliest label, so that
answer is drafted: one pass over its tokens shows whether greedy decoding would give them. Only
other questions are decoded token by token, and trees that are done leave the cache once they are
half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.evaluate.trees import Tree
from mlan.model.compose import input_embeddings

# Places whose logits are held at once: 256 x 128,000 float32 are 0.13 GB.
_PLACES = 256
# Tokens that a pass over the beginning of all trees must save: it reads all weights once more.
_WORTHWHILE = 100


@dataclass(frozen=True)
class Answer:
    """Greedy token ids without the end token, and log-likelihoods.

    `labels`: of each label's first token. `choices`: of each option's text, the sum over its
    tokens. Both in the order of the question.
    """

    ids: list[int]
    ended: bool
    labels: list[float]
    choices: list[float]


@dataclass
class _Line:
    """A question that is being answered: what its next token sees, and what it has said."""

    tree: int
    number: int
    sight: NDArray[np.bool_]
    depth: int
    next: int
    limit: int
    said: list[int] = field(default_factory=list)
    ended: bool = False

    def take(self, end: int) -> bool:
        """Say the next token; return whether the line is done."""
        if self.next == end:
            self.ended = True
        else:
            self.said.append(self.next)
        return self.ended or len(self.said) == self.limit


class Beginning:
    """The tokens with which all questions of a pool begin, and their keys and values.

    Computed when they are first needed and kept for the pool's other batches; they follow from
    the tokens alone, so that answers do not depend on the batches before.
    """

    def __init__(self, tokens: Sequence[int] = ()) -> None:
        self.tokens = list(tokens)
        self._layers: list[tuple[Tensor, Tensor]] = []

    def begins(self, trees: Sequence[Tree]) -> bool:
        """Whether there is a beginning and each tree has it before anything branches."""
        size = len(self.tokens)
        return size > 0 and all(
            tree.trunk >= size and tree.tokens[:size] == self.tokens for tree in trees
        )

    def repeated(self, model: LlavaForConditionalGeneration, trees: int) -> DynamicCache:
        """Return a cache that holds the tokens, none or more, once for each tree."""
        language = model.model.language_model
        if self.tokens and not self._layers:
            own = DynamicCache(config=language.config)
            ids = torch.tensor([self.tokens], device=model.device)
            embedded = input_embeddings(model, ids, None)
            language(inputs_embeds=embedded, past_key_values=own, use_cache=True)
            self._layers = [_held(layer) for layer in own.layers]
        cache = DynamicCache(config=language.config)
        for number, held in enumerate(self._layers):
            keys, values = (one.expand(trees, -1, -1, -1) for one in held)
            cache.update(keys, values, number)
        return cache


def _held(layer: Any) -> tuple[Tensor, Tensor]:
    """Keys and values of a layer of a cache."""
    return layer.keys, layer.values


@torch.inference_mode()
def answer(
    model: LlavaForConditionalGeneration,
    trees: Sequence[Tree],
    features: Tensor | None,
    *,
    end: int,
    beginning: Beginning | None = None,
) -> list[list[Answer]]:
    """Answer the questions of each tree; `features` (P, T, D) are its pictures', tree by tree.

    `beginning` is that of the pool from which the trees come.
    """
    hidden, cache, shared = _prefill(model, trees, features, end, beginning or Beginning())
    first, likelihood = _read(model, hidden, shared, trees)
    lines = _lines(trees, first)
    decoder = _Decoder(model, cache, len(trees), end)
    _confirm(decoder, _drafts(trees, lines, likelihood), end)
    _decode(decoder, [line for line in lines if not line.ended], end)
    said = {(line.tree, line.number): line for line in lines}
    answers: list[list[Answer]] = []
    for row, of_tree in enumerate(likelihood):
        answers.append([])
        for number, (labels, choices) in enumerate(of_tree):
            line = said.get((row, number))
            greedy, ended = (line.said, line.ended) if line else ([], True)
            answers[-1].append(Answer(greedy, ended, labels, choices))
    return answers


def _prefill(
    model: LlavaForConditionalGeneration,
    trees: Sequence[Tree],
    features: Tensor | None,
    pad: int,
    beginning: Beginning,
) -> tuple[Tensor, DynamicCache, int]:
    """Return hidden states (B, N - S, E) behind the S nodes of the one beginning, all keys, S."""
    language = model.model.language_model
    ids, depths, sight = _padded(trees, pad)
    own = _shared_beginning(trees, model.config.image_token_id, beginning)
    cache = own.repeated(model, len(trees))
    shared = len(own.tokens)
    if shared:
        if sight is None:
            square = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
            sight = square.expand(len(trees), 1, -1, -1)
        sight = sight[:, :, shared:]
    out = language(
        inputs_embeds=input_embeddings(model, ids[:, shared:].to(model.device), features),
        attention_mask=None if sight is None else sight.to(model.device),
        position_ids=depths[:, shared:].to(model.device),
        past_key_values=cache,
        use_cache=True,
    )
    return out.last_hidden_state, cache, shared


def _shared_beginning(trees: Sequence[Tree], image_token: int, beginning: Beginning) -> Beginning:
    """What all trees begin with that is worth a pass of its own: theirs alone, or the pool's."""
    known = beginning if beginning.begins(trees) else Beginning()
    most = min(tree.trunk for tree in trees)
    first = trees[0].tokens
    same = (
        first[at] != image_token and all(tree.tokens[at] == first[at] for tree in trees)
        for at in range(most)
    )
    shared = next((at for at, agree in enumerate(same) if not agree), most)
    saved = (shared - len(known.tokens)) * (len(trees) - 1)
    return Beginning(first[:shared]) if saved >= _WORTHWHILE else known


def _padded(trees: Sequence[Tree], pad: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return ids (B, N), positions (B, N) and the mask (B, 1, N, N), None for rows alone.

    Padding stands on the right, where nothing sees it; it sees itself, so that no softmax is
    over nothing.
    """
    length = max(map(len, trees))
    ids = np.full((len(trees), length), pad, dtype=np.int64)
    depths = np.zeros((len(trees), length), dtype=np.int64)
    for row, tree in enumerate(trees):
        ids[row, : len(tree)] = tree.tokens
        depths[row, : len(tree)] = tree.depths()
    if all(tree.is_row for tree in trees):
        return torch.from_numpy(ids), torch.from_numpy(depths), None
    sight = np.zeros((len(trees), 1, length, length), dtype=np.bool_)
    sight[:, 0] = np.eye(length, dtype=np.bool_)
    for row, tree in enumerate(trees):
        sight[row, 0, : len(tree), : len(tree)] = tree.sight()
    return torch.from_numpy(ids), torch.from_numpy(depths), torch.from_numpy(sight)


_Likelihood = list[list[tuple[list[float], list[float]]]]


def _read(
    model: LlavaForConditionalGeneration, hidden: Tensor, shared: int, trees: Sequence[Tree]
) -> tuple[list[list[int]], _Likelihood]:
    """Return each question's first greedy token, and its labels' and choices' likelihoods.

    `hidden` begins after the first `shared` nodes.
    """
    wanted: dict[tuple[int, int], dict[int, float]] = {}
    for row, tree in enumerate(trees):
        for question, last, choices in zip(tree.questions, tree.ends, tree.choices, strict=True):
            at_end = wanted.setdefault((row, last), {})
            at_end.update(dict.fromkeys((label[0] for label in question.labels), 0.0))
            for option, nodes in zip(question.choices, choices, strict=True):
                for token, node in zip(option, nodes, strict=True):
                    wanted.setdefault((row, node), {})[token] = 0.0
    greedy = _fill(model, hidden, shared, wanted)
    first, likelihood = [], []
    for row, tree in enumerate(trees):
        first.append([greedy[row, last] for last in tree.ends])
        likelihood.append(
            [
                (
                    [wanted[row, last][label[0]] for label in question.labels],
                    [
                        sum(wanted[row, node][token] for token, node in zip(o, nodes, strict=True))
                        for o, nodes in zip(question.choices, choices, strict=True)
                    ],
                )
                for question, last, choices in zip(
                    tree.questions, tree.ends, tree.choices, strict=True
                )
            ]
        )
    return first, likelihood


def _fill(
    model: LlavaForConditionalGeneration,
    hidden: Tensor,
    shared: int,
    wanted: dict[tuple[int, int], dict[int, float]],
) -> dict[tuple[int, int], int]:
    """Put log-likelihoods to the wanted tokens of (row, node); return each place's likeliest."""
    greedy: dict[tuple[int, int], int] = {}
    places = list(wanted)
    for start in range(0, len(places), _PLACES):
        chunk = places[start : start + _PLACES]
        at = torch.tensor(chunk, device=hidden.device)
        logits = model.lm_head(hidden[at[:, 0], at[:, 1] - shared]).float()
        greedy.update(zip(chunk, logits.argmax(-1).tolist(), strict=True))
        asked = [(i, token) for i, place in enumerate(chunk) for token in wanted[place]]
        if asked:
            pairs = torch.tensor(asked, device=hidden.device)
            found = logits.log_softmax(-1)[pairs[:, 0], pairs[:, 1]]
            for (i, token), value in zip(asked, found.tolist(), strict=True):
                wanted[chunk[i]][token] = value
    return greedy


def _lines(trees: Sequence[Tree], first: list[list[int]]) -> list[_Line]:
    """Return the questions that ask for an answer, in order."""
    length = max(map(len, trees))
    lines = []
    for row, tree in enumerate(trees):
        if not any(question.max_new_tokens for question in tree.questions):
            continue
        sight, depths = tree.sight(), tree.depths()
        for number, (question, last) in enumerate(zip(tree.questions, tree.ends, strict=True)):
            if question.max_new_tokens:
                seen = np.zeros(length, dtype=np.bool_)
                seen[: len(tree)] = sight[last]
                depth = int(depths[last]) + 1
                token, limit = first[row][number], question.max_new_tokens
                lines.append(_Line(row, number, seen, depth, token, limit))
    return lines


def _drafts(
    trees: Sequence[Tree], lines: list[_Line], likelihood: _Likelihood
) -> list[tuple[_Line, list[int]]]:
    """Lines whose first greedy token begins their likeliest label, with the label's tokens."""
    drafts = []
    for line in lines:
        scores, _ = likelihood[line.tree][line.number]
        if scores:
            label = trees[line.tree].questions[line.number].labels[scores.index(max(scores))]
            if label[0] == line.next and len(label) < line.limit:
                drafts.append((line, label))
    return drafts


class _Decoder:
    """The keys and values of a batch, to which tokens are added after chosen nodes."""

    def __init__(
        self, model: LlavaForConditionalGeneration, cache: DynamicCache, trees: int, pad: int
    ) -> None:
        self._model, self._cache, self._pad = model, cache, pad
        self._row = {tree: tree for tree in range(trees)}

    def keep(self, lines: Sequence[_Line], *, always: bool = False) -> None:
        """Drop trees without a line, unless most still have one."""
        trees = sorted({line.tree for line in lines})
        if always or 2 * len(trees) <= len(self._row):
            rows = torch.tensor([self._row[tree] for tree in trees], device=self._model.device)
            self._cache.batch_select_indices(rows)
            self._row = {tree: row for row, tree in enumerate(trees)}

    def extend(
        self, asked: Sequence[tuple[_Line, Sequence[int]]], *, forget: bool = False
    ) -> list[list[int]]:
        """Add tokens after lines; return the greedy token after each of them.

        All lines of a tree stand side by side. With `forget` the cache stays as it was.
        """
        places, columns = self._places(asked)
        known = self._cache.get_seq_length()
        shape = (len(self._row), columns)
        ids = np.full(shape, self._pad, dtype=np.int64)
        depths = np.zeros(shape, dtype=np.int64)
        sight = np.zeros((shape[0], 1, columns, known + columns), dtype=np.bool_)
        sight[:, 0, :, known:] = np.eye(columns, dtype=np.bool_)
        for (line, tokens), (row, start) in zip(asked, places, strict=True):
            own = slice(start, start + len(tokens))
            ids[row, own] = tokens
            depths[row, own] = line.depth + np.arange(len(tokens))
            sight[row, 0, own, :known] = line.sight
            sight[row, 0, own, known:][:, own] = np.tri(len(tokens), dtype=np.bool_)
        device = self._model.device
        hidden = self._model.model.language_model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=torch.from_numpy(sight).to(device),
            position_ids=torch.from_numpy(depths).to(device),
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        if forget:
            self._cache.crop(-columns)
        at = torch.tensor(
            [
                (row, start + number)
                for (_, tokens), (row, start) in zip(asked, places, strict=True)
                for number in range(len(tokens))
            ],
            device=device,
        )
        found = self._model.lm_head(hidden[at[:, 0], at[:, 1]]).argmax(-1).tolist()
        greedy, seen = [], 0
        for (line, tokens), (row, start) in zip(asked, places, strict=True):
            greedy.append(found[seen : seen + len(tokens)])
            seen += len(tokens)
            if not forget:
                line.sight = np.concatenate(
                    [line.sight, sight[row, 0, start + len(tokens) - 1, known:]]
                )
                line.depth += len(tokens)
        return greedy

    def _places(
        self, asked: Sequence[tuple[_Line, Sequence[int]]]
    ) -> tuple[list[tuple[int, int]], int]:
        """Return the row and first column of each line's tokens, and the columns needed."""
        used = [0] * len(self._row)
        places = []
        for line, tokens in asked:
            row = self._row[line.tree]
            places.append((row, used[row]))
            used[row] += len(tokens)
        return places, max(used)


def _confirm(decoder: _Decoder, drafts: list[tuple[_Line, list[int]]], end: int) -> None:
    """Take the drafts that greedy decoding gives, with the end after them."""
    if not drafts:
        return
    predicted = decoder.extend(drafts, forget=True)
    for (line, draft), found in zip(drafts, predicted, strict=True):
        if found == [*draft[1:], end]:
            line.said, line.ended = list(draft), True


def _decode(decoder: _Decoder, lines: list[_Line], end: int) -> None:
    """Let lines say token after token until all are done."""
    first = True
    while lines := [line for line in lines if not line.take(end)]:
        decoder.keep(lines, always=first)
        first = False
        said = [(line, line.said[-1:]) for line in lines]
        for line, found in zip(lines, decoder.extend(said), strict=True):
            line.next = found[-1]
