"""A client in a process of its own: HF_ENDPOINT, HF_HOME and the others are read at its start.

python -m tests.hub.child REPOSITORY COMMIT [PATTERN ...]
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def start(home: Path, address: str, *words: str, **settings: str) -> subprocess.Popen[str]:
    """Start `fetch` in a fresh environment whose cache is `home/hub`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.hub.child", *words],
        cwd=REPOSITORY,
        env={
            **clean,
            "HF_HOME": str(home),
            "HF_ENDPOINT": address,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            **settings,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    from mlan.errors import MlanError
    from mlan.hub import fetch

    logging.basicConfig(level=logging.DEBUG)
    repository, commit, *patterns = sys.argv[1:]
    try:
        print(fetch(repository, commit, patterns or ["*"], key="recipe.model"))
    except MlanError as error:
        sys.exit("\n".join(error.lines))


if __name__ == "__main__":
    main()
