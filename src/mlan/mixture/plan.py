"""The plan of a run: everything that training sees, as one table.

Training is a function of the plan, the data, the initial weights and the recipe; it draws
nothing itself. One line an example, ordered by step, row and position:

    step, row, position     where it stands
    example, source, modality, image, epoch
    tokens                  all tokens, image tokens counted
    image_tokens, supervised_tokens
    weight                  loss weight of each of its supervised tokens; a step's weights
                            times supervised tokens sum to 1, however rows are packed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlan.mixture.budget import Totals, token_counts
from mlan.mixture.counts import mixture_counts
from mlan.mixture.draw import Drawn, draw
from mlan.mixture.rows import lay_out
from mlan.mixture.template import Template


def build_plan(
    mixture: Mapping[str, Any],
    tune: Mapping[str, Any],
    seeds: Mapping[str, int],
    sources: Mapping[str, pd.DataFrame],
    template: Template,
    image_tokens: int,
) -> pd.DataFrame:
    """Return the plan of one run.

    `mixture` and `tune` are the recipe's sections, `seeds` has `draw` and `order`, `sources`
    maps a name to its examples (id, modality, image, turns). `mixture` has `instances`, or
    `tokens` in that arm. Raises DataError when a source is too small and `repeat` is off.
    """
    lengths = _Lengths(sources, template, image_tokens)
    pools = {name: list(frame["id"]) for name, frame in sources.items()}
    parts = (mixture["text_share"], mixture["text"], mixture["vision"])
    if "tokens" in mixture:
        totals = {n: Totals(n, pool, seeds["draw"], lengths.of) for n, pool in pools.items()}
        counts = token_counts(mixture["tokens"], *parts, totals)
    else:
        counts = mixture_counts(mixture["instances"], *parts)
    drawn = draw(
        counts,
        pools,
        draw_seed=seeds["draw"],
        order_seed=seeds["order"],
        repeat=mixture["repeat"],
    )
    lines = pd.DataFrame([lengths.line(use) for use in drawn])
    rows = tune["rows"]
    places = lay_out(
        list(lines["tokens"]),
        layout=rows["layout"],
        examples_per_step=tune["examples_per_step"],
        window=rows["window"],
        capacity=rows["capacity"],
        seed=seeds["order"],
        groups=list(lines["modality"]) if rows["steps"] == "single_modality" else None,
    )
    lines.insert(0, "step", pd.Series({p.index: p.step for p in places}))
    lines["weight"] = token_weights(lines, tune["loss_unit"], tune["microbatch"])
    plan = lines.iloc[[p.index for p in places]].reset_index(drop=True)
    plan.insert(1, "row", [p.row for p in places])
    plan.insert(2, "position", [p.position for p in places])
    return plan


class _Lengths:
    """What each example comes to under a template; every example is encoded once."""

    def __init__(
        self, sources: Mapping[str, pd.DataFrame], template: Template, image_tokens: int
    ) -> None:
        self._rows = {
            name: {row["id"]: row for row in frame.to_dict("records")}
            for name, frame in sources.items()
        }
        self._template, self._image_tokens = template, image_tokens
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def of(self, source: str, example: str) -> int:
        """Return an example's tokens, those of its picture included."""
        return self._counted(source, example)[0]

    def line(self, use: Drawn) -> dict[str, Any]:
        """Return what the plan says of one use of an example."""
        example = self._rows[use.source][use.example]
        tokens, supervised = self._counted(use.source, use.example)
        return {
            "example": use.example,
            "source": use.source,
            "modality": example["modality"],
            "image": example["image"],
            "epoch": use.epoch,
            "tokens": tokens,
            "image_tokens": self._image_tokens if example["image"] != "" else 0,
            "supervised_tokens": supervised,
        }

    def _counted(self, source: str, name: str) -> tuple[int, int]:
        """All tokens and supervised tokens of an example."""
        if (source, name) not in self._known:
            example = self._rows[source][name]
            picture = example["image"] != ""
            encoded = self._template.encode(list(example["turns"]), picture=picture)
            self._known[source, name] = len(encoded.ids), sum(encoded.supervised)
        return self._known[source, name]


def token_weights(lines: pd.DataFrame, loss_unit: str, microbatch: int) -> np.ndarray:
    """Return the loss weight of each supervised token, one value a line; lines in drawn order.

    Rows and positions are not asked for: they must not decide what a logical batch is.
    token: 1 / supervised tokens of the step. sample: every example of the step weighs the
    same. microbatch: the step's examples, shortest first, form logical batches of `microbatch`;
    each batch weighs the same and its tokens share that (LLaVA's mean of means).
    """
    supervised = lines["supervised_tokens"].to_numpy(float)
    step = lines["step"]
    if loss_unit == "token":
        share = lines.groupby("step")["supervised_tokens"].transform("sum").to_numpy(float)
    elif loss_unit == "sample":
        share = step.map(step.value_counts()).to_numpy(float) * supervised
    else:
        shortest_first = lines.sort_values("tokens", kind="stable")
        batch = shortest_first.groupby("step").cumcount()[lines.index] // microbatch
        tokens = lines["supervised_tokens"].groupby([step, batch]).transform("sum")
        batches = batch.groupby(step).transform("max").to_numpy(float) + 1
        share = batches * tokens.to_numpy(float)
    weights: np.ndarray = 1.0 / share
    return weights


def padded_tokens(plan: pd.DataFrame) -> int:
    """Return the tokens of the batches as the model sees them: rows padded to the longest."""
    rows = plan.groupby(["step", "row"])["tokens"].sum()
    steps = rows.groupby("step").agg(["max", "size"])
    return int((steps["max"] * steps["size"]).sum())


def padding_share(plan: pd.DataFrame) -> float:
    """Return the fraction of the batches' tokens that is padding."""
    return 1.0 - float(plan["tokens"].sum()) / padded_tokens(plan)
