"""What must fit between values of the study file that are right by themselves.

A problem names the keys that it rests on. Where one of them had to be stood in for
(`mlan.config.mend`), the problem may be a consequence of that mistake and is left out.
"""

from __future__ import annotations

from mlan.config.fit_data import file_problems, image_problems
from mlan.config.fit_evaluate import evaluate_problems, keep_problems
from mlan.config.fit_recipe import recipe_problems
from mlan.config.problems import Problem, duplicates
from mlan.config.study import StudyConfig


def misfits(config: StudyConfig) -> list[Problem]:
    """Return what does not fit between the sections of a study, experiments left aside."""
    return [
        *duplicates("seeds", config.seeds),
        *duplicates("seed_varies", config.seed_varies),
        *image_problems(config.data),
        *file_problems(config.data),
        *evaluate_problems(config),
        *keep_problems(config),
        *recipe_problems(config.data, config.recipe),
    ]
