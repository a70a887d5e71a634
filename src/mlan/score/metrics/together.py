"""Numbers of items that are judged together: MME's two questions, MMBench's rotations.

Items are together that share `pair` within their `category`; they count as right if each is. An
item without a `pair` leaves these numbers undefined.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlan.score.metrics.metric import Array, Metric, by_category, columns, ratio

PERCEPTION_TASKS = (
    *("existence", "count", "position", "color", "posters", "celebrity"),
    *("scene", "landmark", "artwork", "OCR"),
)
COGNITION_TASKS = (
    *("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"),
)


def _together(frame: pd.DataFrame) -> Array:
    """(n, 2): groups that are all right, groups; each in the row of its first item."""
    if (frame["pair"] == "").any():
        return np.full((len(frame), 2), np.nan)
    keys = [frame["category"], frame["pair"]]
    right = (frame["correct"] == 1).groupby(keys).transform("all")
    first = ~frame.duplicated(["category", "pair"])
    return columns(right & first, first)


def _share(sums: Array) -> Array:
    return ratio(sums[..., 0], sums[..., 1])


ACCURACY_PLUS = Metric(
    "accuracy_plus",
    "share of pairs (MME: the two questions of a picture) with every item right",
    _together,
    _share,
)
"""Estimand: the expected outcome on a picture, right if both of its questions are. Formula: pairs
with all items right / pairs. Exclusions: none, an invalid answer is wrong. Source: Fu et al., MME
(arXiv 2306.13394), section 2.3."""

CIRCULAR = Metric(
    "circular_accuracy",
    "share of base items (MMBench) with every rotation of the options right",
    _together,
    _share,
)
"""Estimand: the expected outcome on a question, right if it is under every rotation of its
options. Formula: base items with all rotations right / base items. Exclusions: none. `accuracy`
beside it is the vanilla one, over all rotations. Source: Liu et al., MMBench (arXiv 2307.06281),
CircularEval."""


def _subtasks(name: str, says: str, tasks: tuple[str, ...]) -> Metric:
    def components(frame: pd.DataFrame) -> Array:
        ones = np.ones(len(frame))
        own = np.hstack([columns(frame["correct"] == 1, ones), _together(frame)])
        return by_category(own, frame["category"], tasks)

    def value(sums: Array) -> Array:
        of = sums.reshape(*sums.shape[:-1], len(tasks), 4)
        return np.asarray((100 * (_share(of[..., :2]) + _share(of[..., 2:]))).sum(axis=-1))

    return Metric(name, says, components, value, whole=True, percent=False)


PERCEPTION = _subtasks(
    "perception", "MME's sum over 10 perception subtasks, at most 2000", PERCEPTION_TASKS
)
"""Estimand: the sum over the ten subtasks of perception of 100 accuracy + 100 accuracy_plus, in
points from 0 to 2000. Exclusions: items of other categories. Undefined where a subtask has no
item. Source: MME, section 2.3 and its eval_tool/calculation.py."""

COGNITION = _subtasks(
    "cognition", "MME's sum over 4 cognition subtasks, at most 800", COGNITION_TASKS
)
"""Estimand: as `perception`, over the four subtasks of cognition, from 0 to 800. Source: MME."""
