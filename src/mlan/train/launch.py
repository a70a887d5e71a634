"""Start the processes of one job and end with them.

A job that owns several GPUs is one waiting process and a rank for each GPU, forked before
anything is computed (a device must not be opened before the fork), so that libraries are
imported once. The ranks find each other through a file, never a port. They end with the job;
where one fails, the others are ended, and the job fails with its reason.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from torch import distributed as dist

from mlan.errors import MlanError
from mlan.stage import log
from mlan.train.gauge import visible_devices
from mlan.train.parallel import Ranks


def processes_of(device: str) -> int:
    """Return how many processes a job runs as: one for each GPU that it was given."""
    return max(1, len(visible_devices())) if device == "cuda" else 1


def launch(world: int, device: str, work: Callable[[Ranks], None]) -> None:
    """Run `work` on every rank to its end.

    Raises a rank's MlanError; ends the process with one line if a rank ended otherwise (its
    traceback is on standard error).
    """
    devices = visible_devices() if device == "cuda" else []
    if world == 1:
        work(Ranks(devices=devices))
        return
    context = multiprocessing.get_context("fork")
    kept, handle = os.pipe()
    heard, mouth = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="mlan-ranks-") as folder:

        def be(number: int) -> None:
            os.close(handle)
            _be(Ranks(number, world, devices), Path(folder), kept, mouth, work)

        ranks = [context.Process(target=be, args=(n,), name=f"rank {n}") for n in range(world)]
        try:
            for rank in ranks:
                rank.start()
            failed = _first_failure(ranks)
        finally:
            for rank in ranks:
                with suppress(ValueError, AttributeError):  # one that was never started
                    rank.kill()
                    rank.join()
            os.close(handle)
            os.close(kept)
    if failed is not None:
        if heard.poll():
            raise MlanError(*heard.recv())
        how = f"signal {-code}" if (code := failed.exitcode or 0) < 0 else f"exit code {code}"
        raise SystemExit(f"{failed.name} of {world} ended with {how}; the job ends with it")


def _first_failure(ranks: list[ForkProcess]) -> ForkProcess | None:
    """Wait until all ranks have ended well (None) or one has not."""
    at_work = ranks
    while at_work:
        wait([rank.sentinel for rank in at_work])
        for rank in at_work:
            if rank.exitcode:
                return rank
        at_work = [rank for rank in at_work if rank.exitcode is None]
    return None


def _be(
    ranks: Ranks,
    folder: Path,
    job: int,
    mouth: Connection,
    work: Callable[[Ranks], None],
) -> None:
    """Be one rank: join the others, do the work, tell a user's mistake to the job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the job hears it, and ends us
    threading.Thread(target=_end_with, args=(job,), daemon=True).start()
    if not ranks.first:
        log.setLevel(logging.WARNING)
    if ranks.devices:  # one each, so that `cuda` is the right one in every thread
        os.environ["CUDA_VISIBLE_DEVICES"] = ranks.devices[ranks.number]
    dist.init_process_group(
        "nccl" if ranks.devices else "gloo",
        init_method=f"file://{folder / 'ranks'}",
        rank=ranks.number,
        world_size=ranks.world,
    )
    try:
        work(ranks)
    except MlanError as error:
        mouth.send(error.lines)
        raise SystemExit(1) from None
    dist.barrier()  # nobody leaves while another still needs it
    dist.destroy_process_group()


def _end_with(job: int) -> None:
    """Wait until the job's end of a pipe is closed, then end at once."""
    os.read(job, 1)
    os._exit(1)
