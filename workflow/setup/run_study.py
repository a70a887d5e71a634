"""Run a study's workflow and show how far it is.

    python workflow/setup/run_study.py --study small -- snakemake --cores all --config study=small

One process runs a study at a time; locks that a killed run left behind are removed first. The
engine's exit code is this script's. Ctrl-C is passed on; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from mlan.cli.follow import Follower, planned_tokens
from mlan.cli.locks import (
    ENGINE,
    RUNNER,
    all_studies,
    is_held,
    left_behind,
    take,
    wait_until_settled,
)
from mlan.cli.machine import Speedometer, is_measured
from mlan.cli.progress import look, withdraw
from mlan.cli.study import open_grid
from mlan.cli.words import duration
from mlan.cost import estimate, measured_rates, tasks
from mlan.cost.estimate import task_seconds
from mlan.cost.history import remember
from mlan.cost.jobs import MODEL_STAGES
from mlan.errors import MlanError
from mlan.grid import Grid
from mlan.records import RECORD

RESULTS = Path("results")
# Calls of the engine that run nothing are handed on as they are.
PASSIVE = {"-n", "--dry-run", "--dryrun", "--unlock", "--lint", "--dag", "--rulegraph", "--summary"}
QUIET = ["--quiet", "rules", "progress", "host", "reason"]
# What the engine still says when all is well, or says again at length when a job fails.
CALM = re.compile(
    r"(Using (workflow specific )?profile|Assuming unrestricted|Building DAG|Using shell|"
    r"Select jobs|Execute \d+ jobs|Complete log|Elapsed time|Nothing to be done|RuleException:|"
    r"CalledProcessError in|Shutting down, this|Exiting because a job|WorkflowError:$|"
    r"At least one job did not|Removing output files of failed job)"
)
FAILED = re.compile(r"Command '.* 2> (?P<log>\S+)' (?P<how>returned .*?|died with .*?)\.?$")
LOG_LINES = 15
LOOK_S, LINE_S = 5.0, 30.0
LONG_S = 25 * 60


def main() -> int:
    """Run the command line; return the exit code."""
    arguments = _arguments()
    command: list[str] = arguments.command
    if PASSIVE & set(command):
        return subprocess.run(command, check=False).returncode
    try:
        options = _config(command)
        grid = open_grid(arguments.study, options.get("seeds"), options.get("experiments"))
    except MlanError as error:
        for line in error.lines:
            say(line)
        return 1
    state = grid.folder("state")
    runner = take(state / RUNNER)
    if runner is None or is_held(state / ENGINE):
        say(f"study {grid.study.name!r} is being run by another process; see `mlan status`")
        return 1
    with runner:
        remove_stale_locks(command, state / RUNNER)
        withdraw(tasks(grid))
        gflops = measured_speed(grid)
        tell_time(grid, gflops, options)
        note_estimates(grid, gflops)
        return Run(grid, gflops).execute(with_options(command, *first_seed_first(grid, command)))


def measured_speed(grid: Grid) -> float | None:
    """Return GFLOP/s of this machine unless finished runs tell its speed better."""
    if is_measured(measured_rates(grid.root)):
        return None
    speed = Speedometer(grid)
    speed.start()
    return speed.read()


def note_estimates(grid: Grid, gflops: float | None) -> None:
    """Write down what each job to come should take, for `mlan plan` to compare."""
    rates = measured_rates(grid.root)
    if gflops is None and not is_measured(rates):
        return
    jobs = tasks(grid)
    done = [folder for folder, job in look(grid, jobs).items() if job.state == "done"]
    tokens = planned_tokens(grid)
    seconds = task_seconds(grid, gflops or 1.0, jobs, rates=rates, tokens=tokens)
    remember(grid, seconds, done)


def say(line: str) -> None:
    """Print a line to the user."""
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a study's workflow and show its progress.")
    parser.add_argument("--study", required=True, help="name or path, as in the command")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- snakemake ...")
    arguments = parser.parse_args()
    arguments.command = arguments.command[arguments.command[:1] == ["--"] :]
    if not arguments.command:
        parser.error("no command after --")
    return arguments


def _config(command: list[str]) -> dict[str, str]:
    """Return the `--config key=value ...` of the engine's command line."""
    options: dict[str, str] = {}
    reading = False
    for word in command:
        if word in ("--config", "-C"):
            reading = True
        elif word.startswith("-"):
            reading = False
        elif reading and "=" in word:
            key, _, value = word.partition("=")
            options[key] = value.strip("[]'\"").replace(" ", "")
    return options


