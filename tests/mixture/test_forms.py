"""Every form renders as its reference: the reference's text, tokenised whole."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from mlan.config.recipe import TemplateName
from mlan.data.assets import locate
from mlan.errors import ConfigError
from mlan.mixture.forms import FORMS
from mlan.mixture.template import Template
from mlan.mixture.tokenizer import embedded_tokenizer, read_metadata

TOKENS = 4
WORDS = ["What is in this picture?", "A red cat, on the mat.", "And the year?", "1999"]
CORPUS = [*WORDS, "A chat between a curious user and an artificial intelligence assistant. USER:"]
TURNS = [
    {"user": WORDS[0], "assistant": WORDS[1]},
    {"user": WORDS[2], "assistant": WORDS[3]},
]
# Model card of Meta-Llama-3-8B-Instruct, `tokenizer_config.json`.
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim "
    "+ '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
# Model card of Qwen2.5-7B-Instruct, the branch without tools.
QWEN = (
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}{%- else %}"
    "{{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. "
    "You are a helpful assistant.<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


def byte_level(*special: str) -> Tokenizer:
    """A byte-level BPE tokenizer, as Llama 3 and Qwen have."""
    built = Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=[*special, "<image>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return built


def sentence_piece() -> Tokenizer:
    """A tokenizer that begins each text with a space of its own, as Llama 2 has."""
    built = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    built.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    # Llama 2's merges do not cross a space either.
    built.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    built.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<unk>", "<s>", "</s>", "<image>", "<0x0A>"],
            show_progress=False,
        ),
    )
    return built


def rendered(chat_template: str, turns: list[dict[str, str]], *, prompt: bool, **more: str) -> str:
    """What the reference's own template makes of a conversation."""
    messages = []
    for turn in turns:
        messages += [
            {"role": "user", "content": turn["user"]},
            {"role": "assistant", "content": turn["assistant"]},
        ]
    chat = Environment(trim_blocks=True, lstrip_blocks=True).from_string(chat_template)
    shown = messages[:-1] if prompt else messages
    return chat.render(messages=shown, add_generation_prompt=prompt, **more)


