"""What must fit between values of the study file that are right by themselves.

A problem names the keys that it rests on. Where one of them had to be stood in for
(`mlan.config.mend`), the problem may be a consequence of that mistake and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlan.config.fit_data import file_problems, image_problems
from mlan.config.fit_recipe import recipe_problems
from mlan.config.problems import Problem
from mlan.config.study import StudyConfig


def misfits(config: StudyConfig) -> list[Problem]:
    """Return what does not fit between the sections of a study, experiments left aside."""
    return [
        *_duplicates("seeds", config.seeds),
        *_duplicates("seed_varies", config.seed_varies),
        *image_problems(config.data),
        *file_problems(config.data),
        *_condition_problems(config),
        *_keep_problems(config),
        *recipe_problems(config.data, config.recipe),
    ]


def _duplicates(key: str, values: list[Any]) -> list[Problem]:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    return [Problem(f"{key} = {v}: named twice; each value may stand once", (key,)) for v in twice]


def _condition_problems(config: StudyConfig) -> list[Problem]:
    """What is wrong with conditions: unknown seeds, something asked twice, a run without any."""
    # The untuned model runs in seed 0 alone, unless stage 1 differs between seeds.
    baseline = set() if "align" in config.seed_varies else {0}
    known = sorted({*config.seeds, *baseline})
    seeds_of = ("seeds", "seed_varies")
    problems: list[Problem] = []
    named: list[tuple[str, set[int]]] = []
    twice: set[str] = set()
    for number, condition in enumerate(config.evaluate.conditions):
        key = f"evaluate.conditions.{number}.seeds"
        seeds = known if condition.seeds is None else condition.seeds
        foreign = [f"{key} = {s}: not a seed of the study" for s in seeds if s not in known]
        allowed = f"allowed: {_listed(known)}"
        problems += [Problem(f"{line}; {allowed}", (key, *seeds_of)) for line in foreign]
        problems += _duplicates(key, seeds)
        for name in (f"{condition.image} {part}" for part in condition.parts):
            twice |= {name for other, there in named if other == name and there & set(seeds)}
            named.append((name, set(seeds)))
    for name in sorted(twice):
        line = f"evaluate.conditions = {name}: named twice; each value may stand once"
        problems.append(Problem(line, ("evaluate.conditions", *seeds_of)))
    return [*problems, *_nothing_asked(config, known)]


def _nothing_asked(config: StudyConfig, known: list[int]) -> list[Problem]:
    text = any(b.modality == "text" for b in config.data.benchmarks.values())
    images = {s: {c.image for c in config.evaluate.asked_in(s)} for s in known}
    silent = [s for s in known if not images[s]]
    blind = [s for s in known if text and images[s] == {"blank"}]
    told = {
        "no condition": silent,
        "no condition for text benchmarks (`blank` is for vision only)": blind,
    }
    rests_on = ("evaluate.conditions", "seeds", "seed_varies", "data.benchmarks.*")
    return [
        Problem(f"evaluate.conditions: {what} in seed {_listed(seeds)}", rests_on)
        for what, seeds in told.items()
        if seeds
    ]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


def _keep_problems(config: StudyConfig) -> list[Problem]:
    asked = any(c.image == "real" and "dev" in c.parts for c in config.evaluate.conditions)
    if config.keep != "best" or asked:
        return []
    line = (
        "keep = 'best': compares cells on the dev parts, which no condition of "
        "evaluate.conditions asks with the real picture"
    )
    return [Problem(line, ("keep", "evaluate.conditions"))]