def remove_stale_locks(command: list[str], own: Path) -> None:
    """Remove the engine's locks if a killed run left them, that is, if nobody runs a study."""
    if not left_behind():
        return
    wait_until_settled()
    with all_studies(RESULTS, own) as free:
        if not (free and left_behind()):
            return
        done = subprocess.run(
            with_options(command, "--unlock", "--quiet", "all"),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        say("a run before this one was killed; its locks are removed and finished jobs are kept")
    else:
        say(done.stdout + done.stderr)


def tell_time(grid: Grid, gflops: float | None, options: dict[str, str]) -> None:
    """Before a study's first model job, say how long all will take."""
    seen = look(grid, tasks(grid)).values()
    started = any(job.task.stage in MODEL_STAGES and job.state != "missing" for job in seen)
    if started or gflops is None:
        return
    whole = estimate(grid, gflops)
    machine = f"{os.cpu_count()} cores, {gflops:.0f} GFLOP/s"
    say(f"{whole.jobs} jobs, about {duration(whole.seconds)} on this machine ({machine})")
    if whole.seconds > LONG_S and len(grid.config.seeds) > 1:
        first = open_grid(str(grid.study.path), "first", options.get("experiments"))
        quick = estimate(first, gflops)
        say(f"`make quick` computes the first seed alone: about {duration(quick.seconds)}")


def first_seed_first(grid: Grid, command: list[str]) -> list[str]:
    """Return options that finish a whole curve before another seed, where all is asked for.

    A priority is larger than the engine's solver of linear programs can take (it warns at every
    step, then turns to the greedy scheduler), so that the greedy one is asked for.
    """
    first, *others = grid.config.seeds
    if not others or "--" in command:
        return []
    runs = [cell for cell, seed in grid.runs() if seed == first]
    scheduler = [] if "--scheduler" in command else ["--scheduler", "greedy"]
    return [
        *scheduler,
        "--prioritize",
        *(str(grid.run_folder(c, first, "scores") / RECORD) for c in runs),
    ]


def with_options(command: list[str], *options: str) -> list[str]:
    """Return the engine's command with options added before a `--` that begins its targets."""
    end = command.index("--") if "--" in command else len(command)
    return [*command[:end], *options, *command[end:]]


class Run:
    """One run of the engine as a child, its progress shown below its own words."""

    def __init__(self, grid: Grid, gflops: float | None, out: TextIO | None = None) -> None:
        self._grid = grid
        self._follower = Follower(grid, gflops)
        self._out = out or sys.stderr
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stopped = False
        self._shown = 0
        self._said: list[str] = []
        self._failures: list[str] = []
        self._told = False

    def execute(self, command: list[str]) -> int:
        """Run the engine to its end; return its exit code."""
        # Started in the background by a shell, we inherit a Ctrl-C that is ignored, and the
        # engine would from us; a signal with a handler is reset for the child.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        quiet = [] if {"--quiet", "-q"} & set(command) else QUIET
        try:
            # A session of its own: the terminal's Ctrl-C reaches the engine through us, once.
            child = subprocess.Popen(
                with_options(command, *quiet),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            say(f"{command[0]}: does not start ({error.strerror}); run `make install`")
            return 1
        ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, lambda *_: self._stop(child)) for number in ends}
        threading.Thread(target=self._read, args=(child,), daemon=True).start()
        self._follow()
        code = child.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
        self._conclude(code)
        return code if code >= 0 else 128 - code

    def _stop(self, child: subprocess.Popen[str]) -> None:
        if not self._stopped:
            self._stopped = True
            self._clear()
            say("stopping, please wait")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)

    def _read(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _follow(self) -> None:
        every = LOOK_S if self._out.isatty() else LINE_S
        due = time.monotonic() + every
        while True:
            try:
                line = self._lines.get(timeout=max(0.05, due - time.monotonic()))
            except queue.Empty:
                due = time.monotonic() + every
                self._show()
                continue
            if line is None:
                return
            self._pass_on(line)

    def _pass_on(self, line: str) -> None:
        self._said.append(line)
        failed = FAILED.match(line.strip())
        if self._stopped or CALM.match(line.strip()) or not line.strip():
            return  # a stopped job's last words help nobody
        lines = failure(Path(failed["log"]), failed["how"]) if failed else [line]
        new = [text for text in lines if not failed or text not in self._failures]
        self._failures += lines if failed else []
        self._clear()
        for text in new:
            print(text, file=self._out, flush=True)
        self._told = True

    def _show(self) -> None:
        if self._stopped:
            return
        line = self._follower.look().line()
        if not self._out.isatty():
            say(line)
            return
        line = line[: shutil.get_terminal_size().columns - 1]
        self._out.write(f"\r{line.ljust(self._shown)}")
        self._out.flush()
        self._shown = len(line)

    def _clear(self) -> None:
        if self._shown:
            self._out.write("\r" + " " * self._shown + "\r")
            self._out.flush()
        self._shown = 0

    def _conclude(self, code: int) -> None:
        self._clear()
        if self._stopped:
            say("stopped; the same command goes on from there")
        elif code == 0:
            say(figures(self._grid))
        else:
            if not self._told:
                say("\n".join(self._said))
            say("failed, see above; mend it and run the same command to go on")


def failure(log: Path, how: str) -> list[str]:
    """Return why a job failed: a user's mistakes, one line each, or the end of its log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        text = []
    stage = log.stem if log.parent.name == "logs" else log.parent.name
    mistakes = [line for line in text if line.startswith(f"{stage}: ")]
    shown = mistakes if text[-1:] == mistakes[-1:] else text[-LOG_LINES:]
    return [*shown, f"{stage}: {how}; log: {log}"]


def figures(grid: Grid) -> str:
    """Return where a study's report and figures are, the main one named."""
    folder = grid.folder("report", "figures")
    drawn = sorted(folder.glob("*.png"), key=lambda path: (path.stem != "sweep", path.name))
    if not drawn:
        return "done"
    more = f" and {len(drawn) - 1} more beside it" if len(drawn) > 1 else ""
    page = grid.folder("report.html")
    told = f"report: {page}; " if page.exists() else ""
    return f"done; {told}figures: {drawn[0]}{more}"


if __name__ == "__main__":
    sys.exit(main())
