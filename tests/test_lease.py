"""Two jobs never hold one device, whatever kills them; a scheduler's devices are taken as given."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
TIMEOUT = 30.0
# Notes in one file when it begins and ends; in between it says what it holds and waits.
_JOB = """
import os, sys
held = os.environ["CUDA_VISIBLE_DEVICES"]
note = lambda sign: os.write(log, f"{sign} {held}\\n".encode())
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
note("+")
print(held, flush=True)
sys.stdin.readline()
note("-")
"""


class Host:
    """A host with pretended devices, on which leased jobs are started."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.locks = folder / "locks"
        self.jobs: list[subprocess.Popen[str]] = []

    def start(
        self, count: int, devices: str, *command: str, declared: int | None = None, **env: str
    ) -> subprocess.Popen[str]:
        clean = {
            k: v
            for k, v in os.environ.items()
            if k not in ("SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST")
        }
        asked = [str(count), "--declared", str(count if declared is None else declared)]
        command = command or (sys.executable, "-c", _JOB, str(self.log))
        job = subprocess.Popen(
            [sys.executable, "-m", "mlan.lease", "-n", *asked, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **clean,
                "PYTHONPATH": str(SOURCE),
                "MLAN_LOCKDIR": str(self.locks),
                "CUDA_VISIBLE_DEVICES": devices,
                **env,
            },
        )
        self.jobs.append(job)
        return job

    def failure(self, count: int, devices: str, declared: int | None = None) -> str:
        """What a lease that must not succeed says."""
        job = self.start(count, devices, "true", declared=declared)
        out, err = job.communicate(timeout=TIMEOUT)
        assert (job.returncode, out) == (1, "")
        return err

    def gate_is_held(self) -> bool:
        with (self.locks / "gate.lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    for job in host.jobs:
        if job.poll() is None:
            job.kill()
        job.communicate()


def holds(job: subprocess.Popen[str], within: float = TIMEOUT) -> list[str]:
    """The devices that a job holds; empty if it does not begin in time."""
    assert job.stdout is not None
    if not select.select([job.stdout], [], [], within)[0]:
        return []
    return job.stdout.readline().strip().split(",")


def end(job: subprocess.Popen[str]) -> None:
    job.communicate("go on\n", timeout=TIMEOUT)
    assert job.returncode == 0


def overlaps(log: Path) -> list[str]:
    """Devices that two jobs held at once, by the notes of the jobs."""
    busy: set[str] = set()
    twice: list[str] = []
    for line in log.read_text().splitlines():
        sign, _, devices = line.partition(" ")
        for device in devices.split(","):
            if sign == "-":
                busy.remove(device)
            elif device in busy:
                twice.append(device)
            else:
                busy.add(device)
    return twice


def test_six_jobs_on_three_devices_never_share_one(host: Host) -> None:
    waiting = [host.start(count, "0,1,2") for count in (1, 1, 1, 1, 2, 1)]
    done = 0
    while waiting:
        begun = [job for job in waiting if holds(job, within=0.05)]
        waiting = [job for job in waiting if job not in begun]
        for job in begun:
            end(job)
            done += 1
    assert done == 6
    assert len(host.log.read_text().splitlines()) == 12
    assert overlaps(host.log) == []


def test_jobs_at_once_hold_different_devices_and_the_next_takes_what_is_freed(host: Host) -> None:
    first = [host.start(1, "0,1,2") for _ in range(3)]
    held = [holds(job) for job in first]
    assert sorted(held) == [["0"], ["1"], ["2"]]
    late = host.start(1, "0,1,2")
    assert holds(late, within=0.3) == []
    end(first[1])
    assert holds(late) == held[1]


def test_killed_job_frees_its_devices_at_once(host: Host) -> None:
    job = host.start(2, "0,1")
    assert holds(job) == ["0", "1"]
    late = host.start(2, "0,1")
    assert holds(late, within=0.3) == []
    os.kill(job.pid, signal.SIGKILL)
    assert holds(late) == ["0", "1"]


def test_job_killed_while_it_waits_lets_the_next_pass(host: Host) -> None:
    first = host.start(1, "0")
    assert holds(first) == ["0"]
    second = host.start(1, "0")
    _until_someone_waits(host)
    os.kill(second.pid, signal.SIGKILL)
    third = host.start(1, "0")
    end(first)
    assert holds(third) == ["0"]


def test_small_job_does_not_overtake_a_waiting_big_one(host: Host) -> None:
    small = host.start(1, "0,1")
    assert holds(small) == ["0"]
    big = host.start(2, "0,1")
    _until_someone_waits(host)
    late = host.start(1, "0,1")
    assert holds(late, within=0.7) == []
    end(small)
    assert holds(big) == ["0", "1"]
    assert holds(late, within=0.1) == []
    end(big)
    assert holds(late) == ["0"]


def _until_someone_waits(host: Host) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not host.gate_is_held():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


@pytest.mark.parametrize(
    ("count", "devices", "offered"),
    [(2, "0", 1), (1, "", 0), (1, "-1", 0), (2, "3,3", 1), (2, "0,-1,1", 1)],
)
def test_too_few_devices_is_one_line(host: Host, count: int, devices: str, offered: int) -> None:
    assert host.failure(count, devices) == (
        f"lease: {count} GPU(s) asked for, this host offers {offered}\n"
    )


@pytest.mark.parametrize(("granted", "declared"), [(1, 2), (0, 1), (2, 1)])
def test_grant_that_differs_from_the_declaration_is_one_line(
    host: Host, granted: int, declared: int
) -> None:
    assert host.failure(granted, "0,1", declared=declared) == (
        f"lease: the cell declares {declared} GPU(s), the engine granted {granted}; "
        f"call snakemake with --resources gpu={declared} or more\n"
    )
    assert not host.locks.exists()


def test_job_without_gpus_sees_none_and_takes_no_lock(host: Host) -> None:
    job = host.start(0, "0,1")
    assert holds(job) == [""]
    assert not host.locks.exists()


def test_devices_keep_the_names_that_the_user_made_visible(host: Host) -> None:
    job = host.start(2, "GPU-aa, 5")
    assert holds(job) == ["GPU-aa", "5"]


@pytest.mark.parametrize("scheduler", ["SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST"])
def test_scheduler_has_leased_already_so_no_lock_is_taken(host: Host, scheduler: str) -> None:
    jobs = [host.start(1, "0", **{scheduler: "7"}) for _ in range(2)]
    assert [holds(job) for job in jobs] == [["0"], ["0"]]
    assert not host.locks.exists()


def test_exit_code_and_environment_are_the_commands(host: Host) -> None:
    program = (
        "import os, sys; assert os.environ['CUDA_DEVICE_ORDER'] == 'PCI_BUS_ID'; "
        "assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':4096:8'; sys.exit(7)"
    )
    job = host.start(1, "0", sys.executable, "-c", program)
    _, err = job.communicate(timeout=TIMEOUT)
    assert (job.returncode, err) == (7, "lease: devices 0\n")
