"""When a study was last started, and from which commit of a checkout.

Model: each start of the workflow writes `state/start.json`. It is told to readers and decides
nothing: no part of an identity or a record, and absent where nothing was started. A commit is told
only of a checkout of this repository, never of one that an installed package happens to lie in.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlan.records import write_json

REPOSITORY = Path(__file__).parents[3]
_PLACE = ("state", "start.json")
_PATIENCE_S = 10


@dataclass(frozen=True)
class Start:
    """The day of a start (UTC, `2026-11-28`) and a commit; empty where they are not known."""

    day: str = ""
    commit: str = ""


def remember_start(root: Path) -> None:
    """Write down today's start of the study whose results lie in `root`."""
    start = Start(datetime.now(UTC).date().isoformat(), commit_of(REPOSITORY))
    write_json(root.joinpath(*_PLACE), asdict(start))


def read_start(root: Path) -> Start:
    """Return the last start of a study; an empty one where none is known."""
    try:
        told = json.loads(root.joinpath(*_PLACE).read_text(encoding="utf-8"))
        return Start(str(told["day"]), str(told["commit"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Start()


def commit_of(folder: Path) -> str:
    """Return the commit of a checkout, 40 digits, `+` behind them if files differ from it.

    Empty where the folder is no checkout's root or git cannot say.
    """
    if not (folder / ".git").exists():
        return ""
    asked = ["git", "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=+"]
    try:
        said = subprocess.run(
            asked, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()
