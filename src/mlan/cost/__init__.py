"""What a study costs: its jobs, their floating-point work, and the seconds of this machine.

Everything here is read from the configuration; no model is loaded and torch is not needed.
"""

from mlan.cost.estimate import Estimate, StageTime, estimate
from mlan.cost.jobs import Task, tasks
from mlan.cost.rates import Rate, measured_rates
from mlan.cost.study import StudyCost, study_cost

__all__ = [
    "Estimate",
    "Rate",
    "StageTime",
    "StudyCost",
    "Task",
    "estimate",
    "measured_rates",
    "study_cost",
    "tasks",
]
