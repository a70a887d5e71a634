"""A hub on 127.0.0.1 for tests: repositories in memory, faults on demand, a log of requests.

It speaks what mlan's client uses: repository info, recursive tree, HEAD and GET of files with
ranges, errors by `X-Error-Code`, big files by a signed address on another host. Not imitated:
xet, paged trees, branches other than main.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

BIG = 4096  # from this size on a file is LFS: known by its sha256
SIGNATURE = "Signature=opens-the-door"
Files = dict[str, bytes]
_FOLDERS = {"models": "model", "datasets": "dataset"}
_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?$")
_FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it; of a token only whether one was sent."""

    method: str
    path: str
    host: str
    authorised: bool
    range: str | None

    @property
    def is_download(self) -> bool:
        return self.method == "GET" and not self.path.startswith("/api/")


@dataclass
class Fault:
    """What goes wrong, how often, and with which requests (a part of method and path)."""

    what: Literal["status", "corrupt", "cut", "stall"]
    where: str
    times: float = float("inf")
    status: int = 503
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Repository:
    """Commits by id, the newest last; `token` opens a closed one."""

    commits: dict[str, Files] = field(default_factory=dict)
    licence: str | None = None
    closed: Literal["gated", "private"] | None = None
    token: str = ""

    @property
    def head(self) -> str:
        return list(self.commits)[-1]


class Hub:
    """The server's state; tests publish, spoil and read it."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[Seen] = []
        self.faults: list[Fault] = []
        self.signs = False  # whether big files lie at a signed address of another host
        self.port = 0
        self.stalled = threading.Event()
        self.closing = threading.Event()
        self.guard = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, name: str, files: Files, kind: str = "model", **traits: Any) -> str:
        """Add a commit to a repository; returns its id."""
        repository = self.repositories.setdefault((kind, name), Repository())
        for trait, value in traits.items():
            setattr(repository, trait, value)
        state = hashlib.sha1(f"{kind} {name} {len(repository.commits)}".encode())
        for path, content in sorted(files.items()):
            state.update(path.encode() + b"\0" + content)
        repository.commits[state.hexdigest()] = dict(files)
        return state.hexdigest()

    def spoil(self, what: Any, where: str, times: float = float("inf"), **traits: Any) -> Fault:
        """Let the next requests whose method and path contain `where` go wrong."""
        fault = Fault(what, where, times, **traits)
        self.faults.append(fault)
        return fault

    def downloads(self) -> list[str]:
        """Paths of all files that were sent, in order."""
        return [s.path.partition("/resolve/")[2][41:] for s in self.requests if s.is_download]

    def take_fault(self, request: str) -> Fault | None:
        with self.guard:
            for fault in self.faults:
                if fault.times > 0 and fault.where in request:
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve a hub until the block ends."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()


def hashes(content: bytes) -> tuple[str, str | None]:
    """git's blob sha1, and the sha256 of a big file."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return blob, hashlib.sha256(content).hexdigest() if len(content) >= BIG else None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client was killed, as a test wanted."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: Hub

    def log_message(self, *words: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with self.hub.guard:
            self.hub.requests.append(
                Seen(self.command, path, self.headers["Host"], bool(token), self.headers["Range"])
            )
        fault = self.hub.take_fault(f"{self.command} {path}")
        if self.requestline.split()[1].startswith("//"):  # http.server mends self.path silently
            self.refuse(400, "BadRequest", "two slashes")
        elif fault and fault.what == "status":
            self.refuse(fault.status, "Broken", "told to fail", fault.headers)
        elif api := _API.match(path):
            self.answer_api(api, token)
        elif file := _FILE.match(path):
            self.answer_file(file, token, fault)
        elif path.startswith("/signed/") and url.query == SIGNATURE:
            self.send_signed(path.removeprefix("/signed/"), fault)
        else:
            self.refuse(404, "NotFound", "no such endpoint")

    do_HEAD = do_GET  # noqa: N815

    def find(self, kind: str, name: str, token: str) -> Repository | None:
        repository = self.hub.repositories.get((kind, name))
        if repository is None or (repository.closed == "private" and token != repository.token):
            self.refuse(404 if token else 401, "RepoNotFound", "Repository not found")
            return None
        return repository

    def is_gated(self, repository: Repository, token: str) -> bool:
        if repository.closed == "gated" and token != repository.token:
            # A careless server: it repeats what it was sent.
            self.refuse(403 if token else 401, "GatedRepo", f"Access is restricted for {token}")
            return True
        return False

    def answer_api(self, api: re.Match[str], token: str) -> None:
        repository = self.find(_FOLDERS[api[1]], api[2], token)
        if repository is None:
            return
        commit = repository.head if api[4] in (None, "main") else api[4]
        if commit not in repository.commits:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {commit}")
        elif api[3] == "tree":
            if not self.is_gated(repository, token):
                self.send_json(_tree(repository.commits[commit]))
        else:
            card = {"license": repository.licence} if repository.licence else {}
            self.send_json({"id": api[2], "sha": commit, "cardData": card, "tags": []})

    def answer_file(self, file: re.Match[str], token: str, fault: Fault | None) -> None:
        repository = self.find(_FOLDERS[file[1] or "models"], file[2], token)
        if repository is None or self.is_gated(repository, token):
            return
        content = repository.commits.get(file[3], {}).get(file[4])
        if content is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        blob, big = hashes(content)
        headers = {"X-Repo-Commit": file[3], "ETag": f'"{big or blob}"', "Accept-Ranges": "bytes"}
        if big:
            headers |= {"X-Linked-Etag": f'"{big}"', "X-Linked-Size": str(len(content))}
        if big and self.hub.signs:
            elsewhere = f"http://localhost:{self.hub.port}/signed/{big}?{SIGNATURE}"
            self.send(302, b"", {**headers, "Location": elsewhere})
            return
        self.send_content(content, headers, fault)

    def send_signed(self, big: str, fault: Fault | None) -> None:
        for repository in self.hub.repositories.values():
            for files in repository.commits.values():
                for content in files.values():
                    if hashes(content)[1] == big:
                        self.send_content(content, {}, fault)
                        return

    def send_content(self, content: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        if fault and fault.what == "corrupt":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        status, part = 200, content
        if wanted := re.match(r"bytes=(\d+)-$", self.headers["Range"] or ""):
            status, part = 206, content[int(wanted[1]) :]
            end = f"{wanted[1]}-{len(content) - 1}/{len(content)}"
            headers = {**headers, "Content-Range": f"bytes {end}"}
        cut = fault.after if fault and fault.what in ("cut", "stall") else None
        self.send(status, part, headers, cut)
        if fault and fault.what == "stall":
            self.hub.stalled.set()
            self.hub.closing.wait(300)

    def send(
        self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

    def send_json(self, content: Any) -> None:
        self.send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def refuse(
        self, status: int, code: str, text: str, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps({"error": text}).encode()
        told = {"X-Error-Code": code, "X-Error-Message": text, **(headers or {})}
        self.send(status, body, {**told, "Content-Type": "application/json"})


def _tree(files: Files) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path, content in files.items():
        blob, big = hashes(content)
        lfs = {"lfs": {"oid": big, "size": len(content), "pointerSize": 130}} if big else {}
        rows.append({"type": "file", "path": path, "size": len(content), "oid": blob, **lfs})
    folders = {path.rpartition("/")[0] for path in files} - {""}
    return [{"type": "directory", "path": f, "oid": "0" * 40, "size": 0} for f in folders] + rows
