"""What a plan will amount to where its sources are not on disk yet: exact counts, typical lengths.

Not here: what is typical (`mlan.cost.lengths`), plans of sources that can be read (`planning`).
"""

from __future__ import annotations

import pandas as pd

from mlan.config.data import InstructionSetSource, Source
from mlan.cost.lengths import counts, example_tokens, instances, of_source
from mlan.cost.shapes import Setting
from mlan.mixture.accounting import COLUMNS

# Rows of the public training parts (their papers and data cards).
SET_ROWS = {
    "squad": 87_599,
    "strategyqa": 2_290,
    "commonsenseqa": 9_741,
    "cosmosqa": 25_262,
    "arc": 3_370,
    "vqav2": 443_757,
    "aokvqa": 17_056,
}


def known_rows(source: Source) -> int | None:
    """Return the size of a public set, None for other sources: it is known when they are read."""
    return SET_ROWS[source.set] if isinstance(source, InstructionSetSource) else None


def assumed_accounting(setting: Setting) -> pd.DataFrame:
    """Return what a plan of a recipe will amount to at typical lengths, one line a source.

    `epochs` is NaN where the size of a source is not known before it is read.
    """
    sources = setting.config.data.sources
    steps = -(-instances(setting) // setting.recipe.tune.examples_per_step)
    lines = []
    for name, examples in sorted(counts(setting).items()):
        source, rows = sources[name], known_rows(sources[name])
        vision = source.modality == "vision"
        image = examples * setting.tower.tokens * vision
        lines.append(
            {
                "source": name,
                "modality": source.modality,
                "examples": examples,
                "unique": min(examples, rows or examples),
                "epochs": examples / rows if rows else float("nan"),
                "text_tokens": round(examples * example_tokens(setting, name)) - image,
                "image_tokens": image,
                "supervised_tokens": round(examples * of_source(setting.config, name).answer),
                "padding_tokens": 0,
                "steps": steps,
            }
        )
    return pd.DataFrame(lines)[COLUMNS]
