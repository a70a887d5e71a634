"""Addresses as a log may show them: without user, password and query.

A hub sends big downloads to signed addresses; whoever reads one may use it. The libraries below
write addresses into their own logs, so their loggers are guarded, too.
"""

from __future__ import annotations

import logging
import re

_USER = re.compile(r"(\bhttps?://)[^/?#\s'\"]*@")
_QUERY = re.compile(r"(\bhttps?://[^?#\s'\"]*)[?#][^\s'\"]*")
_TALKATIVE = ("httpx2", "httpcore2")
_CLIENT = ("huggingface_hub.utils._http", "huggingface_hub.file_download")


def bare(text: str) -> str:
    """Return a text whose addresses have no user, password or query."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


class _Bare(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = bare(record.getMessage()), ()
        return True


_BARE = _Bare()


def guard_logs() -> None:
    """Let the libraries below log no signed address and no header; may be called repeatedly."""
    for name in _TALKATIVE:  # every request with its address, at the level of information
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _CLIENT:
        logging.getLogger(name).addFilter(_BARE)
