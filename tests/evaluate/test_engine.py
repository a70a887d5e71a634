"""The engine against slow references: full forward passes and transformers' own generate."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mlan.errors import DataError
from mlan.evaluate import engine
from mlan.evaluate.engine import Answer, Beginning, answer
from mlan.evaluate.questions import Question, check_labels
from mlan.evaluate.recheck import flips, sample
from mlan.evaluate.trees import Shape, Tree, beginning_of, grow
from mlan.model.compose import compose, initialise_projector
from tests.evaluate.asking import END, IMAGE, LENGTH, features, greedy, log_likelihoods, question
from tests.toy import write_backbone

# As if the model were wide: whatever saves a token is shared.
WIDE = Shape(IMAGE, LENGTH, 10**6)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    """A random model whose greedy answers differ from prompt to prompt."""
    torch.set_num_threads(1)
    made = compose(write_backbone(tmp_path_factory.mktemp("backbone")))
    initialise_projector(made, 1)
    return made


def _questions() -> list[Question]:
    """Nine questions of several lengths, with and without a picture, about three pictures."""
    draw = torch.Generator().manual_seed(5)
    asked = []
    for number in range(9):
        words = torch.randint(4, 22, (3 + number % 4,), generator=draw).tolist()
        shown = [f"set/{number % 3}"] if number % 2 else []
        ids = [4, 6, *([IMAGE] * LENGTH if shown else []), *words, 5]
        labels = [[10], [11, 14 + number % 3], [12, 15], [13]]
        asked.append(question(str(number), ids, pictures=shown, labels=labels))
    return asked


def _ask(model, trees: list[Tree], beginning: Beginning | None = None) -> dict[str, Answer]:
    shown = features([picture for tree in trees for picture in tree.pictures])
    given = answer(model, trees, shown, end=END, beginning=beginning)
    return {
        q.item: found
        for tree, of_tree in zip(trees, given, strict=True)
        for q, found in zip(tree.questions, of_tree, strict=True)
    }


def _alone(asked: list[Question]) -> list[Tree]:
    return [tree for q in asked for tree in grow([q], WIDE, 1)]


def _check(model, asked: list[Question], given: dict[str, Answer]) -> None:
    """Every answer equals that of full forward passes over its prompt alone."""
    assert given.keys() == {q.item for q in asked}
    for q in asked:
        found, expected = given[q.item], log_likelihoods(model, q)[-1]
        assert found.labels == pytest.approx([float(expected[o[0]]) for o in q.labels], abs=1e-4)
        assert found.ids == greedy(model, q)
        assert found.ended == (len(found.ids) < q.max_new_tokens)
        sums = [_whole(model, q, option) for option in q.choices]
        assert found.choices == pytest.approx(sums, abs=1e-4)


def _whole(model, asked: Question, option: list[int]) -> float:
    """Log-likelihood of an option's tokens after its question."""
    rows = log_likelihoods(model, asked, option)[-len(option) - 1 : -1]
    return float(rows[torch.arange(len(option)), torch.tensor(option)].sum())


def test_answers_equal_full_forward_passes_one_by_one(model) -> None:
    asked = _questions()
    _check(model, asked, _ask(model, _alone(asked)))


def test_shared_beginnings_change_nothing(model) -> None:
    """Three pictures with several questions, texts that begin alike: trees of many branches."""
    asked = _questions()
    trees = grow(asked, WIDE, 48)
    assert len(trees) == 1
    # What begins alike stands once: six questions have pictures, of which there are three.
    assert len(trees[0]) < sum(len(q.ids) for q in asked)
    assert sorted(trees[0].pictures) == ["set/0", "set/1", "set/2"]
    _check(model, asked, _ask(model, trees))


def test_trees_of_several_sizes_are_answered_together(model) -> None:
    asked = _questions()
    trees = [*grow(asked[:5], WIDE, 48), *_alone(asked[5:7]), *grow(asked[7:], WIDE, 48)]
    assert len({len(tree) for tree in trees}) > 2
    _check(model, asked, _ask(model, trees))


def test_answers_equal_generate_of_transformers(model) -> None:
    for q in [q for q in _questions() if not q.pictures]:
        ids = torch.tensor([q.ids])
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=5,
            do_sample=False, eos_token_id=END, pad_token_id=END,
        )  # fmt: skip
        expected = [t for t in out[0, ids.shape[1] :].tolist() if t != END]
        assert _ask(model, _alone([q]))[q.item].ids == expected


@pytest.mark.parametrize("together", [False, True])
def test_likelihood_of_whole_options(model, together: bool) -> None:
    """Options that share a beginning, one that begins another, one of one token."""
    choices = [[10, 14, 15], [10, 14, 16], [10, 14], [11]]
    asked = [replace(q, choices=choices, labels=[], max_new_tokens=0) for q in _questions()]
    given = _ask(model, grow(asked, WIDE, 48) if together else _alone(asked))
    for q in asked:
        assert given[q.item].choices == pytest.approx(
            [_whole(model, q, option) for option in choices], abs=1e-4
        )
        assert (given[q.item].ids, given[q.item].labels) == ([], [])


def test_limits_hold_for_each_question(model) -> None:
    asked = [replace(q, max_new_tokens=number % 4) for number, q in enumerate(_questions())]
    given = _ask(model, grow(asked, WIDE, 48))
    longest = {q.item: greedy(model, replace(q, max_new_tokens=4)) for q in asked}
    for q in asked:
        assert given[q.item].ids == longest[q.item][: q.max_new_tokens]
        assert END not in given[q.item].ids


