"""The server's side: import the libraries once, fork a job for every client, tell how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from mlan.forkserver import STREAMS


@dataclass
class _Jobs:
    """Running jobs by the two handles that tell of their end: the process, the client."""

    poll: select.poll
    processes: dict[int, tuple[int, socket.socket]] = field(default_factory=dict)
    clients: dict[int, int] = field(default_factory=dict)

    def add(self, pid: int, connection: socket.socket) -> None:
        process = os.pidfd_open(pid)
        self.processes[process] = (pid, connection)
        self.clients[connection.fileno()] = pid
        self.poll.register(process, select.POLLIN)
        self.poll.register(connection, select.POLLRDHUP)

    def forget(self) -> None:
        """Close all handles: in a fork, they would keep other clients waiting for a dead server."""
        for process, (_, connection) in self.processes.items():
            connection.close()
            os.close(process)

    def kill(self, client: int) -> None:
        """The client is gone, so the job ends too; its end is then noticed as any other."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.clients[client], signal.SIGKILL)
        self.poll.unregister(client)
        del self.clients[client]

    def end(self, process: int) -> None:
        """Tell the client how its job ended."""
        pid, connection = self.processes.pop(process)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):
            connection.sendall(b"%d\n" % code)
        if self.clients.pop(connection.fileno(), None) is not None:
            self.poll.unregister(connection)
        self.poll.unregister(process)
        connection.close()
        os.close(process)


def serve(listener: socket.socket, engine: int) -> None:
    """Fork a job for every client until the engine's end of the pipe `engine` is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(engine, select.POLLIN)
    jobs = _Jobs(poll)
    listening = True
    while listening or jobs.processes:
        for handle, event in poll.poll():
            if handle == engine:
                poll.unregister(engine)
                poll.unregister(listener)
                listener.close()
                listening = False
            elif handle in jobs.processes:
                jobs.end(handle)
            elif handle in jobs.clients:
                jobs.kill(handle)
            elif listening and event & select.POLLIN:
                _accept(listener, jobs)


def import_libraries() -> None:
    """Load what the stages that run a model import, but nothing of mlan."""
    import pandas  # noqa: F401
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers.models.llava.modeling_llava  # noqa: F401


def _accept(listener: socket.socket, jobs: _Jobs) -> None:
    connection, _ = listener.accept()
    with contextlib.suppress(ImportError):  # the job meets it too, and says so in its log
        import_libraries()
    pid = os.fork()
    if pid == 0:
        listener.close()
        jobs.forget()
        _become(connection)
    jobs.add(pid, connection)


def _become(connection: socket.socket) -> NoReturn:
    """Read the client's request and be its job. Nothing of the server may run after this."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _, streams, _, _ = socket.recv_fds(connection, 1, len(STREAMS))
        with connection.makefile("r") as requests:
            request = json.loads(requests.readline())
        connection.close()
        for mine, theirs in zip(STREAMS, streams, strict=True):
            os.dup2(theirs, mine)
            os.close(theirs)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environ"])
        sys.argv = request["argv"]
        code = _exit_code(sys.argv[0])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code(script: str) -> int:
    """Run a script as the interpreter would; return its exit code."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Serve on the listener and pipe whose numbers are the arguments; remove the folder."""
    listener, engine, folder = sys.argv[1:]
    try:
        serve(socket.socket(fileno=int(listener)), int(engine))
    finally:
        shutil.rmtree(Path(folder), ignore_errors=True)


if __name__ == "__main__":
    main()
