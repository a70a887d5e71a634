"""How many tokens examples, captions and questions have, before they can be counted.

Embedded sources were measured. For others typical lengths stand in until a plan counts them:
the paper's short answers are about 150 tokens in text and 64 beside a picture (its own ratio of
4 to 4.8 between the two at 576 image tokens), a stage-1 caption of LCS-558K about 24. Questions
of public benchmarks: `public`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlan.config.benchmarks import FactsBenchmark
from mlan.config.data import Concepts, FactsSource
from mlan.config.evaluate import SCORERS
from mlan.config.study import StudyConfig
from mlan.cost import public
from mlan.cost.shapes import Setting
from mlan.data.relations import RELATIONS
from mlan.mixture.counts import mixture_counts


@dataclass(frozen=True)
class Lengths:
    """Mean tokens: of text in an example by modality, of a caption, of an answer."""

    text: float
    beside_picture: float
    caption: float
    answer: float


EMBEDDED = Lengths(
    text=26.0,
    beside_picture=25.0,
    caption=12.0,
    answer=2.4,
)
TYPICAL = Lengths(
    text=150.0,
    beside_picture=64.0,
    caption=24.0,
    answer=4.0,
)


# Of an embedded benchmark's question, its picture left out.
EMBEDDED_QUESTION = 29.5
# Captions of LCS-558K, LLaVA's stage 1.
_CAPTIONS = 558_128


def of_source(config: StudyConfig, name: str) -> Lengths:
    """Return the lengths of a source by its kind."""
    return EMBEDDED if isinstance(config.data.sources[name], FactsSource) else TYPICAL


def of_captions(setting: Setting) -> Lengths:
    """Return the lengths of what stage 1 names: the embedded pictures, or real captions."""
    return EMBEDDED if setting.recipe.align.captions is None else TYPICAL


def example_tokens(setting: Setting, name: str) -> float:
    """Return the mean tokens of a source's example, those of its picture included."""
    lengths = of_source(setting.config, name)
    if setting.config.data.sources[name].modality == "text":
        return lengths.text
    return lengths.beside_picture + setting.tower.tokens


def instances(setting: Setting) -> int:
    """Return the training examples of a run; in the arm `tokens` about so many fill its budget."""
    mixture = setting.recipe.mixture
    if mixture.tokens is None:
        return mixture.examples
    parts = ((mixture.text_share, mixture.text), (1 - mixture.text_share, mixture.vision))
    mean = sum(
        share * weight / sum(weights.values()) * example_tokens(setting, name)
        for share, weights in parts
        if share
        for name, weight in weights.items()
    )
    return max(1, round(mixture.tokens / mean))


def counts(setting: Setting) -> dict[str, int]:
    """Return examples per source of a recipe's mixture."""
    mixture = setting.recipe.mixture
    return mixture_counts(instances(setting), mixture.text_share, mixture.text, mixture.vision)


def tune_tokens(setting: Setting) -> float:
    """Return about how many tokens a run is tuned on, padding left out."""
    return sum(n * example_tokens(setting, name) for name, n in counts(setting).items())


def supervised_tokens(setting: Setting) -> float:
    """Return about how many tokens of a run are learnt."""
    parts = counts(setting).items()
    return sum(n * of_source(setting.config, name).answer for name, n in parts)


def mean_context(setting: Setting) -> float:
    """Return the tokens that a mean training token is attended with: its whole example."""
    parts = [(n, example_tokens(setting, name)) for name, n in counts(setting).items()]
    return sum(n * length**2 for n, length in parts) / sum(n * length for n, length in parts)


def captions(setting: Setting) -> int:
    """Return how many captions stage 1 sees; a source gone through is taken for LCS-558K."""
    align = setting.recipe.align
    if align.existing is not None:
        return 0
    return align.steps * align.batch if align.epochs is None else align.epochs * _CAPTIONS


def caption_tokens(setting: Setting) -> float:
    """Return the mean tokens of a caption with its prompt and its picture."""
    return of_captions(setting).caption + setting.tower.tokens


def question_tokens(setting: Setting, benchmark: str) -> float:
    """Return the mean tokens of a benchmark's prompt, those of its picture included."""
    asked = setting.config.data.benchmarks[benchmark]
    own = EMBEDDED_QUESTION if isinstance(asked, FactsBenchmark) else public.text_tokens(asked)
    return own + setting.tower.tokens * (asked.modality == "vision")


def questions_a_picture(setting: Setting, benchmark: str) -> float:
    """Return how many questions of a benchmark share a picture."""
    asked = setting.config.data.benchmarks[benchmark]
    return 1.0 if isinstance(asked, FactsBenchmark) else public.questions_a_picture(asked)


@dataclass(frozen=True)
class Asked:
    """What a run is asked of a benchmark under one condition.

    Every item makes `questions` prompts (an option's likelihood as a continuation is one of its
    own) of `turns` turns, examples included; `answered` tells whether one of them is decoded.
    """

    benchmark: str
    items: int
    questions: int
    turns: int
    answered: bool


def asked(config: StudyConfig, seed: int, kind: str = "tuned") -> Iterator[Asked]:
    """Yield what a run of `seed` is asked at most; `kind` is that of its cell."""
    for name, benchmark in config.data.benchmarks.items():
        size = part_sizes(config, name)
        scorers = set(benchmark.scorers or config.evaluate.scorers)
        requests = len(scorers & set(SCORERS)) > 0
        for condition in config.evaluate.asked_in(seed, kind):
            if condition.image == "real" or benchmark.modality == "vision":
                yield Asked(
                    name,
                    items=sum(size[part] for part in condition.parts),
                    questions=requests + ("choice_logprob" in scorers),
                    turns=1 + condition.shots,
                    answered="generate" in scorers,
                )


def asked_items(config: StudyConfig, seed: int, kind: str = "tuned") -> dict[str, int]:
    """Return how many items of each benchmark a run answers, over its conditions."""
    items = dict.fromkeys(config.data.benchmarks, 0)
    for each in asked(config, seed, kind):
        items[each.benchmark] += each.items
    return items


def part_sizes(config: StudyConfig, benchmark: str) -> dict[str, int]:
    """Return about how many items the parts `dev` and `test` of a benchmark have."""
    asked = config.data.benchmarks[benchmark]
    if isinstance(asked, FactsBenchmark):
        return _embedded_sizes(asked, config.data.concepts)
    return public.sizes(asked)


def _embedded_sizes(benchmark: FactsBenchmark, concepts: Concepts) -> dict[str, int]:
    kinds = {"object": concepts.objects, "country": concepts.countries, "word": concepts.words}
    dev = round(kinds[RELATIONS[benchmark.relation].kind] * concepts.dev_fraction)
    return {"dev": min(benchmark.dev, dev), "test": benchmark.test}
