"""The command that runs more of a study, as evidence and page tell it to a reader.

Model: what is asked for now goes on being asked for, so that nothing that is measured drops out of
the summary. A study of the project's own folder goes by its name; of any other only the file's name
is told, behind `PATH/`, since no identity says where anything lies. Not here: who needs it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mlan.config import Study


def to_run(study: Study, named: Collection[str]) -> str:
    """Return the command that runs some experiments beside those that are asked for."""
    asked = [n for n, own in study.config.experiments.items() if own.default or n in named]
    return f"snakemake --cores all --config study={_option(study)} experiments={','.join(asked)}"


def _option(study: Study) -> str:
    """What `study=` takes: a name where that finds the file, else its path."""
    found = Path("config") / f"{study.name}.yaml"
    return study.name if study.path.resolve() == found.resolve() else f"PATH/{study.path.name}"
