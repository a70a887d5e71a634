"""What of a claim is registered: all that states or decides it, as entries of the ledger hold it.

Model: a claim's entry says what was asked (`digest`), which cells and weights that came to
(`design`, empty where its experiment does not exist), which test items its scores are made of
(`scores`), on which seeds (`seeds`), and whether the study as it was started would test it
(`planned`; a ratio of tokens is exact and never tested). Its reason, source and expectation are
left out; so is how runs are made (recipe, training data, prompts), which changes a study and not a
claim. Not here: when something was registered (`ledger`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlan.config.benchmarks import Benchmark
from mlan.config.claim_design import score_members
from mlan.config.data import Data
from mlan.records import digest

Entry = dict[str, Any]

KEYS = ("id", "digest", "design", "scores", "seeds", "planned", "family")
# What decides the test items of a benchmark, of both kinds.
_ITEMS = {"modality", "relation", "set", "dev_share", "test"}


def registered(claims: Iterable[Mapping[str, Any]], data: Data) -> dict[str, Entry]:
    """Return what is registered of each claim (resolved, `mlan.grid.claims`) by id, with `KEYS`.

    `seeds` are those of the study file, also where a start selects some of them.
    """
    return {
        claim["id"]: {
            "id": claim["id"],
            "digest": digest(claim["asked"]),
            "design": _design(claim) if claim["cells"] else "",
            "scores": digest(_made_of(claim["scores"], data)),
            "seeds": claim["all_seeds"],
            "planned": claim["runnable"] and not claim["tokens"],
            "family": claim["family"],
        }
        for claim in claims
    }


def _design(claim: Mapping[str, Any]) -> str:
    """Digest of the cells and weights of a claim; of a pooled seed variance also the curve's."""
    pooled = [claim["pooled_over"]] if claim["seed_variance"] == "pooled" else []
    return digest([claim["contrasts"], claim["tokens"], *pooled])


def _made_of(scores: Iterable[str], data: Data) -> dict[str, Any]:
    """The benchmarks behind scores, with what decides their items.

    What is as by default is left out, so that a key that comes to be changes nothing.
    """
    members = score_members(data)
    split = data.concepts.model_dump(exclude_defaults=True)
    return {
        score: {
            name: _items(data.benchmarks[name]) | {"concepts": split} for name in members[score]
        }
        for score in scores
    }


def _items(benchmark: Benchmark) -> dict[str, Any]:
    return benchmark.model_dump(mode="json", include=_ITEMS, exclude_defaults=True)
