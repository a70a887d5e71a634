"""Floating-point operations of the stages that run a model, from the configuration alone.

N is the number of parameters in the language model's matrices, embeddings left out. Per token
a forward pass costs 2N (Kaplan et al. 2020, arXiv 2001.08361, table 1), training 6N; with the
language model frozen the gradient of the weights falls away, 4N; with low-rank adapters 4N
plus the adapters' own products, which small matrices make dear: 5N as measured. Attention is
left out (rows are short). Not here: how fast a machine is (`estimate`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mlan.config.benchmarks import FactsBenchmark, SetBenchmark
from mlan.config.data import Concepts
from mlan.config.recipe import Recipe
from mlan.config.study import StudyConfig
from mlan.cost import public
from mlan.data.relations import RELATIONS

IMAGE_TOKENS = 9  # of one picture, both towers
# Tokens of one embedded training example and of one benchmark question, pictures' included.
EXAMPLE_TOKENS = {"text": 26.0, "vision": 34.0}
QUESTION_TOKENS = {"text": 29.5, "vision": 38.5}
# Tokens of a stage-1 caption with its prompt and picture, and name tokens told apart there.
CAPTION_TOKENS, NAME_TOKENS = 21, 430
# Greedy decoding steps of a mean answer after the prefill (names have 1.5 tokens), and how many
# times dearer their small products are than a prefill's (measured: 0.2 of its speed).
ANSWER_STEPS = 2
_DECODE_FACTOR = 5
SUPERVISED_TOKENS = 2.4  # of one example
_TRAIN_FACTOR = {"frozen": 4, "lora": 5, "full": 6}


@dataclass(frozen=True)
class LanguageModel:
    """Shape of a language model: `parameters` without embeddings, `width`, `vocabulary`."""

    parameters: int
    width: int
    vocabulary: int

    @property
    def head(self) -> int:
        """Operations of the logits of one position."""
        return 2 * self.width * self.vocabulary


LANGUAGE_MODELS = {
    "smollm2-135m-instruct": LanguageModel(106_203_456, 576, 49_216),
    "toy-llama": LanguageModel(18_592, 32, 49_216),
}
# Features per token and operations per picture (MobileNetV2 at 96 pixels: 0.3 GFLOP x 2 at 224).
TOWERS = {"mobilenetv2": (1577, 0.11e9), "toy-tower": (24, 1e6)}


# What stands for models that are not embedded: Llama-2-7b, CLIP ViT-L/14-336.
_SEVEN_BILLION = LanguageModel(6_476_271_616, 4096, 32_064)
_CLIP_LARGE = (1024, 0.38e12)


def _tower(recipe: Recipe) -> tuple[int, float]:
    return TOWERS.get(recipe.backbone.vision_tower, _CLIP_LARGE)


def language_model(recipe: Recipe) -> LanguageModel:
    """Return the shape of a recipe's language model."""
    return LANGUAGE_MODELS.get(recipe.backbone.language_model, _SEVEN_BILLION)


def tune_tokens(recipe: Recipe) -> float:
    """Return about how many tokens a run is tuned on, padding left out."""
    mixture = recipe.mixture
    share = mixture.text_share
    mean = share * EXAMPLE_TOKENS["text"] + (1 - share) * EXAMPLE_TOKENS["vision"]
    return mixture.instances * mean


def tune_flops(recipe: Recipe, tokens: float) -> float:
    """Return the operations of stage 2 on `tokens` tokens (model, projector, logits)."""
    model = language_model(recipe)
    mixture = recipe.mixture
    head = 3 * model.head * SUPERVISED_TOKENS * mixture.instances
    pictures = mixture.instances * (1 - mixture.text_share)
    _, per_picture = _tower(recipe)
    body = _TRAIN_FACTOR[recipe.tune.language_model] * model.parameters * tokens
    return body + head + pictures * (per_picture + 3 * _projection(recipe))


def align_tokens(recipe: Recipe) -> int:
    """Return the tokens of stage 1 that pass through the language model in training."""
    return recipe.align.steps * recipe.align.batch * CAPTION_TOKENS


