"""What every job of a grid computes and holds: operations, tokens, steps, memory.

The bridge from tasks (`jobs`) to the formulas (`flops`, `memory`). Not here: seconds
(`estimate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlan.cost import flops
from mlan.cost.flops import Work
from mlan.cost.jobs import MODEL_STAGES, Task
from mlan.cost.lengths import asked, captions, tune_tokens
from mlan.cost.memory import Memory, job_memory
from mlan.cost.shapes import Setting, Shapes
from mlan.grid import Grid


@dataclass(frozen=True)
class Loop:
    """The measured part of a job of a model: its operations, tokens and steps."""

    work: Work
    tokens: float
    steps: int


class Workload:
    """The work of a grid's jobs. `tokens` are a cell's tokens where a plan counted them."""

    def __init__(self, grid: Grid, tokens: Mapping[str, float] | None = None) -> None:
        self.grid = grid
        self.shapes = Shapes(grid)
        self._tokens = tokens or {}

    def setting(self, task: Task) -> Setting:
        """Return the recipe of a job of a model, with shapes."""
        if task.stage == "align":
            return self.shapes.of_recipe(self.grid.stacks[task.wildcards["stack"]][0])
        return self.shapes.of_cell(self.grid.cells[task.wildcards["cell"]])

    def loop(self, task: Task) -> Loop:
        """Return what a job of a model does between loading and writing."""
        tokens = self._tokens.get(task.wildcards.get("cell", ""))
        return _loop(task, self.setting(task), tokens)

    def base_loop(self, task: Task) -> Loop:
        """Return the loop that the same job of the base recipe would have."""
        return _loop(task, self.shapes.of_recipe(self.grid.config.recipe), None)

    def extra(self, task: Task) -> Work:
        """Return what a job computes beside its loop."""
        return flops.align_extra_work(self.setting(task)) if task.stage == "align" else Work()

    def work(self, tasks: Iterable[Task]) -> Work:
        """Return the operations of some jobs together; jobs without a model have none."""
        of_models = (task for task in tasks if task.stage in MODEL_STAGES)
        return sum((self.loop(task).work + self.extra(task) for task in of_models), Work())

    def memory(self, tasks: Iterable[Task]) -> Memory | None:
        """Return the largest memory among some jobs, None without a model."""
        found = [job_memory(t.stage, self.setting(t)) for t in tasks if t.stage in MODEL_STAGES]
        return max(found, key=lambda memory: memory.peak, default=None)


def _loop(task: Task, setting: Setting, planned: float | None) -> Loop:
    """`planned` are the tokens of a run's plan, if they were counted."""
    recipe, config = setting.recipe, setting.config
    if task.stage == "align":
        tokens = flops.align_tokens(setting)
        return Loop(flops.align_work(setting), tokens, -(-captions(setting) // recipe.align.batch))
    if task.stage == "tune":
        tokens = tune_tokens(setting) if planned is None else planned
        steps = -(-recipe.mixture.instances // recipe.tune.examples_per_step)
        return Loop(flops.tune_work(setting, tokens), tokens, steps)
    seed = task.wildcards["seed"]
    prompts = dict.fromkeys(config.data.benchmarks, 0)
    for each in asked(config, seed, setting.kind):
        prompts[each.benchmark] += each.items * each.questions
    steps = sum(-(-n // config.evaluate.batch) for n in prompts.values()) * flops.ANSWER_STEPS
    tokens = flops.predict_tokens(setting, seed)
    return Loop(flops.predict_work(setting, seed), tokens, steps)
