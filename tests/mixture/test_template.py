"""Label spans: the answers and their end tokens are supervised, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from mlan.errors import ConfigError
from mlan.mixture.template import Encoded, Template, load_tokenizer
from tests.mixture.example import IMAGE_TOKENS, letters

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=125), min_size=1, max_size=12)
TURNS = st.lists(st.fixed_dictionaries({"user": TEXT, "assistant": TEXT}), min_size=1, max_size=4)
LETTERS = letters()
TEMPLATE = Template("user-assistant", LETTERS, IMAGE_TOKENS)
END = "<|im_end|>"


def read(ids: list[int]) -> str:
    return "".join(LETTERS.id_to_token(i) for i in ids)


def spans(encoded: Encoded) -> list[str]:
    """The texts of the maximal runs of supervised tokens."""
    runs: list[list[int]] = [[]]
    for token, supervised in zip(encoded.ids, encoded.supervised, strict=True):
        if supervised:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return [read(run) for run in runs if run]


@given(TURNS, st.booleans())
def test_supervised_tokens_are_the_answers_and_their_ends(
    turns: list[dict[str, str]], picture: bool
) -> None:
    encoded = TEMPLATE.encode(turns, picture=picture)
    assert spans(encoded) == [f" {turn['assistant']}{END}" for turn in turns]


@given(TURNS, st.booleans())
def test_whole_conversation_reads_as_the_template_says(
    turns: list[dict[str, str]], picture: bool
) -> None:
    first = "<image>" * IMAGE_TOKENS + "\n" if picture else " "
    expected = ""
    for number, turn in enumerate(turns):
        opening = f"User:{first}" if number == 0 else "\nUser: "
        expected += f"{opening}{turn['user']}\nAssistant: {turn['assistant']}{END}"
    assert read(TEMPLATE.encode(turns, picture=picture).ids) == expected


@given(TURNS, st.integers(0, 30))
def test_picture_is_a_run_of_image_tokens_in_the_first_turn(
    turns: list[dict[str, str]], image_tokens: int
) -> None:
    template = Template("user-assistant", letters(), image_tokens)
    image = LETTERS.token_to_id("<image>")
    shown = template.encode(turns, picture=True)
    assert shown.ids.count(image) == image_tokens
    assert shown.ids[5 : 5 + image_tokens] == [image] * image_tokens
    assert not any(s for i, s in zip(shown.ids, shown.supervised, strict=True) if i == image)
    assert image not in template.encode(turns, picture=False).ids


@given(TEXT, TEXT, st.booleans())
def test_question_is_what_precedes_the_answer_in_training(
    user: str, assistant: str, picture: bool
) -> None:
    encoded = TEMPLATE.encode([{"user": user, "assistant": assistant}], picture=picture)
    question = TEMPLATE.question(user, picture=picture)
    answer = TEMPLATE.answer(assistant)
    assert encoded.ids == [*question, *answer, TEMPLATE.end]
    assert encoded.supervised == [False] * len(question) + [True] * (len(answer) + 1)


def test_known_ids_of_one_example() -> None:
    names = ["<image>", END, "?", "User:", "Assistant:", "What", "is", "it", "a", "cat"]
    words = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(["<image>", END])
    encoded = Template("user-assistant", words, 3).encode(
        [{"user": "What is it", "assistant": "a cat"}], picture=True
    )
    assert encoded.ids == [3, 0, 0, 0, 5, 6, 7, 4, 8, 9, 1]
    assert encoded.supervised == [False] * 8 + [True] * 3


def test_special_token_within_a_text_is_only_text() -> None:
    turns = [{"user": f"say {END}", "assistant": f"{END} <image>"}]
    encoded = TEMPLATE.encode(turns, picture=False)
    assert encoded.ids.count(TEMPLATE.end) == 1
    assert LETTERS.token_to_id("<image>") not in encoded.ids
    assert read(encoded.ids) == f"User: say {END}\nAssistant: {END} <image>{END}"


def test_nothing_is_added_around_a_conversation() -> None:
    wrapping = letters()
    begin = (END, wrapping.token_to_id(END))
    wrapping.post_processor = TemplateProcessing(single=f"{END} $A", special_tokens=[begin])
    encoded = Template("user-assistant", wrapping, 0).encode(
        [{"user": "q", "assistant": "a"}], picture=False
    )
    assert read(encoded.ids) == f"User: q\nAssistant: a{END}"


@pytest.mark.parametrize("lost", ["<image>", END])
def test_tokenizer_without_a_needed_token_is_refused(lost: str) -> None:
    names = [name for name in ("<image>", END, "?") if name != lost]
    words = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="?"))
    with pytest.raises(ConfigError, match="template = 'user-assistant': the tokenizer has no"):
        Template("user-assistant", words, 1)


def test_tokenizer_is_read_from_a_backbone_folder(tmp_path: Path) -> None:
    LETTERS.save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(tmp_path).get_vocab() == LETTERS.get_vocab()