def whole(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text in which special tokens are meant."""
    tokenizer.encode_special_tokens = False
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def with_picture(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    first = {**turns[0], "user": "<image>" * TOKENS + "\n" + turns[0]["user"]}
    return [first, *turns[1:]]


def _smollm2() -> tuple[Tokenizer, str]:
    fields = read_metadata(locate("smollm2"))
    return embedded_tokenizer(), fields["tokenizer.chat_template"]


REFERENCES = {
    "chatml-smollm2": _smollm2,
    "chatml-qwen2.5": lambda: (byte_level("<|im_start|>", "<|im_end|>"), QWEN),
    "llama3": lambda: (
        byte_level("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        LLAMA3,
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("picture", [False, True])
@pytest.mark.parametrize("turns", [TURNS[:1], TURNS])
def test_form_is_the_models_own_template(
    name: str, picture: bool, turns: list[dict[str, str]]
) -> None:
    tokenizer, chat_template = REFERENCES[name]()
    shown = with_picture(turns) if picture else turns
    bos = {"bos_token": "<|begin_of_text|>"}
    told = whole(tokenizer, rendered(chat_template, shown, prompt=False, **bos))
    asked = whole(tokenizer, rendered(chat_template, shown[:1], prompt=True, **bos))
    template = Template(name, tokenizer, TOKENS)
    ids = template.encode(turns, picture=picture).ids
    assert template.question(turns[0]["user"], picture=picture) == asked
    # ChatML writes a line break after the last answer too, which nobody learns.
    assert told[: len(ids)] == ids
    tail = "\n" if name.startswith("chatml") else ""
    assert told[len(ids) :] == whole(tokenizer, tail)


@pytest.mark.parametrize("name", REFERENCES)
def test_pictures_of_later_turns_stand_as_in_the_models_own_template(name: str) -> None:
    tokenizer, chat_template = REFERENCES[name]()
    shown = [{**turn, "user": "<image>" * TOKENS + "\n" + turn["user"]} for turn in TURNS]
    bos = {"bos_token": "<|begin_of_text|>"}
    asked = rendered(chat_template, shown, prompt=True, **bos)
    template = Template(name, tokenizer, TOKENS)
    ids = [
        *template.question(TURNS[0]["user"], picture=True),
        *template.reply(TURNS[0]["assistant"]),
        *template.question(TURNS[1]["user"], picture=True, first=False),
    ]
    assert ids == whole(tokenizer, asked)


SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions."
)


def llava(tokenizer: Tokenizer, text: str) -> list[int]:
    """As LLaVA tokenises: each part between pictures on its own, special tokens meant."""
    parts = [whole(tokenizer, part) for part in text.split("<image>")]
    image = tokenizer.token_to_id("<image>")
    ids = parts[0]
    for part in parts[1:]:
        ids = [*ids, *([image] * TOKENS), *part]
    return [tokenizer.token_to_id("<s>"), *ids]


def test_vicuna_is_llavas_conversation_v1() -> None:
    tokenizer = sentence_piece()
    text = (
        f"{SYSTEM} USER: {WORDS[0]} ASSISTANT: {WORDS[1]}</s>USER: {WORDS[2]} ASSISTANT: "
        f"{WORDS[3]}</s>"
    )
    ids = Template("vicuna-v1", tokenizer, TOKENS).encode(TURNS, picture=False).ids
    assert ids == llava(tokenizer, text)


def test_vicuna_with_a_picture_is_llavas_conversation_v1() -> None:
    tokenizer = sentence_piece()
    text = f"{SYSTEM} USER: <image>\n{WORDS[0]} ASSISTANT: {WORDS[1]}</s>"
    ids = Template("vicuna-v1", tokenizer, TOKENS).encode(TURNS[:1], picture=True).ids
    assert ids == llava(tokenizer, text)


def test_vicuna_with_two_pictures_is_llavas_conversation_v1() -> None:
    tokenizer = sentence_piece()
    text = (
        f"{SYSTEM} USER: <image>\n{WORDS[0]} ASSISTANT: {WORDS[1]}</s>USER: <image>\n{WORDS[2]} "
        "ASSISTANT:"
    )
    template = Template("vicuna-v1", tokenizer, TOKENS)
    ids = [
        *template.question(WORDS[0], picture=True),
        *template.reply(WORDS[1]),
        *template.question(WORDS[2], picture=True, first=False),
    ]
    assert ids == llava(tokenizer, text)


def test_plain_is_llavas_stage_one() -> None:
    tokenizer = sentence_piece()
    encoded = Template("plain", tokenizer, TOKENS).encode(TURNS[:1], picture=True)
    assert encoded.ids == llava(tokenizer, f"<image>{WORDS[1]}\n")
    assert encoded.supervised == [False] * (1 + TOKENS) + [True] * (len(encoded.ids) - 1 - TOKENS)


ALL_SPECIAL = [
    *("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>"),
    *("<|end_header_id|>", "<|eot_id|>"),
]
EVERY = byte_level(*ALL_SPECIAL)
TEXT = st.text(min_size=1, max_size=20)


@given(
    st.sampled_from(sorted(FORMS)),
    st.lists(st.fixed_dictionaries({"user": TEXT, "assistant": TEXT}), min_size=1, max_size=3),
    st.booleans(),
)
def test_only_answers_and_their_ends_are_learnt(
    name: str, turns: list[dict[str, str]], picture: bool
) -> None:
    template, form = Template(name, EVERY, TOKENS), FORMS[name]
    encoded = template.encode(turns, picture=picture)
    answers = [template.answer(turn["assistant"]) for turn in turns]
    ends = [template.end] if form.ends else []
    assert [i for i, s in zip(encoded.ids, encoded.supervised, strict=True) if s] == [
        token for answer in answers for token in [*answer, *ends]
    ]
    image = EVERY.token_to_id("<image>")
    assert encoded.ids.count(image) == (TOKENS if picture else 0)
    assert EVERY.decode(answers[0]) == form.answer.replace("{}", turns[0]["assistant"])


def test_every_form_can_be_named_in_a_study() -> None:
    assert sorted(get_args(TemplateName)) == sorted(FORMS)


def test_tokenizer_of_another_model_is_refused_with_its_missing_token() -> None:
    with pytest.raises(ConfigError, match=r"template = 'llama3': the tokenizer has no '<\|eot_id"):
        Template("llama3", byte_level("<|begin_of_text|>"), TOKENS)
