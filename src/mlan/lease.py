"""Give one local job its own GPUs: `python -m mlan.lease -n 2 --declared 2 -- COMMAND ...`.

The engine's `--resources gpu=4` is a counter: it limits how many GPU jobs run at once and
never says which device a job owns. Here a job takes an exclusive lock on each of its devices,
exports CUDA_VISIBLE_DEVICES and becomes the command, or waits for it where a fork server runs
it. The kernel frees the locks when the last process that holds them ends, so a killed job never
leaks a device. Under Slurm or Kubernetes the scheduler has leased already and its devices are
taken as they are.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import tempfile
import time
from itertools import takewhile
from pathlib import Path

from mlan import forkserver
from mlan.device import host_gpus

_POLL_SECONDS = 0.5


def candidates() -> list[str]:
    """Devices this job may take: those a scheduler or the user made visible, else the host's."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return host_gpus()
    named = (device.strip() for device in visible.split(","))
    shown = takewhile(lambda device: device != "-1", named)  # as CUDA reads it
    return list(dict.fromkeys(device for device in shown if device))


def _try(count: int, devices: list[str], folder: Path) -> tuple[list[str], list[int]] | None:
    """All or nothing, so that two jobs of two GPUs on three devices cannot deadlock."""
    got: list[str] = []
    handles: list[int] = []
    for device in devices:
        handle = os.open(
            folder / f"gpu-{device}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        got.append(device)
        handles.append(handle)
        if len(got) == count:
            return got, handles
    for handle in handles:
        os.close(handle)
    return None


def lease(count: int) -> list[str]:
    """Wait until `count` devices are ours; they stay ours until this process ends.

    First come, first served: a waiting job holds a gate, so small jobs cannot starve a big
    one. Ends the process with one line if the host has too few devices.
    """
    if count == 0:
        return []
    devices = candidates()
    if len(devices) < count:
        raise SystemExit(f"lease: {count} GPU(s) asked for, this host offers {len(devices)}")
    if "SLURM_JOB_ID" in os.environ or "KUBERNETES_SERVICE_HOST" in os.environ:
        return devices[:count]
    default = Path(tempfile.gettempdir()) / f"mlan-gpu-{os.getuid()}"
    folder = Path(os.environ.get("MLAN_LOCKDIR", default))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    gate = os.open(folder / "gate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(gate, fcntl.LOCK_EX)
    try:
        while (grant := _try(count, devices, folder)) is None:
            time.sleep(_POLL_SECONDS)
    finally:
        os.close(gate)
    got, handles = grant
    for handle in handles:
        os.set_inheritable(handle, True)  # the lock is the job's, it must survive exec
    return got


def main() -> None:
    """Lease, then become the command."""
    parser = argparse.ArgumentParser(description="Run a command with GPUs of its own.")
    parser.add_argument("-n", type=int, required=True, help="GPUs granted; 0 hides all of them")
    parser.add_argument("--declared", type=int, required=True, help="GPUs the cell asks for")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[arguments.command[:1] == ["--"] :]
    if not command:
        parser.error("no command after --")
    if arguments.n != arguments.declared:
        raise SystemExit(
            f"lease: the cell declares {arguments.declared} GPU(s), the engine granted "
            f"{arguments.n}; call snakemake with --resources gpu={arguments.declared} or more"
        )
    devices = lease(arguments.n)
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products
    if devices:
        sys.stderr.write(f"lease: devices {','.join(devices)}\n")
        sys.stderr.flush()
    code = forkserver.run(command)
    if code is None:
        os.execvp(command[0], command)
    if code < 0:  # end by the same signal
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
