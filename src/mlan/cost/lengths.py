"""How many tokens examples, captions and questions have, before they can be counted.

Embedded sources were measured. For others typical lengths stand in until a plan counts them:
the paper's short answers are about 150 tokens in text and 64 beside a picture (its own ratio of
4 to 4.8 between the two at 576 image tokens), a stage-1 caption of LCS-558K about 24, the
questions of its benchmarks about 160 in text and 100 beside a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlan.config.data import FactsSource
from mlan.config.study import StudyConfig
from mlan.cost.shapes import Setting, is_embedded
from mlan.data.relations import RELATIONS
from mlan.mixture.counts import mixture_counts


@dataclass(frozen=True)
class Lengths:
    """Mean tokens: of text in an example by modality, of a question, a caption, an answer."""

    text: float
    beside_picture: float
    text_question: float
    picture_question: float
    caption: float
    answer: float


EMBEDDED = Lengths(
    text=26.0,
    beside_picture=25.0,
    text_question=29.5,
    picture_question=29.5,
    caption=12.0,
    answer=2.4,
)
TYPICAL = Lengths(
    text=150.0,
    beside_picture=64.0,
    text_question=160.0,
    picture_question=100.0,
    caption=24.0,
    answer=4.0,
)


def of_source(config: StudyConfig, name: str) -> Lengths:
    """Return the lengths of a source by its kind."""
    return EMBEDDED if isinstance(config.data.sources[name], FactsSource) else TYPICAL


def of_captions(setting: Setting) -> Lengths:
    """Return the lengths of what stage 1 names: the embedded pictures, or real captions."""
    return EMBEDDED if setting.recipe.align.images in setting.config.data.images else TYPICAL


def example_tokens(setting: Setting, name: str) -> float:
    """Return the mean tokens of a source's example, those of its picture included."""
    lengths = of_source(setting.config, name)
    if setting.config.data.sources[name].modality == "text":
        return lengths.text
    return lengths.beside_picture + setting.tower.tokens


def counts(setting: Setting) -> dict[str, int]:
    """Return examples per source of a recipe's mixture."""
    mixture = setting.recipe.mixture
    return mixture_counts(mixture.instances, mixture.text_share, mixture.text, mixture.vision)


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
    """Return how many captions stage 1 sees."""
    return setting.recipe.align.steps * setting.recipe.align.batch


def caption_tokens(setting: Setting) -> float:
    """Return the mean tokens of a caption with its prompt and its picture."""
    return of_captions(setting).caption + setting.tower.tokens


def question_tokens(setting: Setting, benchmark: str) -> float:
    """Return the mean tokens of a benchmark's prompt, those of its picture included."""
    lengths = EMBEDDED if is_embedded(setting.recipe.backbone.vision_tower) else TYPICAL
    if setting.config.data.benchmarks[benchmark].modality == "text":
        return lengths.text_question
    return lengths.picture_question + setting.tower.tokens


def asked_items(config: StudyConfig) -> dict[str, int]:
    """Return how many questions of each benchmark a run answers at most, over all conditions."""
    concepts = config.data.concepts
    sizes = {"object": concepts.objects, "country": concepts.countries, "word": concepts.words}
    asked = {}
    for name, benchmark in config.data.benchmarks.items():
        dev = round(sizes[RELATIONS[benchmark.relation].kind] * concepts.dev_fraction)
        size = {"dev": min(benchmark.dev, dev), "test": benchmark.test}
        asked[name] = sum(
            size[part]
            for condition in config.evaluate.conditions
            for part in condition.parts
            if condition.image == "real" or benchmark.modality == "vision"
        )
    return asked
