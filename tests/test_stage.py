"""How a workflow script runs, fails, finishes, and shares its state folder."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlan.errors import DataError
from mlan.records import file_digest, read_record, write_bytes
from mlan.stage import Job, main

TIMEOUT = 30.0


class Script:
    """A script `mix` in a folder of its own, called as a rule would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out = folder / "out"
        self.state = folder / "state"
        self.data = folder / "data.json"
        write_bytes(self.data, b"[]")
        self._monkeypatch = monkeypatch

    def arguments(
        self, identity: Any = None, code: str = "c0de", *, state: bool = False
    ) -> list[str]:
        named = {"--identity": json.dumps(identity or {"share": 0.5}), "--code": code}
        named |= {"--out": str(self.out), "--input": f"data={self.data}", "--threads": "3"}
        named |= {"--state": str(self.state)} if state else {}
        return [part for pair in named.items() for part in pair]

    def call(self, work: Callable[[Job], None], *arguments: Any, **options: Any) -> None:
        self._monkeypatch.setattr(sys, "argv", ["mix", *self.arguments(*arguments, **options)])
        main("mix", work)

    @property
    def record(self) -> Path:
        return self.out / "record.json"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(tmp_path, monkeypatch)


def write(job: Job, text: str = "result") -> None:
    write_bytes(job.out / "a.txt", text.encode())
    job.finish([job.out / "a.txt"], facts={"rows": 1}, run={"tokens_per_s": 5})


def test_finished_job_has_a_record_and_a_run_file(script: Script) -> None:
    script.call(write)
    record = read_record(script.out)
    assert (record["stage"], record["identity"], record["code"]) == ("mix", {"share": 0.5}, "c0de")
    assert record["inputs"] == {"data": file_digest(script.data)}
    assert record["outputs"] == {"a.txt": file_digest(script.out / "a.txt")}
    assert record["facts"] == {"rows": 1}
    run = json.loads((script.out / "run.json").read_text())
    assert run["tokens_per_s"] == 5
    assert run["seconds"] >= 0


def test_record_holds_nothing_of_when_and_where(script: Script) -> None:
    script.call(write)
    first = script.record.read_bytes()
    script.call(write)
    assert script.record.read_bytes() == first
    assert str(script.out).encode() not in first


def test_job_sees_its_arguments(script: Script) -> None:
    seen: list[Job] = []
    script.call(seen.append, {"a": [1]}, state=True)
    (job,) = seen
    assert (job.stage, job.identity, job.code, job.threads) == ("mix", {"a": [1]}, "c0de", 3)
    assert (job.out, job.state, job.inputs) == (script.out, script.state, {"data": script.data})


def test_record_is_withdrawn_while_the_job_runs(script: Script) -> None:
    script.call(write)

    def look(job: Job) -> None:
        assert not script.record.exists()
        write(job, "again")

    script.call(look)
    assert script.record.exists()


@pytest.mark.parametrize("error", [DataError("x"), KeyError("x"), KeyboardInterrupt()])
def test_failed_job_leaves_no_record_of_an_earlier_one(
    script: Script, error: BaseException
) -> None:
    script.call(write)

    def fail(job: Job) -> None:
        write_bytes(job.out / "a.txt", b"half")
        raise error

    with pytest.raises((SystemExit, KeyError, KeyboardInterrupt)):
        script.call(fail)
    assert not script.record.exists()


