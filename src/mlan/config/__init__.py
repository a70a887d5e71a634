"""The study file: one pydantic model per section; unknown keys are errors."""

from mlan.config.load import Study, find_study, load_study
from mlan.config.study import StudyConfig

__all__ = ["Study", "StudyConfig", "find_study", "load_study"]
