"""From the experiments of a study to the recipes of their cells.

An experiment is a short delta from the base recipe: axes, of which all combinations are
taken, and constants. Each combination is a whole recipe, validated like the base one. All
experiments are looked at, those off by default too: they are run from the same file and
share its results folder, and so its cell names.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from mlan.config.cell_name import cell_name
from mlan.config.delta import Delta, vary
from mlan.config.fit_recipe import recipe_problems
from mlan.config.problems import Problem
from mlan.config.recipe import Recipe
from mlan.config.study import Experiment, StudyConfig


@dataclass(frozen=True)
class Expansion:
    """The recipes of each experiment's cells, and the problems of those that are left out."""

    recipes: dict[str, list[Recipe]]
    problems: list[Problem]


def expand(config: StudyConfig) -> Expansion:
    """Return the recipes of all experiments, in the order of the file."""
    problems: list[Problem] = []
    recipes: dict[str, list[Recipe]] = {}
    # A cell has the mistakes of the base recipe too; they are told once, there.
    inherited = {p.rests_on[0] for p in recipe_problems(config.data, config.recipe)}
    for name, experiment in config.experiments.items():
        problems += _axis_problems(name, experiment)
        recipes[name] = []
        for delta in _deltas(experiment):
            varied = vary(config.recipe, delta)
            unfit = recipe_problems(config.data, varied.recipe)
            own = [_within(name, varied.delta, problem) for problem in unfit]
            found = [
                *(Problem(f"experiments.{name}: {line}") for line in varied.mistakes),
                *(p for p in own if not p.rests_on_any(varied.lost | inherited)),
            ]
            problems += found
            if not found:
                recipes[name].append(varied.recipe)
    problems += _name_problems(config.recipe, recipes)
    return Expansion(recipes, list(dict.fromkeys(problems)))  # cells repeat a constant's mistake


def _axis_problems(name: str, experiment: Experiment) -> list[Problem]:
    problems = []
    for key, values in experiment.vary.items():
        axis = f"experiments.{name}.vary.{key}"
        if not values:
            problems.append(Problem(f"{axis}: empty; give at least one value"))
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        problems += [
            Problem(f"{axis} = {v}: stands twice; cells would be duplicates") for v in twice
        ]
        if key in experiment.set:
            line = f"experiments.{name}.set.{key}: also in vary; it may stand in one"
            problems.append(Problem(line))
    return problems


def _deltas(experiment: Experiment) -> list[Delta]:
    """All combinations of an experiment's axes, each with its constants."""
    axes = [
        [(key, value) for place, value in enumerate(values) if value not in values[:place]]
        for key, values in experiment.vary.items()
    ]
    return [{**experiment.set, **dict(point)} for point in itertools.product(*axes)]


def _within(name: str, delta: Delta, problem: Problem) -> Problem:
    """A problem of a cell's recipe as one of its experiment.

    It rests on the base recipe only in what the experiment leaves as it is, and there on all
    that the experiment says: a key that could not be read may be the one that changes it.
    """
    place = f"experiments.{name}"
    rests_on: list[str] = []
    for key in problem.rests_on:
        own = key.removeprefix("recipe.")
        if own == key:
            rests_on.append(key)
        elif not any(f"{own}.".startswith(f"{mine}.") for mine in delta):
            rests_on += [key, f"{place}.vary", f"{place}.set"]
    return Problem(f"{place}: {problem.line}", tuple(rests_on))


def _name_problems(base: Recipe, recipes: Mapping[str, list[Recipe]]) -> list[Problem]:
    problems = []
    named: dict[str, Recipe] = {}
    for name, found in recipes.items():
        mine: set[str] = set()
        for recipe in found:
            cell = cell_name(base, recipe)
            if named.setdefault(cell, recipe) != recipe:
                line = (
                    f"cell {cell} would name two different recipes; "
                    "values that differ less than names show need another spacing"
                )
                problems.append(Problem(f"experiments.{name}: {line}"))
            elif cell in mine:
                line = f"cell {cell} stands twice; each value may stand once"
                problems.append(Problem(f"experiments.{name}: {line}"))
            mine.add(cell)
    return problems