def test_several_pictures_of_one_question(model) -> None:
    """Format examples show their own pictures before the item's."""
    image = [IMAGE] * LENGTH
    asked = [
        question("a", [4, *image, 7, 8, *image, 9], pictures=["set/1", "set/2"]),
        question("b", [4, *image, 7, 8, *image, 9], pictures=["set/1", "set/3"]),
        question("c", [4, *image, 7, 8, *image, 10], pictures=["set/2", "set/2"]),
    ]
    trees = grow(asked, WIDE, 48)
    assert [tree.pictures for tree in trees] == [["set/1", "set/2", "set/3", "set/2", "set/2"]]
    _check(model, asked, _ask(model, trees))


def test_labels_with_one_first_token_are_refused() -> None:
    asked = question("capital/1", [1], labels=[[7, 9], [8], [7, 10]])
    with pytest.raises(DataError, match=r"item 'capital/1': two options begin with the same"):
        check_labels(asked)


@pytest.mark.parametrize("together", [False, True])
def test_draft_is_taken_only_where_greedy_decoding_gives_it(model, together: bool) -> None:
    """Labels made from the greedy answers: some right to the end, some only at the start."""
    asked = []
    for number, q in enumerate(_questions()):
        said = greedy(model, q)
        right = said if number % 3 else [*said[:2], 21]
        others = [[t] for t in range(10, 20) if t != right[0]][:3]
        asked.append(replace(q, labels=[right, *others]))
    _check(model, asked, _ask(model, grow(asked, WIDE, 48) if together else _alone(asked)))


def test_free_answers_are_decoded_beside_questions_with_labels(model) -> None:
    asked = [q if n % 3 else replace(q, labels=[]) for n, q in enumerate(_questions())]
    _check(model, asked, _ask(model, grow(asked, WIDE, 48)))


def test_flips_are_counted_between_batches_and_each_question_alone(model) -> None:
    asked = [
        replace(q, choices=[[10, 14], [11, 15]] if n == 2 else [])
        for n, q in enumerate(_questions())
    ]
    given = _ask(model, grow(asked, WIDE, 48))
    told = {q.item: {"text": given[q.item].ids, "labels": given[q.item].labels,
                     "choices": given[q.item].choices} for q in asked}  # fmt: skip

    def alone(q: Question) -> dict:
        found = _ask(model, _alone([q]))[q.item]
        return {"text": found.ids, "labels": found.labels, "choices": found.choices}

    some = sample(asked, 5)
    assert [q.item for q in some] == [q.item for q in sample(asked[::-1], 5)]
    found = flips(asked, lambda q: told[q.item], alone)
    assert found | {"largest_gap": 0} == {
        "asked": 9, "answers": 0, "labels": 0, "choices": 0, "largest_gap": 0
    }  # fmt: skip
    assert found["largest_gap"] < 1e-4
    told["1"]["text"] = [19]
    told["3"]["labels"] = told["3"]["labels"][::-1]
    told["2"]["choices"] = told["2"]["choices"][::-1]
    spoilt = flips(asked, lambda q: told[q.item], alone)
    assert (spoilt["answers"], spoilt["labels"], spoilt["choices"]) == (1, 1, 1)
    assert spoilt["largest_gap"] > 1e-3


@pytest.mark.parametrize("together", [False, True])
def test_one_beginning_of_all_trees_is_computed_once(
    model, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system message of twenty tokens before questions with and without pictures."""
    system = [7, 8, 9, 10] * 5
    asked = [replace(q, ids=[*system, *q.ids], choices=[[10, 14], [11]]) for q in _questions()]
    trees = grow(asked[:2], WIDE, 48) + grow(asked[2:], WIDE, 3) if together else _alone(asked)
    passes: list[tuple[int, ...]] = []
    language = model.model.language_model
    forward = language.forward

    def counted(*args, **kwargs):
        if kwargs.get("inputs_embeds") is not None:
            passes.append(tuple(kwargs["inputs_embeds"].shape[:2]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(language, "forward", counted)
    monkeypatch.setattr(engine, "_WORTHWHILE", 20)
    given = _ask(model, trees)
    # Every question begins 4, 6 after the system message.
    apart = (len(trees), max(map(len, trees)) - 22)
    assert passes == [(1, 22), apart]
    monkeypatch.undo()
    _check(model, asked, given)


def test_the_beginning_of_a_pool_is_computed_once_for_all_its_batches(
    model, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = [7, 8, 9, 10] * 5
    asked = [replace(q, ids=[*system, *q.ids]) for q in _questions()]
    kept = Beginning(beginning_of(asked, IMAGE))
    assert kept.tokens == [*system, 4, 6]
    alone = [_ask(model, _alone(asked[n : n + 2])) for n in range(0, len(asked), 2)]
    passes: list[int] = []
    forward = model.model.language_model.forward

    def counted(*args, **kwargs):
        if kwargs.get("inputs_embeds") is not None:
            passes.append(kwargs["inputs_embeds"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model.language_model, "forward", counted)
    for n, found in zip(range(0, len(asked), 2), alone, strict=True):
        for item, answered in _ask(model, _alone(asked[n : n + 2]), kept).items():
            assert answered.ids == found[item].ids
            assert answered.labels == pytest.approx(found[item].labels, abs=1e-4)
    assert passes.count(22) == 1
    # A tree that begins otherwise is answered as if there were no pool.
    other = _alone([replace(asked[0], ids=asked[0].ids[1:])])
    assert _ask(model, other, kept) == _ask(model, other)
