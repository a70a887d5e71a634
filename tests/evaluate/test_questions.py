"""Questions in tokens against conversations spelled out by hand and lm-eval's own rule."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from mlan.errors import ConfigError, DataError
from mlan.evaluate.questions import BLANK, Question, check_labels, questions
from mlan.mixture.forms import PICTURE, Form, Special
from mlan.mixture.template import Template
from mlan.mixture.tokenizer import embedded_tokenizer
from tests.toy import tokenizer

TOKENS = 2
REAL = {"image": "real", "parts": ["test"]}


def item(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "part": "test",
        "cluster": name,
        "image": "",
        "form": "letter",
        "question": f"Where is {name}?",
        "options": ["here", "there", "nowhere"],
        "golds": ["B"],
        **more,
    }


def asked(
    items: list[dict[str, Any]],
    *conditions: dict[str, Any],
    speaker: Template | None = None,
    modality: str = "vision",
    seed: int = 0,
    **benchmark: Any,
) -> list[Question]:
    evaluate = {"conditions": list(conditions or [REAL]), "max_new_tokens": 8, "seed": seed}
    identity = {"benchmarks": {"quiz": {"modality": modality, **benchmark}}, "evaluate": evaluate}
    frame = pd.DataFrame(items)
    return list(questions(identity, {"quiz": frame}, speaker or template()))


@cache
def template() -> Template:
    return Template("user-assistant", smollm2(), TOKENS)


@cache
def smollm2() -> Tokenizer:
    return embedded_tokenizer()


def spoken(question: Question) -> str:
    """The prompt as text, a picture being `<image>` once a token."""
    return template().decode(question.ids)


def texts(ids: list[list[int]]) -> list[str]:
    return [template().decode(row) for row in ids]


def test_default_question_is_the_request_with_labels_and_an_answer() -> None:
    (question,) = asked([item("a", image="set/a")], max_new_tokens=3)
    request = "Where is a?\nWhich of these is right? Answer with its letter alone.\n"
    assert question == Question(
        benchmark="quiz",
        item="a",
        part="test",
        condition="real",
        ids=template().question(f"{request}A: here\nB: there\nC: nowhere", picture=True),
        pictures=["set/a"],
        labels=[template().answer(letter) for letter in "ABC"],
        choices=[],
        max_new_tokens=3,
        order=[],
    )


def test_images_of_conditions_and_text_benchmarks_that_have_none() -> None:
    items = [item("a", image="set/a"), item("b", image="set/b"), item("c", image="set/b")]
    conditions = [{"image": image, "parts": ["test"]} for image in ("real", "blank", "other")]
    found = asked(items, *conditions)
    assert {(q.condition, q.item): q.pictures for q in found} == {
        ("real", "a"): ["set/a"],
        ("real", "b"): ["set/b"],
        ("real", "c"): ["set/b"],
        ("blank", "a"): [BLANK],
        ("blank", "b"): [BLANK],
        ("blank", "c"): [BLANK],
        ("other", "a"): ["set/b"],
        ("other", "b"): ["set/a"],
        ("other", "c"): ["set/a"],
    }
    assert len({tuple(q.ids) for q in found if q.item == "a"}) == 1
    plain = [item("a"), item("b")]
    assert {q.condition for q in asked(plain, *conditions, modality="text")} == {"real"}


def test_prompt_of_a_condition_goes_before_that_of_the_benchmark() -> None:
    (own,) = asked([item("a")], prompt="short")
    assert "\nLetter:" in spoken(own)
    (given,) = asked([item("a")], {**REAL, "prompt": "mlan"}, prompt="short")
    assert "Take the best of the options that follow:" in spoken(given)
    assert given.condition == "real+mlan"


def test_primer_begins_the_answer_and_labels_go_on_with_it() -> None:
    (question,) = asked([item("a")], {**REAL, "primer": True})
    assert question.condition == "real+primer"
    assert spoken(question).endswith('C: nowhere\nAssistant: The best answer is "')
    assert texts(question.labels) == ["A", "B", "C"]
    whole = template().answer('The best answer is "B')
    assert [*template().answer('The best answer is "'), *question.labels[1]] == whole


@pytest.mark.parametrize("form", ["letter", "choose"])
def test_shuffled_options_are_listed_in_their_order(form: str) -> None:
    items = [item(str(n), form=form, golds=["there"]) for n in range(40)]
    found = asked(items, {**REAL, "option_order": "shuffled"}, scorers=["choice_logprob", *ALL])
    assert len({tuple(q.order) for q in found}) == 6
    for question in found:
        shown = [["here", "there", "nowhere"][place] for place in question.order]
        if question.choices:
            assert texts(question.choices) == [f" {option}" for option in shown]
            continue
        listed = ", ".join(shown)
        labels = [f" {option}" for option in shown]
        if form == "letter":
            listed = "\n".join(f"{a}: {b}" for a, b in zip("ABC", shown, strict=True))
            labels = [" A", " B", " C"]
        assert listed in spoken(question)
        assert texts(question.labels) == labels
    other = asked(items, {**REAL, "option_order": "shuffled"}, seed=1)
    orders = {q.item: q.order for q in found}
    assert any(orders[q.item] != q.order for q in other)


def test_what_lists_no_options_has_no_order() -> None:
    items = [
        item("a", form="yes_no", options=["yes", "no"], golds=["no"]),
        item("b", form="brief", options=[], golds=["cat"]),
    ]
    found = asked(items, {**REAL, "option_order": "shuffled"})
    assert [q.order for q in found] == [[], []]
    assert [texts(q.labels) for q in found] == [[" yes", " no"], []]


ALL = ["generate", "label_logit"]


@pytest.mark.parametrize(
    ("scorers", "expected"),
    [
        (["generate", "label_logit"], [(3, 8, 0)]),
        (["generate"], [(0, 8, 0)]),
        (["label_logit"], [(3, 0, 0)]),
        (["choice_logprob"], [(0, 0, 3)]),
        (["choice_logprob", "generate", "label_logit"], [(3, 8, 0), (0, 0, 3)]),
        (["choice_logprob", "label_logit"], [(3, 0, 0), (0, 0, 3)]),
    ],
)
def test_scorers_decide_the_questions_of_an_item(
    scorers: list[str], expected: list[tuple[int, int, int]]
) -> None:
    found = asked([item("a")], scorers=scorers)
    assert [(len(q.labels), q.max_new_tokens, len(q.choices)) for q in found] == expected
    assert {(q.benchmark, q.item, q.part, q.condition) for q in found} == {
        ("quiz", "a", "test", "real")
    }


def test_free_answer_without_generation_is_one_line() -> None:
    free = item("a", form="brief", options=[], golds=["cat"])
    assert len(asked([free], scorers=["choice_logprob", "generate"])) == 1
    with pytest.raises(DataError) as caught:
        asked([free], scorers=["label_logit", "choice_logprob"])
    assert caught.value.lines == (
        "data.benchmarks.quiz: item 'a' wants a free answer; only scorer generate asks for one",
    )


def test_options_continue_the_bare_question_of_the_conversation() -> None:
    request, bare = asked([item("a", image="set/a")], scorers=["choice_logprob", *ALL])
    assert bare.ids == template().question("Question: Where is a?\nAnswer:", picture=True)
    assert texts(bare.choices) == [" here", " there", " nowhere"]
    assert bare.pictures == request.pictures == ["set/a"]
    (text,) = asked([item("a")], scorers=["choice_logprob"], continuation="text")
    assert text.ids == template().question("Where is a?", picture=False)


def encode_pair(speaker: Tokenizer, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """lm-eval 0.4.13, `TemplateLM._encode_pair` of a causal model, special tokens left out."""
    spaces = len(context) - len(context.rstrip())
    if spaces > 0:
        continuation = context[-spaces:] + continuation
        context = context[:-spaces]
    whole: list[int] = speaker.encode(context + continuation, add_special_tokens=False).ids
    alone: list[int] = speaker.encode(context, add_special_tokens=False).ids
    return alone, whole[len(alone) :]


COMPLETION = Form(
    ask=("{}",),
    show=(PICTURE, "\n{}"),
    again=("\n\n{}",),
    show_again=("\n\n", PICTURE, "\n{}"),
    answer=" {}",
    end=Special("<|im_end|>"),
)
ENDINGS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@given(st.lists(ENDINGS, min_size=2, max_size=4, unique=True), ENDINGS)
def test_continuation_tokens_are_those_of_lm_eval(options: list[str], question: str) -> None:
    question = question.strip() or "x"
    speaker = Template("completion", smollm2(), TOKENS, COMPLETION)
    letters = item("a", question=question, options=options, golds=["A"])
    (found,) = asked([letters], scorers=["choice_logprob"], continuation="text", speaker=speaker)
    pairs = [encode_pair(smollm2(), question, f" {option}") for option in options]
    assert found.ids == pairs[0][0]
    assert found.choices == [pair[1] for pair in pairs]


def test_continuation_that_joins_its_question_is_cut_at_the_question_s_length() -> None:
    """By hand: with no space between, ` ans` and `wer` are one token that lies before the cut."""
    joined = Form(**{**vars(COMPLETION), "answer": "{}"})
    speaker = Template("completion", smollm2(), TOKENS, joined)
    before, whole = speaker.answer("The ans"), speaker.answer("The answer here")
    assert (len(before), len(whole)) == (2, 3)
    assert speaker.continuation("The ans", "wer here", picture=False) == whole[2:]
    letters = item("a", question="The ans", options=["wer", "zzz"], golds=["A"])
    with pytest.raises(DataError, match=r"item 'a': an option has no token of its own"):
        asked([letters], scorers=["choice_logprob"], continuation="text", speaker=speaker)


def test_examples_are_earlier_turns_with_their_pictures_and_answers() -> None:
    dev = [
        item(name, part="dev", image=f"set/{name}", golds=[gold])
        for name, gold in (("x", "A"), ("y", "C"))
    ]
    (question,) = asked([*dev, item("a", image="set/a")], {**REAL, "image": "blank", "shots": 2})
    assert question.condition == "blank+2shots"
    assert question.pictures in (["set/x", "set/y", BLANK], ["set/y", "set/x", BLANK])
    names = [picture[-1] for picture in question.pictures[:2]]
    answers = {"x": "A", "y": "C"}
    expected = ""
    for name in [*names, "a"]:
        expected += ("\nUser:" if expected else "User:") + "<image>" * TOKENS
        expected += f"\nWhere is {name}?\nWhich of these is right? Answer with its letter alone."
        expected += "\nA: here\nB: there\nC: nowhere\nAssistant:"
        expected += f" {answers[name]}<|im_end|>" if name != "a" else ""
    assert spoken(question) == expected


def test_examples_are_primed_shuffled_and_continued_like_the_question() -> None:
    dev = [item(str(n), part="dev", golds=["C"]) for n in range(3)]
    condition = {**REAL, "shots": 2, "primer": True, "option_order": "shuffled"}
    request, bare = asked([*dev, item("a")], condition, scorers=["choice_logprob", *ALL])
    assert request.condition == "real+primer+shuffled+2shots"
    turns = spoken(request).split("<|im_end|>")
    assert len(turns) == 3
    for turn in turns[:2]:
        letter = turn[-2]
        assert turn.endswith(f'Assistant: The best answer is "{letter}"')
        assert f"\n{letter}: nowhere" in turn
    assert spoken(bare).count("Answer:\nAssistant: nowhere<|im_end|>") == 2
    assert spoken(bare).endswith("\nUser: Question: Where is a?\nAnswer:\nAssistant:")
    assert texts(bare.choices) == [
        f" {['here', 'there', 'nowhere'][place]}" for place in request.order
    ]


@given(st.integers(0, 4), st.integers(1, 3))
def test_examples_are_never_of_the_asked_cluster_nor_of_the_test_part(
    seed: int, number: int
) -> None:
    items = [
        item(f"{part}{n}", part=part, cluster=f"c{n // 2}", image=f"set/{n // 2}", golds=["A"])
        for part in ("dev", "test")
        for n in range(10)
    ]
    of = {f"Where is {each['id']}?": each for each in items}
    condition = {"image": "real", "parts": ["dev", "test"], "shots": number}
    for question in asked(items, condition, seed=seed):
        told = [line for line in spoken(question).split("\n") if line in of]
        *shown, own = [of[line] for line in told]
        assert own["id"] == question.item
        assert len(shown) == number
        assert {each["part"] for each in shown} == {"dev"}
        assert own["cluster"] not in {each["cluster"] for each in shown}


def test_gold_decides_the_prompt_only_where_the_condition_says_that_it_leaks() -> None:
    answers = ["yes", "No", "snow", "notebook", "cat"]
    items = [
        item(str(n), form="brief", options=[], golds=[answer]) for n, answer in enumerate(answers)
    ]
    for condition in (REAL, {**REAL, "prompt": "after"}, {**REAL, "primer": True}):
        plain = asked(items, condition)
        other = asked([{**each, "golds": ["cat"]} for each in items], condition)
        assert plain == other
    leaking = asked(items, {**REAL, "gold_prompts": True})
    assert {q.condition for q in leaking} == {"real+leaking"}
    told = ["Answer the question with yes or no." in spoken(q) for q in leaking]
    assert told == [True, True, False, False, False]
    assert all(q.labels == [] for q in leaking)


@pytest.mark.parametrize("key", ["golds", "category", "pair"])
def test_nothing_but_the_question_and_its_options_decides_a_prompt(key: str) -> None:
    condition = {**REAL, "option_order": "shuffled", "primer": True}
    one, two = ([item("a", **{key: [value]})] for value in "AC")
    assert asked(one, condition) == asked(two, condition)


def test_options_with_one_first_token_are_refused_unless_likelihood_is_not_asked() -> None:
    twins = item("capital/1", form="choose", options=["New York", "New Delhi"], golds=["New York"])
    with pytest.raises(DataError, match=r"item 'capital/1': two options begin with the same"):
        asked([twins])
    (question,) = asked([twins], scorers=["generate"])
    check_labels(question)


def test_primer_that_a_tokenizer_joins_with_the_answer_is_one_line() -> None:
    speaker = Template("user-assistant", tokenizer(), TOKENS)  # words between spaces
    with pytest.raises(ConfigError) as caught:
        asked([item("a")], {**REAL, "primer": True}, speaker=speaker)
    assert caught.value.lines == (
        "recipe.backbone.template = 'user-assistant': its tokenizer joins 'The best answer is \"' "
        "and 'A', so no answer can be begun so; ask without `primer`",
    )


def test_toy_tokenizer_labels_are_answers_as_trained() -> None:
    speaker = Template("user-assistant", tokenizer(), TOKENS)
    (question,) = asked([item("a")], speaker=speaker)
    assert question.labels == [speaker.answer(letter) for letter in "ABC"]
