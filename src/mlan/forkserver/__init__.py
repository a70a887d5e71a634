"""Start model jobs as forks of one process that has imported the big libraries already.

Importing torch and transformers costs seconds of every job of a grid. So the engine owns one
server. The first job makes it import the libraries (never mlan: a job runs the code that lies
on disk); each job is then a fork of it, with the client's arguments, environment, working
directory and standard streams. The client waits and ends as its job did. A job ends with its
client; the server ends with its engine, after the jobs that are still at work.

Linux only. Elsewhere, and on another host than the engine's, a job is a process of its own,
with the same result.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

ADDRESS = "MLAN_FORKSERVER"
STREAMS = (0, 1, 2)


def start() -> int | None:
    """Start a server for this process and its children; return a handle that keeps it.

    The server ends once the handle is closed, at the latest with this process. None where
    there can be no server; jobs are processes of their own then.
    """
    if sys.platform != "linux":
        return None
    folder = tempfile.mkdtemp(prefix="mlan-jobs-")  # for this user alone
    address = os.path.join(folder, "socket")
    kept, handle = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:  # e.g. a path longer than a socket's may be
            os.close(kept)
            os.close(handle)
            os.rmdir(folder)
            return None
        listener.listen()
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mlan.forkserver.serve",
                str(listener.fileno()),
                str(kept),
                folder,
            ],
            pass_fds=[listener.fileno(), kept],
        )
    os.close(kept)
    os.environ[ADDRESS] = address
    return handle


def run(command: list[str]) -> int | None:
    """Run `python SCRIPT ARGUMENT ...` in a fork of the server, to its end.

    Returns the exit code, negative for a signal as in `subprocess`; None, with nothing done,
    if the command is another one or no server answers.
    """
    address = os.environ.get(ADDRESS)
    if address is None or command[0] != "python" or len(command) < 2:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:
            return None
        # A Ctrl-C reaches the job as well; we end as it does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        request = {"argv": command[1:], "cwd": os.getcwd(), "environ": dict(os.environ)}
        socket.send_fds(connection, [b"\0"], list(STREAMS))
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("r") as replies:
            reply = replies.readline()
    if not reply:
        raise SystemExit("forkserver: ended before the job did")
    return int(reply)
