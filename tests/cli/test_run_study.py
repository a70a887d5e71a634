from __future__ import annotations

import fcntl
import importlib.util
import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from mlan.cli.follow import Follower
from mlan.cli.study import open_grid
from mlan.cost import tasks
from mlan.grid import Grid
from mlan.records import write_json
from tests.cli.conftest import REPOSITORY
from tests.cli.example import finish, finish_all


@pytest.fixture(scope="module")
def run_study() -> ModuleType:
    path = REPOSITORY / "workflow" / "setup" / "run_study.py"
    spec = importlib.util.spec_from_file_location("run_study", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def engine(tmp_path: Path, body: str) -> list[str]:
    """A stand-in for the engine; its arguments are `sys.argv[1:]`."""
    path = tmp_path / "engine.py"
    path.write_text(f"import os, shutil, sys, time\n{body}\n")
    return [sys.executable, str(path)]


def start(run_study: ModuleType, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["run_study.py", "--study", "tiny", "--", *command])
    return int(run_study.main())


def test_run_study_refuses_while_another_process_runs_the_study(
    run_study: ModuleType,
    grid: Grid,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = grid.folder("state") / "engine.lock"
    path.parent.mkdir(parents=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = start(run_study, monkeypatch, engine(tmp_path, "open('ran', 'w')"))

    assert code == 1
    assert capsys.readouterr().err == (
        "study 'tiny' is being run by another process; see `mlan status`\n"
    )
    assert not Path("ran").exists()


@pytest.mark.usefixtures("known_speed")
def test_run_study_hands_on_the_exit_code_and_tells_the_time(
    run_study: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = "print('Building DAG of jobs...'); print('something is wrong'); sys.exit(3)"

    code = start(run_study, monkeypatch, engine(tmp_path, body))

    assert code == 3
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("44 jobs, about ")
    assert first.endswith(f"on this machine ({os.cpu_count()} cores, 50 GFLOP/s)")
    assert rest == [
        "something is wrong",
        "failed, see above; mend it and run the same command to go on",
    ]
    # What each job should take is kept for `mlan plan` to compare.
    assert len(json.loads(Path("results/tiny/state/estimates.json").read_text())) == 44


@pytest.mark.usefixtures("known_speed")
def test_run_study_shows_the_mistakes_of_a_failed_job(
    run_study: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = tmp_path / "results" / "tiny" / "logs" / "mix" / "text0_0.log"
    log.parent.mkdir(parents=True)
    log.write_text("08:00:00 at work\nmix: source 'a' is empty; add data\n")
    said = f"Command 'python mix.py --out o 2> {log}' returned non-zero exit status 1."
    body = f"print('RuleException:'); print({said!r}); sys.exit(1)"

    assert start(run_study, monkeypatch, engine(tmp_path, body)) == 1

    assert capsys.readouterr().err.splitlines()[1:] == [
        "mix: source 'a' is empty; add data",
        f"mix: returned non-zero exit status 1; log: {log}",
        "failed, see above; mend it and run the same command to go on",
    ]


def test_failure_without_a_mistake_shows_the_end_of_the_log(
    run_study: ModuleType, tmp_path: Path
) -> None:
    log = tmp_path / "tune" / "text0_0.log"
    log.parent.mkdir()
    log.write_text("".join(f"line {n}\n" for n in range(40)))

    assert run_study.failure(log, "died with <Signals.SIGKILL: 9>") == [
        *(f"line {n}" for n in range(25, 40)),
        f"tune: died with <Signals.SIGKILL: 9>; log: {log}",
    ]


@pytest.mark.usefixtures("grid")
def test_stale_engine_locks_are_removed_when_nobody_runs_a_study(
    run_study: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locks = leave_locks()
    command = engine(tmp_path, "assert '--unlock' in sys.argv; shutil.rmtree('.snakemake/locks')")

    run_study.remove_stale_locks(command, Path("results/tiny/state/runner.lock"))

    assert not locks.exists()
    assert capsys.readouterr().err == (
        "a run before this one was killed; its locks are removed and finished jobs are kept\n"
    )


@pytest.mark.usefixtures("grid")
@pytest.mark.parametrize("name", ["engine.lock", "runner.lock"])
def test_stale_engine_locks_stay_while_any_study_is_run(
    run_study: ModuleType, tmp_path: Path, name: str
) -> None:
    locks = leave_locks()
    other = Path("results/other/state") / name
    other.parent.mkdir(parents=True)
    with other.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = engine(tmp_path, "shutil.rmtree('.snakemake/locks')")
        run_study.remove_stale_locks(command, Path("results/tiny/state/runner.lock"))

    assert locks.exists()


def leave_locks() -> Path:
    """Locks of an engine that began an hour ago."""
    folder = Path(".snakemake/locks")
    folder.mkdir(parents=True)
    path = folder / "0.output.lock"
    path.write_text("results/tiny/report/record.json\n")
    os.utime(path, (time.time() - 3600,) * 2)
    return folder


@pytest.mark.usefixtures("known_speed")
def test_interrupt_is_passed_on_once_and_waited_for(
    run_study: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = (
        "try:\n    open('ran', 'w').close(); time.sleep(30)\n"
        "except KeyboardInterrupt:\n    print('Traceback'); sys.exit(1)"
    )

    def interrupt() -> None:
        while not Path("ran").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    code = start(run_study, monkeypatch, engine(tmp_path, body))

    assert code == 1
    assert capsys.readouterr().err.splitlines()[1:] == [
        "stopping, please wait",
        "stopped; the same command goes on from there",
    ]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_dry_run_is_handed_on_untouched(
    run_study: ModuleType, grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = engine(tmp_path, "sys.exit(4 if sys.argv[1:] == ['-n', '--config', 'a=b'] else 5)")

    assert start(run_study, monkeypatch, [*command, "-n", "--config", "a=b"]) == 4


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("snakemake --config study=x seeds=first --cores 2", {"study": "x", "seeds": "first"}),
        ("snakemake --config study=x seeds=[0,1] -n y=z", {"study": "x", "seeds": "0,1"}),
        ("snakemake --cores all", {}),
    ],
)
def test_config_of_the_engines_command(
    run_study: ModuleType, words: str, options: dict[str, str]
) -> None:
    assert run_study._config(words.split()) == options


def test_progress_line_counts_jobs_and_names_what_runs(grid: Grid) -> None:
    for task in tasks(grid).values():
        if task.stage not in ("tune", "predict", "score", "collect", "claims", "draw", "page"):
            finish(grid, task)
    told = {"done": 1, "of": 4, "tokens_per_s": 412.3, "seconds_left": 3.0}
    write_json(grid.folder("state", "tune", "text0", "seed0") / "progress.json", told)
    follower = Follower(grid, 50.0)

    standing = follower.look()

    assert (standing.done, standing.jobs) == (44 - 6 - 7 - 7 - 4, 44)
    assert 0 < standing.fraction < 1
    assert "20 of 44 jobs" in standing.line()
    assert "tune text0 seed 0 25 %, 412 tokens/s" in standing.line()

    finish_all(grid)
    last = follower.look()
    assert (last.done, last.fraction, last.seconds_left) == (44, 1.0, 0)


def test_figures_are_named_at_the_end(run_study: ModuleType, grid: Grid) -> None:
    folder = grid.folder("report", "figures")
    folder.mkdir(parents=True)
    for name in ("composition.png", "sweep.png", "sweep.pdf"):
        (folder / name).touch()

    told = "figures: results/tiny/report/figures/sweep.png and 1 more beside it"
    assert run_study.figures(grid) == f"done; {told}"
    grid.folder("report.html").touch()
    assert run_study.figures(grid) == f"done; report: results/tiny/report.html; {told}"


def test_progress_is_redrawn_on_a_terminal(run_study: ModuleType, grid: Grid) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    shown = run_study.Run(grid, 50.0, out)

    shown._show()
    shown._clear()

    line = out.getvalue()
    assert line.startswith("\r0 of 44 jobs | 0 % | about ")
    assert line.endswith("\r")


def test_options_for_the_engine_go_before_its_targets(run_study: ModuleType) -> None:
    command = ["snakemake", "--config", "study=small", "-R", "draw", "--", "report/record.json"]
    assert run_study.with_options(command, "--quiet", "all") == [
        *("snakemake", "--config", "study=small", "-R", "draw"),
        *("--quiet", "all", "--", "report/record.json"),
    ]
    assert run_study.with_options(["snakemake"], "-n") == ["snakemake", "-n"]


def test_first_seed_comes_first_where_all_is_asked_for(run_study: ModuleType, grid: Grid) -> None:
    *flags, flag = run_study.first_seed_first(grid, ["snakemake", "--cores", "all"])[:3]
    # The engine's other scheduler cannot take so large a priority: it warns at every step.
    assert (flags, flag) == (["--scheduler", "greedy"], "--prioritize")
    chosen = ["snakemake", "--scheduler", "milp"]
    flag, *files = run_study.first_seed_first(grid, chosen)
    assert flag == "--prioritize"
    cells = ["text0", "text50", "text100", "untuned"]
    assert files == [f"results/tiny/cells/{c}/seed0/scores/record.json" for c in cells]
    assert run_study.first_seed_first(grid, ["snakemake", "--", "one/record.json"]) == []
    one = open_grid("tiny", "1")
    assert run_study.first_seed_first(one, ["snakemake"]) == []
