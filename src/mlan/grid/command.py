"""The command that runs more of a study, as evidence and page tell it to a reader.

Model: what is asked for now goes on being asked for, so that nothing that is measured drops out of
the summary. The study goes by its name, as one of the project's own folder does: where its file
lies is no part of an identity. Not here: who needs the command.
"""

from __future__ import annotations

from collections.abc import Collection

from mlan.config import Study


def to_run(study: Study, named: Collection[str]) -> str:
    """Return the command that runs some experiments beside those that are asked for."""
    asked = [n for n, own in study.config.experiments.items() if own.default or n in named]
    return f"snakemake --cores all --config study={study.name} experiments={','.join(asked)}"