def align_flops(recipe: Recipe) -> float:
    """Return the operations of stage 1's training through the language model."""
    model = language_model(recipe)
    captions = recipe.align.steps * recipe.align.batch
    body = _TRAIN_FACTOR["frozen"] * model.parameters * align_tokens(recipe)
    return body + captions * (SUPERVISED_TOKENS * 3 * model.head + 3 * _projection(recipe))


def align_extra_flops(recipe: Recipe, config: StudyConfig) -> float:
    """Return stage 1's operations before and after: tower, warm start, naming check."""
    model = language_model(recipe)
    if recipe.align.captions is not None or recipe.align.existing is not None:
        return 0.0
    concepts = config.data.concepts.objects + config.data.concepts.countries
    views = config.data.images[recipe.align.images].views
    _, per_picture = _tower(recipe)
    naming = concepts * 2 * model.parameters * (CAPTION_TOKENS + 4 * SUPERVISED_TOKENS)
    total = concepts * (views + 1) * per_picture + naming
    if recipe.align.method == "warm_start":
        pull = IMAGE_TOKENS * 6 * model.width * NAME_TOKENS
        pictures = recipe.align.warm_steps * recipe.align.warm_batch
        total += pictures * (3 * _projection(recipe) + pull)
    return total


def predict_tokens(
    config: StudyConfig, seed: int, question_tokens: dict[str, float] | None = None
) -> float:
    """Return the prompt tokens of the questions of a run of `seed`, over its conditions.

    `question_tokens` gives a benchmark's mean by name where it is known.
    """
    known = question_tokens or {}
    return sum(
        items * known.get(name, _question_tokens(config.data.benchmarks[name]))
        for name, items in asked_items(config, seed).items()
    )


def _question_tokens(benchmark: FactsBenchmark | SetBenchmark) -> float:
    if isinstance(benchmark, FactsBenchmark):
        return QUESTION_TOKENS[benchmark.modality]
    return public.text_tokens(benchmark) + IMAGE_TOKENS * (benchmark.modality == "vision")


def asked_items(config: StudyConfig, seed: int) -> dict[str, int]:
    """Return how many questions of each benchmark a run of `seed` answers at most."""
    asked = {}
    for name, benchmark in config.data.benchmarks.items():
        size = (
            _part_sizes(benchmark, config.data.concepts)
            if isinstance(benchmark, FactsBenchmark)
            else public.sizes(benchmark)
        )
        asked[name] = sum(
            size[part]
            for condition in config.evaluate.asked_in(seed)
            for part in condition.parts
            if condition.image == "real" or benchmark.modality == "vision"
        )
    return asked


def _part_sizes(benchmark: FactsBenchmark, concepts: Concepts) -> dict[str, int]:
    kinds = {"object": concepts.objects, "country": concepts.countries, "word": concepts.words}
    dev = round(kinds[RELATIONS[benchmark.relation].kind] * concepts.dev_fraction)
    return {"dev": min(benchmark.dev, dev), "test": benchmark.test}


def predict_flops(recipe: Recipe, config: StudyConfig, seed: int) -> float:
    """Return the operations of one run's evaluation: prefill, greedy answers, pictures."""
    tokens = predict_tokens(config, seed)
    model = language_model(recipe)
    asked = asked_items(config, seed)
    vision = sum(
        n for name, n in asked.items() if config.data.benchmarks[name].modality == "vision"
    )
    steps = min(ANSWER_STEPS, config.evaluate.max_new_tokens)
    _, per_picture = _tower(recipe)
    answers = sum(asked.values()) * steps * (2 * model.parameters + model.head) * _DECODE_FACTOR
    return 2 * model.parameters * tokens + answers + vision * (per_picture + _projection(recipe))


def _projection(recipe: Recipe) -> float:
    """Operations of one forward pass of one picture through the projector (two layers)."""
    features, _ = _tower(recipe)
    width = language_model(recipe).width
    return 2.0 * IMAGE_TOKENS * (features * width + width * width)
