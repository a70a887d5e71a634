"""Turn what the hub's client raises into one line: what, status, address, and what to do next.

The client wraps the true cause in "check your connection"; its classes are nested (gated is a
kind of absent, absent a kind of HTTP error, that a kind of OSError), so the order of the
questions matters. No message holds a token or the signed part of an address.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

import httpx2
from huggingface_hub import errors

from mlan.config.hub import HubName
from mlan.errors import HubError
from mlan.hub.addresses import bare

Caught = (errors.HfHubHTTPError, httpx2.HTTPError, errors.XetDownloadError, OSError, RuntimeError)
_PASSING = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_BUSY = 429
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)


class IncompleteError(OSError):
    """The client returned without an error, yet files are missing."""


@dataclass(frozen=True)
class Request:
    """What was asked, for the words of a message. `key` is the config's, if there is one."""

    name: HubName
    key: str | None
    address: str
    token: str | None

    def __str__(self) -> str:
        return f"{self.key} = '{self.name}'" if self.key else str(self.name)

    def failed(self, reason: str) -> HubError:
        """Return the error with a reason, in one line and without the token."""
        return HubError(self.clean(f"{self}: {reason}"))

    def clean(self, text: str) -> str:
        """Return a text in one line, without the token, addresses without what opens doors."""
        if self.token:
            text = text.replace(self.token, "***")
        return bare(" ".join(text.split()))


def culprit(error: BaseException) -> BaseException:
    """Return the error that tells the cause, from below the client's own words."""
    step: BaseException | None = error
    while step is not None:
        if isinstance(
            step, errors.HfHubHTTPError | errors.OfflineModeIsEnabled | httpx2.TransportError
        ):
            return step
        step = step.__cause__
    return error


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, None if there was no answer."""
    cause = culprit(error)
    return cause.response.status_code if isinstance(cause, errors.HfHubHTTPError) else None


def is_passing(error: BaseException) -> bool:
    """Whether another try may succeed: busy, out of order, or the line was cut."""
    cause = culprit(error)
    if (status := status_of(error)) is not None:
        return status == _BUSY or status >= 500
    cut_short = isinstance(cause, OSError) and "Consistency check failed" in str(cause)
    return isinstance(cause, (*_PASSING, IncompleteError)) or cut_short


def asked_wait(error: BaseException) -> int | None:
    """Return the seconds that a busy hub asks to wait, None if it does not say."""
    cause = culprit(error)
    if not isinstance(cause, errors.HfHubHTTPError):
        return None
    headers = cause.response.headers
    spent = re.search(r"\br=0\s*;\s*t=(\d+)", headers.get("RateLimit", ""))
    if spent and status_of(error) == _BUSY:
        return int(spent[1]) + 1
    after = headers.get("Retry-After", "").strip()
    return int(after) if after.isdigit() else None


def in_short(error: BaseException, request: Request) -> str:
    """Return status and address, or the reason of a broken line; for one line of a log."""
    cause = culprit(error)
    if isinstance(cause, errors.HfHubHTTPError):
        return request.clean(f"HTTP {cause.response.status_code} at {cause.response.url}")
    if isinstance(cause, httpx2.TransportError):
        reason = str(cause) or type(cause).__name__
        return request.clean(f"no answer from {request.address} ({reason})")
    return request.clean(f"{type(cause).__name__}: {cause}")


def explained(error: BaseException, request: Request, tries: int, seconds: float) -> HubError:
    """Return the error that a user reads."""
    cause = culprit(error)
    where = in_short(error, request)
    gave_up = f"gave up after {tries} tries in {seconds:.0f} s" if tries > 1 else "no second try"
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return request.failed(
            "HF_HUB_OFFLINE is set and the hub must be asked; fetch once with HF_HUB_OFFLINE=0"
        )
    if isinstance(cause, errors.HfHubHTTPError):
        return request.failed(_refused(cause, request, where, gave_up))
    if isinstance(cause, httpx2.ProxyError):
        return request.failed(f"{where}: the proxy refuses; check HTTPS_PROXY and NO_PROXY")
    if isinstance(cause, httpx2.TransportError):
        return request.failed(
            f"{where}, {gave_up}; check the network, HF_ENDPOINT and HTTPS_PROXY, then try again"
        )
    if isinstance(cause, IncompleteError):
        return request.failed(f"{cause}, {gave_up}; try again")
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return request.failed("the disk is full; make room, or set HF_HOME to a larger disk")
    if isinstance(cause, OSError) and cause.errno in _NO_RIGHT:
        return request.failed(f"{where}; set HF_HOME to a folder that you may write")
    return request.failed(f"{where}, {gave_up}; try again (behind a proxy: HF_HUB_DISABLE_XET=1)")


def _refused(cause: errors.HfHubHTTPError, request: Request, where: str, gave_up: str) -> str:
    """Say what a hub's answer means; the most special class comes first."""
    status = cause.response.status_code
    page = _page(request)
    if isinstance(cause, errors.GatedRepoError):
        token = "the token has no access" if request.token else "HF_TOKEN is not set"
        return (
            f"gated, and {token} ({where}); accept its terms on {page}, then set HF_TOKEN to a "
            "token of the same account"
        )
    if isinstance(cause, errors.RepositoryNotFoundError):
        token = "the token may not see it" if request.token else "HF_TOKEN is not set"
        return (
            f"no such {request.name.kind}, or it is private and {token} ({where}); check the name"
            f"{f' in {request.key}' if request.key else ''}, or set HF_TOKEN"
        )
    if isinstance(cause, errors.RevisionNotFoundError):
        return f"has no such commit ({where}); look it up on {page}/commits/main and mend the pin"
    if isinstance(cause, errors.DisabledRepoError):
        return f"was closed by the hub ({where}); see {page}"
    if isinstance(cause, errors.RemoteEntryNotFoundError):
        return f"a file is missing on the hub ({where}); see {page}"
    if status == _BUSY:
        wait = asked_wait(cause)
        again = f"in {wait} s" if wait else "later"
        more = "" if request.token else "; HF_TOKEN raises the limit"
        return f"too many requests ({where}), {gave_up}; try again {again}{more}"
    if status >= 500:
        return f"the hub is out of order ({where}), {gave_up}; try again later"
    if status == 401:
        return f"the token is not valid ({where}); renew HF_TOKEN or unset it"
    said = f": {cause.server_message}" if cause.server_message else ""
    return f"the hub refuses ({where}{said}); check HF_TOKEN and its permissions"


def _page(request: Request) -> str:
    folder = "datasets/" if request.name.kind == "dataset" else ""
    return f"{request.address}/{folder}{request.name.repository}"
