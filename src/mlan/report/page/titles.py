"""Titles and captions of figures and tables, in the order of the page: words alone.

The engine's own report lists figures and tables by the same titles. Not here: which are shown
(`gallery`).
"""

from __future__ import annotations

# Name of a figure -> title and how to read it, in the order of the page.
FIGURES = {
    "sweep": (
        "Score against text share",
        "Text and vision average over the share of text; faint lines are single seeds where "
        "there are several, dotted and dashed ones guessing and the model before tuning.",
    ),
    "recommend": (
        "Recommended share",
        "For each weight on vision the shares that may be the best (shaded) and the highest one.",
    ),
    "claims": (
        "Claims",
        "Estimate and interval of every claim, at the level of its own test; the mark at the "
        "margin points to the side that is claimed.",
    ),
    "averages": (
        "Text against vision",
        "A small point is one run, a large one the mean of a cell; up and right is better in both.",
    ),
    "cliff": (
        "Cliff and plateau",
        "The line through the interior, carried on to the edge: a cliff is a drop below it. Grey: "
        "as high as the margin.",
    ),
    "published": (
        "Beside the published numbers",
        "This study above, the paper below, each on its own scale: compare shapes, not levels.",
    ),
    "tags": (
        "Vision by who can teach it",
        "Vision benchmarks by where stage 2 teaches the skill: only pictures, only text, either, "
        "nobody. The average mixes these.",
    ),
    "benchmarks": (
        "Every benchmark",
        "One panel a benchmark; ‡ marks those that do not tell the shares apart, or only with a "
        "reservation (table of signal and noise).",
    ),
    "grid": (
        "Benchmarks by share",
        "Framed: not significantly below the highest of its row. This compares all pairs, so that "
        "ties differ from the answer, which asks of each share whether another is better.",
    ),
    "format": (
        "Format and knowledge",
        "What strict and lenient reading and likelihood make of the same answers: where they part, "
        "the form of answers moves the score. Below: answers that could not be read.",
    ),
    "real_vs_blind": (
        "With and without the picture",
        "The same questions with their picture and with a blank one: what vision really adds.",
    ),
    "answers": (
        "Answers",
        "Unreadable and cut answers, yes-rate and length over the share of text; grey lines are "
        "single benchmarks.",
    ),
    "score_vs_tokens": (
        "Score against tokens",
        "Score over the tokens that the language model reads, image tokens counted; the line joins "
        "what no cheaper cell beats.",
    ),
    "loss": (
        "Training loss by source",
        "Loss of each source as its examples come, seeds pooled.",
    ),
    "forgetting": (
        "Gained and lost",
        "Items that tuning gained and lost against the model before stage 2.",
    ),
    "composition": ("Composition", "Tokens of one run by kind, mean over seeds."),
    "contamination": ("Shared items", "Test items that training sources hold too, in per cent."),
    "cost": (
        "Score against cost",
        "Score over operations and time of stage 2; the line joins what no cheaper cell beats.",
    ),
}
# Those that show means of the test part with intervals over seeds and items: their captions say of
# how much. Runs are drawn with an interval of their own in one, and with none in others.
SCORES = ("sweep", "published", "tags", "benchmarks", "format", "cost")
TABLES = (
    *("scores", "grid", "claims", "recommend", "sensitivity", "signal", "official"),
    *("scores_clean", "contamination", "forgetting", "tokens", "data", "recipe", "compute"),
)
TABLE_TITLES = {
    "claims": "Claims with their verdicts",
    "recommend": "Recommended share by weight and price",
    "scores": "Scores",
    "official": "Scores by each benchmark's own rule",
    "scores_clean": "Scores without shared items",
    "contamination": "Shared items",
    "forgetting": "Gained and lost against stage 1",
    "tokens": "Training tokens",
    "signal": "Signal and noise",
    "sensitivity": "Averages under other weights",
    "grid": "Benchmarks by share",
    "data": "Data",
    "recipe": "Hyper-parameters",
    "compute": "Computing time",
}


def title(kind: str, name: str) -> str:
    """Return the title of a `figure` or a `table`; of a new one its name in words."""
    known = FIGURES.get(name, ("", ""))[0] if kind == "figure" else TABLE_TITLES.get(name)
    return known or name.replace("_", " ").capitalize()
