"""Conversation forms by name: what stands around questions and answers.

A form is a row of pieces: text, special tokens, and the picture. A piece of text with `{}`
takes the words of the user. Texts carry their own spaces and line breaks. Each form but our
own renders as its reference does, which tests hold against it token by token:

- `plain`: LLaVA's stage 1, the picture and its caption (haotian-liu/LLaVA, conversation
  `plain`); the question is not asked.
- `vicuna-v1`: Vicuna 1.1, as LLaVA-1.5 and MLAN tune (haotian-liu/LLaVA, conversation `v1`).
- `chatml`: OpenAI's ChatML without a system message; `chatml-qwen2.5` and `chatml-smollm2` begin
  with the message that these models' own templates put first (model cards).
- `llama3`: Meta-Llama-3-8B-Instruct, model card. Later releases put today's date into a
  system message; here is none, so that the same config gives the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Special:
    """A token of the tokenizer's own, by its text; the same letters in a text are not it."""

    token: str


@dataclass(frozen=True)
class Picture:
    """The place of the image tokens."""


Piece = str | Special | Picture
PICTURE = Picture()


@dataclass(frozen=True)
class Form:
    """The pieces of a conversation.

    `ask` leads from a question to where its answer begins, `show` does so with a picture;
    `again` and `show_again` take their places in later turns (only an evaluation that shows
    examples has pictures there). `opening` comes once, `between` follows an answer that is not
    the last. An answer is learnt with `end`, the token that ends it and stops decoding; a form
    whose answer ends by its own text (`plain`) has `ends = False`.
    """

    ask: tuple[Piece, ...]
    show: tuple[Piece, ...]
    again: tuple[Piece, ...]
    show_again: tuple[Piece, ...]
    answer: str
    end: Special
    ends: bool = True
    opening: tuple[Piece, ...] = ()
    between: tuple[Piece, ...] = ()

    def plain(self) -> Form:
        """LLaVA's `plain` with the special tokens of this form's language model."""
        first = self.opening[:1]
        opening = first if first and first[0] in _FIRST else ()
        return replace(FORMS["plain"], opening=opening, end=self.end)


_BOS, _EOS = Special("<s>"), Special("</s>")
# Tokens that a language model has before every text.
_FIRST = (_BOS, Special("<|begin_of_text|>"))
_IM_START, _IM_END = Special("<|im_start|>"), Special("<|im_end|>")
_HEAD, _HEADED = Special("<|start_header_id|>"), Special("<|end_header_id|>")
_VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


def _chatml(*question: Piece) -> tuple[Piece, ...]:
    return (_IM_START, *question, _IM_END, "\n", _IM_START, "assistant\n")


_CHATML = Form(
    ask=_chatml("user\n{}"),
    show=_chatml("user\n", PICTURE, "\n{}"),
    again=_chatml("user\n{}"),
    show_again=_chatml("user\n", PICTURE, "\n{}"),
    answer="{}",
    end=_IM_END,
    between=("\n",),
)


def _with_system(message: str) -> Form:
    return replace(_CHATML, opening=(_IM_START, f"system\n{message}", _IM_END, "\n"))


def _llama3(*question: Piece) -> tuple[Piece, ...]:
    assistant = (_HEAD, "assistant", _HEADED, "\n\n")
    return (_HEAD, "user", _HEADED, *question, Special("<|eot_id|>"), *assistant)


FORMS = {
    # Plain words that work with an untuned instruction model and leave room for its habits to
    # show; nothing precedes the answer (no "The best answer is").
    "user-assistant": Form(
        ask=("User:", " {}", "\nAssistant:"),
        show=("User:", PICTURE, "\n{}", "\nAssistant:"),
        again=("\nUser:", " {}", "\nAssistant:"),
        show_again=("\nUser:", PICTURE, "\n{}", "\nAssistant:"),
        answer=" {}",
        end=_IM_END,
    ),
    "plain": Form(
        opening=(_BOS,),
        ask=(),
        show=(PICTURE,),
        again=(),
        show_again=(PICTURE,),
        answer="{}\n",
        end=_EOS,
        ends=False,
    ),
    "vicuna-v1": Form(
        opening=(_BOS, _VICUNA),
        ask=(" USER: {} ASSISTANT:",),
        show=(" USER: ", PICTURE, "\n{} ASSISTANT:"),
        again=("USER: {} ASSISTANT:",),
        show_again=("USER: ", PICTURE, "\n{} ASSISTANT:"),
        answer=" {}",
        end=_EOS,
    ),
    "chatml": _CHATML,
    "chatml-qwen2.5": _with_system(
        "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    ),
    "chatml-smollm2": _with_system(
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    ),
    "llama3": Form(
        opening=(Special("<|begin_of_text|>"),),
        ask=_llama3("\n\n{}"),
        show=_llama3("\n\n", PICTURE, "\n{}"),
        again=_llama3("\n\n{}"),
        show_again=_llama3("\n\n", PICTURE, "\n{}"),
        answer="{}",
        end=Special("<|eot_id|>"),
    ),
}
