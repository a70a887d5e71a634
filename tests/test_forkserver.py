"""A job forked from the server behaves as a process of its own, and ends when it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlan import forkserver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the server runs on Linux only")

JOB = """
import os, sys, time
from pathlib import Path
early = {"pandas", "peft", "torch", "transformers"} <= set(sys.modules)
command, rest = sys.argv[1], sys.argv[2:]
if command == "tell":
    print(early, __name__, os.getcwd(), os.environ["COLOUR"], *rest)
    print("a warning", file=sys.stderr)
elif command == "exit":
    sys.exit(int(rest[0]) if rest[0].isdigit() else rest[0])
elif command == "raise":
    raise ValueError("a bug")
elif command == "wait":
    Path("pid").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.01)
    Path("done").touch()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    before = os.environ.get(forkserver.ADDRESS)
    handle = forkserver.start()
    assert handle is not None
    yield
    os.close(handle)
    if before is None:
        del os.environ[forkserver.ADDRESS]
    else:
        os.environ[forkserver.ADDRESS] = before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job.py").write_text(JOB)
    return tmp_path


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    lease = [sys.executable, "-m", "mlan.lease", "-n", "0", "--declared", "0", "--"]
    return subprocess.Popen(
        [*lease, "python", "job.py", *arguments],
        cwd=folder,
        env={**os.environ, "COLOUR": "blue"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(path: Path) -> str:
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"no {path.name}"
        time.sleep(0.01)
    return path.read_text()


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _wait_until_dead(pid: int) -> None:
    end = time.monotonic() + 20
    while _is_alive(pid):
        assert time.monotonic() < end, "still alive"
        time.sleep(0.01)


@pytest.mark.usefixtures("server")
def test_job_has_the_clients_arguments_environment_folder_and_streams(folder: Path) -> None:
    job = _start(folder, "tell", "two words", "ü")
    out, err = job.communicate(timeout=60)
    assert out == f"True __main__ {folder} blue two words ü\n"
    assert err == "a warning\n"
    assert job.returncode == 0


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("exit", "3"), 3, ""),
        (("exit", "no such share"), 1, "no such share"),
        (("raise",), 1, "ValueError: a bug"),
    ],
)
def test_job_ends_as_a_script_does(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    job = _start(folder, *arguments)
    _, err = job.communicate(timeout=60)
    assert job.returncode == code
    assert err.strip().endswith(said)


@pytest.mark.usefixtures("server")
def test_client_of_a_killed_job_ends_by_the_same_signal(folder: Path) -> None:
    job = _start(folder, "wait")
    os.kill(int(_wait_for(folder / "pid")), signal.SIGKILL)
    assert job.wait(20) == -signal.SIGKILL


@pytest.mark.usefixtures("server")
def test_job_ends_with_its_client(folder: Path) -> None:
    job = _start(folder, "wait")
    pid = int(_wait_for(folder / "pid"))
    assert pid != job.pid
    job.kill()
    _wait_until_dead(pid)
    assert not (folder / "done").exists()
    job.wait(20)


def test_server_outlives_its_engine_until_the_last_job_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(forkserver.ADDRESS, "none")  # restored after the test
    handle = forkserver.start()
    assert handle is not None
    address = Path(os.environ[forkserver.ADDRESS])
    job = _start(folder, "wait")
    _wait_for(folder / "pid")
    os.close(handle)
    time.sleep(0.2)
    assert address.exists(), "the server left a job alone"
    (folder / "go").touch()
    assert job.wait(20) == 0
    assert (folder / "done").exists()
    end = time.monotonic() + 20
    while address.parent.exists():
        assert time.monotonic() < end, "the server did not end"
        time.sleep(0.05)


def test_without_a_server_the_command_is_a_process_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(forkserver.ADDRESS, str(folder / "nobody"))
    assert forkserver.run(["python", "job.py"]) is None
    job = _start(folder, "tell", "alone")
    out, _ = job.communicate(timeout=60)
    assert out == f"False __main__ {folder} blue alone\n"


def test_temporary_folder_with_too_long_a_path_means_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.delenv(forkserver.ADDRESS, raising=False)
    assert forkserver.start() is None
    assert forkserver.ADDRESS not in os.environ
    assert list(deep.iterdir()) == []


def test_other_commands_than_python_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forkserver.ADDRESS, "/tmp/anything")
    assert forkserver.run(["torchrun", "x.py"]) is None
