"""Floating-point operations of the stages that run a model, from the configuration alone.

Per token, with N the parameters of the language model's layers (embeddings left out):

- forward 2N; training 6N where the weights are trained; 4N where they are frozen, since the
  gradient passes through them to the projector or the adapters but not into them (Kaplan et al.
  2020, arXiv 2001.08361, sec. 2.1); adapters add 6 operations for each of their parameters;
- attention 4 L d s forward and three times that in training, L layers of width d over a context
  of s tokens, not halved for causality (Chowdhery et al. 2022, arXiv 2204.02311, app. B). A
  document mask ends the context with the example, so s is the example's length;
- the head 2 d V a position of a vocabulary V, at supervised positions only;
- the projector is trained, 6 operations a parameter; the vision tower is frozen and run forward
  once a picture, and is counted apart.

Recomputation is not counted (it is no progress), nor is padding. It is the count of `mlan.flops`,
by part and before there are documents. Not here: how fast a machine is (`estimate`, `gpus`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from mlan.cost.lengths import (
    asked,
    caption_tokens,
    captions,
    mean_context,
    of_captions,
    question_tokens,
    questions_a_picture,
    supervised_tokens,
    tune_tokens,
)
from mlan.cost.shapes import IMAGE_TOKENS, Setting

# Distinct name tokens that an embedded warm start tells apart.
_NAME_TOKENS = 430
# Greedy decoding steps of a mean answer after the prefill (names have 1.5 tokens).
ANSWER_STEPS = 2
_TRAIN_FACTOR = {"frozen": 4, "lora": 4, "full": 6}


@dataclass(frozen=True)
class Work:
    """Operations of a job by part. `decoding` is the part of `language` and `head` that makes
    answers one token at a time.
    """

    language: float = 0.0
    attention: float = 0.0
    head: float = 0.0
    projector: float = 0.0
    tower: float = 0.0
    decoding: float = 0.0

    @property
    def total(self) -> float:
        """All operations, the vision tower's included."""
        return self.language + self.attention + self.head + self.projector + self.tower

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Work)))

    def __mul__(self, times: float) -> Work:
        return Work(*(getattr(self, f.name) * times for f in fields(Work)))


def tune_work(setting: Setting, tokens: float | None = None) -> Work:
    """Return the operations of stage 2 on `tokens` tokens, as a plan counts them or assumed."""
    model, tune, mixture = setting.model, setting.recipe.tune, setting.recipe.mixture
    assumed = tune_tokens(setting)
    tokens = assumed if tokens is None else tokens
    factor = _TRAIN_FACTOR[tune.language_model]
    adapters = model.adapters(tune.lora.rank) if tune.language_model == "lora" else 0
    pictures = round(mixture.instances * (1 - mixture.text_share))
    return Work(
        language=(factor * model.parameters + 6 * adapters) * tokens,
        attention=3 * _attention(setting, mean_context(setting) * tokens / assumed) * tokens,
        head=factor * model.width * model.vocabulary * supervised_tokens(setting),
        projector=3 * pictures * _projection(setting),
        tower=pictures * setting.tower.per_picture,
    )


def align_tokens(setting: Setting) -> float:
    """Return the tokens of stage 1 that pass through the language model in training."""
    return captions(setting) * caption_tokens(setting)


def align_work(setting: Setting) -> Work:
    """Return the operations of stage 1's training through the frozen language model."""
    model, number = setting.model, captions(setting)
    tokens = align_tokens(setting)
    learnt = of_captions(setting).answer if _is_embedded(setting) else of_captions(setting).caption
    return Work(
        language=_TRAIN_FACTOR["frozen"] * model.parameters * tokens,
        attention=3 * _attention(setting, caption_tokens(setting)) * tokens,
        head=_TRAIN_FACTOR["frozen"] * model.width * model.vocabulary * learnt * number,
        projector=3 * number * _projection(setting),
        tower=0.0 if _is_embedded(setting) else number * setting.tower.per_picture,
    )


def align_extra_work(setting: Setting) -> Work:
    """Return stage 1's operations before and after, of embedded pictures.

    The tower runs once a picture; a warm start pulls picture tokens to name tokens; naming is
    checked. With captions of your own the tower belongs to `align_work`.
    """
    if not _is_embedded(setting) or setting.recipe.align.existing is not None:
        return Work()
    model, align, data = setting.model, setting.recipe.align, setting.config.data
    concepts = data.concepts.objects + data.concepts.countries
    lengths = of_captions(setting)
    pull = 0.0
    if align.method == "warm_start":
        each = 3 * _projection(setting) + IMAGE_TOKENS * 6 * model.width * _NAME_TOKENS
        pull = align.warm_steps * align.warm_batch * each
    checked = caption_tokens(setting) + 4 * lengths.answer
    return Work(
        language=concepts * 2 * model.parameters * checked,
        projector=pull,
        tower=concepts * (data.images[align.images].views + 1) * setting.tower.per_picture,
    )


def predict_tokens(setting: Setting, seed: int, known: dict[str, float] | None = None) -> float:
    """Return the prompt tokens of the questions of a run of `seed`, over its conditions.

    `known` gives a benchmark's mean by name where it was counted.
    """
    return sum(
        each.items
        * each.questions
        * each.turns
        * (known or {}).get(each.benchmark, question_tokens(setting, each.benchmark))
        for each in asked(setting.config, seed, setting.kind)
    )


def predict_work(setting: Setting, seed: int) -> Work:
    """Return the operations of the evaluation of a run of `seed`: prefill, answers, pictures.

    The questions about a picture share it: tower, projector and its tokens count once. Examples
    show the pictures of other items.
    """
    model, config = setting.model, setting.config
    steps = min(ANSWER_STEPS, config.evaluate.max_new_tokens)
    tokens = attention = made = projected = seen = 0.0
    for each in asked(config, seed, setting.kind):
        context = each.turns * question_tokens(setting, each.benchmark)
        prompts = each.items * each.questions
        fed = prompts * context
        if config.data.benchmarks[each.benchmark].modality == "vision":
            sharing = questions_a_picture(setting, each.benchmark)
            shown = prompts * each.turns / sharing
            fed -= (sharing - 1) * shown * setting.tower.tokens
            projected += shown
            seen += each.items / sharing
        tokens += fed
        attention += fed * _attention(setting, context)
        made += each.items * each.answered * steps
    head = made * 2 * model.width * model.vocabulary
    decoding = 2 * model.parameters * made
    return Work(
        language=2 * model.parameters * tokens + decoding,
        attention=attention,
        head=head,
        projector=projected * _projection(setting),
        tower=seen * setting.tower.per_picture,
        decoding=decoding + head,
    )


def _attention(setting: Setting, context: float) -> float:
    """Operations of one token's attention, forward."""
    return 4 * setting.model.layers * setting.model.queries * context


def _projection(setting: Setting) -> float:
    """Operations of one forward pass of one picture through the projector (two layers)."""
    width = setting.model.width
    return 2.0 * setting.tower.tokens * (setting.tower.features * width + width * width)


def _is_embedded(setting: Setting) -> bool:
    return setting.recipe.align.captions is None
