"""Public benchmarks by name: the MLAN paper's, as far as they are known, and four more.

Each is one function from a raw row, as its data card lays it out, to a question of a known form;
columns and types are asserted row by row. Where a release differs from the card and is common,
it is read too. Not here: how a question is put (`mlan.evaluate.prompts`), parts and samples
(`mlan.data.parts`), and official metrics.
"""

from __future__ import annotations

from mlan.config.benchmarks import BenchmarkSetName
from mlan.data.benchmark_sets.choices import (
    ARC,
    COMMONSENSEQA,
    COSMOSQA,
    HELLASWAG,
    MMLU,
    OPENBOOKQA,
)
from mlan.data.benchmark_sets.coco import POPE, VQAV2
from mlan.data.benchmark_sets.diagrams import AI2D, MMBENCH
from mlan.data.benchmark_sets.gqa import GQA
from mlan.data.benchmark_sets.layout import BenchmarkSet
from mlan.data.benchmark_sets.mmmu import MMMU
from mlan.data.benchmark_sets.perception import MME, REALWORLDQA, TEXTVQA
from mlan.data.benchmark_sets.race import RACE
from mlan.data.benchmark_sets.scienceqa import SCIENCEQA_IMAGE, SCIENCEQA_TEXT
from mlan.data.benchmark_sets.yes_no import BOOLQ, STRATEGYQA

BENCHMARK_SETS: dict[BenchmarkSetName, BenchmarkSet] = {
    "race": RACE,
    "openbookqa": OPENBOOKQA,
    "boolq": BOOLQ,
    "hellaswag": HELLASWAG,
    "mmlu": MMLU,
    "arc": ARC,
    "commonsenseqa": COMMONSENSEQA,
    "cosmosqa": COSMOSQA,
    "strategyqa": STRATEGYQA,
    "scienceqa_text": SCIENCEQA_TEXT,
    "scienceqa_image": SCIENCEQA_IMAGE,
    "gqa": GQA,
    "pope": POPE,
    "ai2d": AI2D,
    "realworldqa": REALWORLDQA,
    "mmmu": MMMU,
    "mme": MME,
    "mmbench": MMBENCH,
    "textvqa": TEXTVQA,
    "vqav2": VQAV2,
}
