"""How large the public benchmarks are: items as published, tokens of a question by rule of thumb.

Only for estimates before a run: what a file really holds is counted when it is read.
"""

from __future__ import annotations

from mlan.config.benchmarks import BenchmarkSetName, SetBenchmark

# Items of the split that docs/benchmarks.md names.
ITEMS: dict[BenchmarkSetName, int] = {
    "race": 1045,
    "openbookqa": 500,
    "boolq": 3270,
    "hellaswag": 10_042,
    "mmlu": 14_042,
    "arc": 1172,
    "commonsenseqa": 1221,
    "cosmosqa": 2985,
    "strategyqa": 687,
    "scienceqa_text": 2224,
    "scienceqa_image": 2017,
    "gqa": 12_578,
    "pope": 9000,
    "ai2d": 3088,
    "realworldqa": 765,
    "mmmu": 900,
    "mme": 2374,
    "mmbench": 4329,
    "textvqa": 5000,
    "vqav2": 214_354,
}
# Text tokens of a question with its request and options: an article, a passage, or neither.
_TOKENS: dict[BenchmarkSetName, float] = {
    "race": 450.0,
    "boolq": 170.0,
    "hellaswag": 160.0,
    "mmlu": 130.0,
    "cosmosqa": 170.0,
}
_SHORT = 75.0
# Questions about a picture: what they begin with is computed once.
_A_PICTURE: dict[BenchmarkSetName, float] = {
    "gqa": 12_578 / 398,
    "pope": 9000 / 500,
    "mme": 2.0,
    "vqav2": 214_354 / 40_504,
}


def sizes(benchmark: SetBenchmark) -> dict[str, int]:
    """Return about how many items the parts of a public benchmark have."""
    items = ITEMS[benchmark.set]
    drawn = round(items * benchmark.dev_share)
    rest = items if benchmark.dev_path is not None else items - drawn
    return {"dev": min(drawn, benchmark.dev or drawn), "test": min(rest, benchmark.test or rest)}


def text_tokens(benchmark: SetBenchmark) -> float:
    """Return about how many tokens a question has, the picture's left out."""
    return _TOKENS.get(benchmark.set, _SHORT)


def questions_a_picture(benchmark: SetBenchmark) -> float:
    """Return about how many questions a benchmark asks about each of its pictures."""
    return _A_PICTURE.get(benchmark.set, 1.0)
