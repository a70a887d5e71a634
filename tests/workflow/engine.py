"""Run the real engine on a copy of the workflow, and count its jobs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "workflow", "profiles", "src", "config")


class Engine:
    """A copy of the workflow in a folder of its own, whose code and config a test may edit."""

    def __init__(self, folder: Path, study: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.more_environment: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, folder / part, ignore=ignore)
            else:
                shutil.copy(source, folder / part)
        if study is not None:
            self.write_study(study)

    @property
    def environment(self) -> dict[str, str]:
        """The copy's package comes before the installed one."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.folder / "src"),
            "MLAN_CHECKPOINT_SECONDS": "0",
            **self.more_environment,
        }

    def use_hub(self, address: str, folder: Path, *, offline: bool = False) -> None:
        """Let jobs fetch from a hub at an address, into a cache below a folder."""
        self.more_environment = {
            "HF_ENDPOINT": address,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": str(int(offline)),
            "HF_TOKEN": "",
        }

    def write_study(self, study: dict[str, Any]) -> None:
        """Write config/test.yaml."""
        text = yaml.safe_dump(study, sort_keys=False)
        (self.folder / "config" / "test.yaml").write_text(text, encoding="utf-8")

    def command(self, *arguments: str, config: tuple[str, ...] = ()) -> list[str]:
        """The engine's command line for the study `test`."""
        return [
            *(sys.executable, "-m", "snakemake", *arguments, "--cores", "2"),
            *("--config", "study=test", *config),
        ]

    def run(
        self, *arguments: str, config: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the engine to its end."""
        return subprocess.run(
            self.command(*arguments, config=config),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def planned(self, *arguments: str, config: tuple[str, ...] = ()) -> dict[str, int]:
        """Jobs by rule that a call would run, without the target rule `all`."""
        done = self.run("--dry-run", *arguments, config=config)
        assert done.returncode == 0, done.stdout + done.stderr
        return _jobs(done.stdout + done.stderr)

    def results(self, *parts: str) -> Path:
        """A path below the study's results."""
        return self.folder.joinpath("results", "test", *parts)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file of the copy; the text must be there once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def deterministic_files(self) -> dict[str, bytes]:
        """All results that two runs of one study must share to the byte.

        The page tells how long jobs took.
        """
        root = self.results()
        skip = ("logs", "benchmarks", "state", "page", "report.html")
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
            and path.relative_to(root).parts[0] not in skip
            and path.name not in ("run.json", ".snakemake_timestamp")
            and path.stem not in ("compute", "cost")  # measured times
        }


def _jobs(output: str) -> dict[str, int]:
    table = re.search(r"Job stats:\n.*?\n[- ]+\n(.*?)\ntotal", output, re.DOTALL)
    if table is None:
        assert "Nothing to be done" in output, output
        return {}
    rows = (line.split() for line in table.group(1).splitlines())
    return {name: int(count) for name, count in rows if name != "all"}
