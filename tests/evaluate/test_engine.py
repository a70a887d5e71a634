"""The engine against slow references: full forward passes and transformers' own generate."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mlan.errors import DataError
from mlan.evaluate.engine import answer
from mlan.evaluate.questions import Question, check_labels
from mlan.model.compose import compose, initialise_projector
from tests.toy import write_backbone

END = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    """A random model whose greedy answers differ from prompt to prompt."""
    torch.set_num_threads(1)
    made = compose(write_backbone(tmp_path_factory.mktemp("backbone")))
    initialise_projector(made, 1)
    return made


def _features(number: int) -> torch.Tensor:
    return torch.randn((1, 9, 24), generator=torch.Generator().manual_seed(number))


def _questions() -> list[Question]:
    image = [3] * 9
    draw = torch.Generator().manual_seed(5)
    questions = []
    for number in range(9):
        words = torch.randint(4, 22, (3 + number % 4,), generator=draw).tolist()
        picture = f"set/{number}" if number % 2 else ""
        ids = [4, *(image if picture else []), *words, 5]
        questions.append(_question(str(number), ids, picture, _options(number)))
    return questions


def _question(item: str, ids: list[int], picture: str, labels: list[list[int]]) -> Question:
    pictures = [picture] if picture else []
    return Question("quiz", item, "test", "real", ids, pictures, labels)


def _options(number: int) -> list[list[int]]:
    return [[10], [11, 14 + number % 3], [12, 15], [13]]


def _pictures(questions: list[Question]) -> torch.Tensor | None:
    shown = [_features(int(q.item)) for q in questions if q.pictures]
    return torch.cat(shown) if shown else None


def _ask(model, questions: list[Question], tokens: int = 5):
    return answer(model, questions, _pictures(questions), end=END, max_new_tokens=tokens)


def _alone(model, question: Question) -> tuple[list[float], list[int]]:
    """Option scores and greedy ids from full forward passes over one unpadded prompt."""
    ids = list(question.ids)
    scores: list[float] = []
    for _ in range(5):
        tensor = torch.tensor([ids])
        embeddings = model.get_input_embeddings()(tensor)
        if question.pictures:
            image = model.model.multi_modal_projector(_features(int(question.item)))
            where = (tensor == model.config.image_token_id).unsqueeze(-1)
            embeddings = embeddings.masked_scatter(where, image)
        with torch.no_grad():
            hidden = model.model.language_model(inputs_embeds=embeddings)[0]
            logits = model.lm_head(hidden)[0, -1]
        if not scores:
            scores = logits.log_softmax(-1)[[o[0] for o in question.labels]].tolist()
        token = int(logits.argmax())
        if token == END:
            break
        ids.append(token)
    return scores, ids[len(question.ids) :]


def test_answers_equal_full_forward_passes_one_by_one(model) -> None:
    questions = _questions()
    together = _ask(model, questions)
    for question, given in zip(questions, together, strict=True):
        scores, ids = _alone(model, question)
        assert given.label_scores == pytest.approx(scores, abs=1e-4)
        assert given.ids == ids
        assert given.ended == (len(ids) < 5)


def test_answers_equal_generate_of_transformers(model) -> None:
    for question in [q for q in _questions() if not q.pictures]:
        ids = torch.tensor([question.ids])
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=5,
            do_sample=False, eos_token_id=END, pad_token_id=END,
        )  # fmt: skip
        expected = [t for t in out[0, ids.shape[1] :].tolist() if t != END]
        assert _ask(model, [question])[0].ids == expected


def test_batch_composition_does_not_change_answers(model) -> None:
    questions = _questions()
    together = _ask(model, questions)
    for question, given in zip(questions, together, strict=True):
        alone = _ask(model, [question])[0]
        assert alone.ids == given.ids
        assert alone.label_scores == pytest.approx(given.label_scores, abs=1e-4)


def test_answer_stops_at_the_end_token_and_drops_it(model) -> None:
    rows = _questions()
    for given in _ask(model, rows, tokens=12):
        assert END not in given.ids
        assert given.ended or len(given.ids) == 12


def _with_one_beginning(pictures: int) -> list[Question]:
    """Questions of several lengths that begin alike, up to their picture or beyond it."""
    draw = torch.Generator().manual_seed(8)
    questions = []
    for number in range(21):
        words = torch.randint(4, 22, (2 + number % 3,), generator=draw).tolist()
        image = [3] * 9 if pictures else []
        picture = f"set/{number % pictures}" if pictures else ""
        ids = [4, 6, 7, 8, 9, 10, *image, 11, 12, *words, 5]
        questions.append(_question(str(number), ids, picture, _options(number)))
    return questions


@pytest.mark.parametrize(("pictures", "shared"), [(0, 8), (1, 17), (2, 6)])
def test_one_beginning_is_computed_once_and_changes_nothing(
    model, pictures: int, shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = _with_one_beginning(pictures)
    shown = [_features(int(q.pictures[0][-1])) for q in questions if q.pictures]
    table = torch.cat(shown) if shown else None
    passes: list[tuple[int, ...]] = []
    language = model.model.language_model
    forward = language.forward

    def counted(*args, **kwargs):
        if kwargs.get("inputs_embeds") is not None:
            passes.append(tuple(kwargs["inputs_embeds"].shape[:2]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(language, "forward", counted)
    together = answer(model, questions, table, end=END, max_new_tokens=5)
    longest = max(len(q.ids) for q in questions)
    assert passes == [(1, shared), (len(questions), longest - shared)]
    for number, (question, given) in enumerate(zip(questions, together, strict=True)):
        mine = table[number : number + 1] if table is not None else None
        alone = answer(model, [question], mine, end=END, max_new_tokens=5)[0]
        assert given.ids == alone.ids
        assert given.label_scores == pytest.approx(alone.label_scores, abs=1e-4)


def test_options_with_one_first_token_are_refused() -> None:
    question = _question("capital/1", [1], "", [[7, 9], [8], [7, 10]])
    with pytest.raises(DataError, match=r"item 'capital/1': two options begin with the same"):
        check_labels(question)


def test_draft_is_taken_only_where_greedy_decoding_gives_it(model) -> None:
    """Options made from the greedy answers: some right to the end, some only at the start."""
    questions = []
    for number, question in enumerate(_questions()):
        greedy = _alone(model, question)[1]
        right = greedy if number % 3 else [*greedy[:2], 21]
        others = [[t] for t in range(10, 20) if t != right[0]][:3]
        questions.append(replace(question, labels=[right, *others]))
    for question, given in zip(questions, _ask(model, questions, tokens=5), strict=True):
        assert given.ids == _alone(model, question)[1]


def test_free_answers_are_decoded_beside_questions_with_options(model) -> None:
    asked = _questions()
    mixed = [replace(q, labels=q.labels if number % 3 else []) for number, q in enumerate(asked)]
    with_options = _ask(model, asked)
    for question, given, before in zip(mixed, _ask(model, mixed), with_options, strict=True):
        check_labels(question)
        assert given.ids == before.ids
        assert given.label_scores == (before.label_scores if question.labels else [])