def test_mistake_of_the_user_is_one_line_each_and_exit_code_1(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(job: Job) -> None:
        raise DataError("source 'x': no rows", "source 'y': no rows")

    with pytest.raises(SystemExit) as caught:
        script.call(fail)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "mix: source 'x': no rows\nmix: source 'y': no rows\n"


_FAILING = """
from mlan.errors import DataError
from mlan.stage import main

def work(job):
    try:
        {}["x"]
    except KeyError:
        raise DataError("source 'x': no rows")

main("mix", work)
"""


def test_mistake_of_the_user_shows_no_traceback(script: Script) -> None:
    done = _python(_FAILING, script.arguments())
    out, err = done.communicate(timeout=TIMEOUT)
    assert (done.returncode, out, err) == (1, "", "mix: source 'x': no rows\n")


@pytest.mark.parametrize(
    "wrong", [["--input", "no name"], ["--identity", "{"], ["--threads", "many"]]
)
def test_wrong_argument_is_refused_before_anything_is_touched(
    script: Script, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script.call(write)
    monkeypatch.setattr(sys, "argv", ["mix", *script.arguments(), *wrong])
    with pytest.raises(SystemExit) as caught:
        main("mix", write)
    assert caught.value.code == 2
    assert script.record.exists()


# --- complete or not -------------------------------------------------------------------------


def test_finished_job_is_complete_wherever_the_key_order(script: Script) -> None:
    script.call(write, {"a": 1.0, "b": 2})
    job = _job(script, {"b": 2.0, "a": 1})
    assert job.is_complete()


@pytest.mark.parametrize(
    "case", ["identity", "code", "input", "output", "record", "gone", "input gone"]
)
def test_other_job_or_other_files_are_not_complete(script: Script, case: str) -> None:
    script.call(write)
    identity, code = {"share": 0.5}, "c0de"
    if case == "identity":
        identity = {"share": 0.75}
    elif case == "code":
        code = "ffff"
    elif case == "input":
        script.data.write_bytes(b"[1]")
    elif case == "output":
        (script.out / "a.txt").write_bytes(b"resulT")
    elif case == "record":
        script.record.write_bytes(b"")
    elif case == "gone":
        (script.out / "a.txt").unlink()
    else:
        script.data.unlink()
    assert not _job(script, identity, code).is_complete()


def _job(script: Script, identity: dict[str, Any], code: str = "c0de") -> Job:
    return Job("mix", identity, code, script.out, {"data": script.data})


# --- one owner of a state folder -------------------------------------------------------------


class Pair:
    """Two calls of a script on one state folder: the first holds still until released."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[str] = []
        self.waiting = threading.Event()
        self._begun, self._release = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def first(self, end: Callable[[Job], None] = write) -> None:
        def work(job: Job) -> None:
            self.calls.append("first")
            self._begun.set()
            assert self._release.wait(TIMEOUT)
            end(job)

        self._start(work)
        assert self._begun.wait(TIMEOUT)

    def second(self, *arguments: Any) -> None:
        def work(job: Job) -> None:
            self.calls.append("second")
            write(job, "of the second")

        self._start(work, *arguments)

    def _start(self, work: Callable[[Job], None], *arguments: Any) -> None:
        def call() -> None:
            try:
                self.script.call(work, *arguments, state=True)
            except SystemExit:
                self.calls.append("failed")

        self._threads.append(threading.Thread(target=call))
        self._threads[-1].start()

    def release(self) -> None:
        self._release.set()
        for thread in self._threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()


@pytest.fixture
def pair(script: Script) -> Iterator[Pair]:
    pair = Pair(script)

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for a job" in record.getMessage():
                pair.waiting.set()

    logger, watch = logging.getLogger("mlan"), Watch()
    logger.addHandler(watch)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield pair
    logger.setLevel(level)
    logger.removeHandler(watch)
    pair.release()


def test_second_call_waits_and_does_nothing_if_the_first_finished_its_job(pair: Pair) -> None:
    pair.first()
    pair.second()
    assert pair.waiting.wait(TIMEOUT)
    pair.release()
    assert pair.calls == ["first"]
    assert (pair.script.out / "a.txt").read_text() == "result"
    assert pair.script.record.exists()


@pytest.mark.parametrize("other", [({"share": 0.75},), ({"share": 0.5}, "ffff")])
def test_second_call_with_another_job_runs_it_after_the_first(pair: Pair, other: Any) -> None:
    pair.first()
    pair.second(*other)
    assert pair.waiting.wait(TIMEOUT)
    assert pair.calls == ["first"]
    pair.release()
    assert pair.calls == ["first", "second"]
    assert (pair.script.out / "a.txt").read_text() == "of the second"


def test_second_call_does_the_job_that_the_first_failed_at(pair: Pair) -> None:
    def fail(job: Job) -> None:
        raise DataError("no rows")

    pair.first(fail)
    pair.second()
    assert pair.waiting.wait(TIMEOUT)
    pair.release()
    assert sorted(pair.calls) == ["failed", "first", "second"]
    assert pair.script.record.exists()


def test_call_without_waiting_does_a_finished_job_again(script: Script) -> None:
    calls: list[Job] = []
    for _ in range(2):
        script.call(lambda job: (calls.append(job), write(job))[1], state=True)
    assert len(calls) == 2


_HOLDING = """
import signal
from mlan.stage import main

def work(job):
    print("holds", flush=True)
    signal.pause()

main("mix", work)
"""


def test_killed_job_frees_its_state_folder_at_once(pair: Pair) -> None:
    holder = _python(_HOLDING, pair.script.arguments(state=True))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    pair.second()
    assert pair.waiting.wait(TIMEOUT)
    assert pair.calls == []
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate(timeout=TIMEOUT)
    pair.release()
    assert pair.calls == ["second"]


def _python(program: str, arguments: list[str]) -> subprocess.Popen[str]:
    source = Path(__file__).parents[1] / "src"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )


def test_what_a_killed_job_was_writing_is_cleared_away(script: Script) -> None:
    script.out.mkdir()
    (script.out / ".record.json.abc123.partial").write_bytes(b'{"format"')
    (script.out / "other.partial").write_bytes(b"a file by that name")
    script.call(write)
    assert {path.name for path in script.out.iterdir()} == {
        "a.txt", "other.partial", "record.json", "run.json"
    }  # fmt: skip
