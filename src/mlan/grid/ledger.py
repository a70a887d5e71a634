"""The ledger of a study's claims: which of them stood before the first test score.

Model: `results/<study>/claims.json` is a list of entries that only grows, each sealed by a digest
of itself and the seal of the entry before it. A start of the workflow adds an entry for every
claim that is new or changed and for every one that is gone, and says whether predictions or scores
existed then. A claim is post hoc unless it stands as the entries from before them left it. Its
digest covers all that states or decides it, not its reason, source or expectation; `design` is the
digest of the cells and weights that it came to, so that a cell added later changes it too.
Not here: what post hoc means for a verdict (`mlan.evidence.claims`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.errors import IntegrityError
from mlan.grid.claims import resolved_claims
from mlan.grid.data_jobs import DataJobs
from mlan.records import digest, write_json

LEDGER = "claims.json"
REGISTERED, WITHDRAWN = "registered", "withdrawn"
_SCORED = ("predictions", "scores")
_KEYS = ("id", "digest", "design", "family")

Entry = dict[str, Any]


@dataclass(frozen=True)
class Registration:
    """Claims that came or changed after the first score, and those that then went, by family."""

    post_hoc: tuple[str, ...]
    withdrawn: tuple[tuple[str, str], ...]


def registration(grid: DataJobs) -> Registration:
    """Return how the study's claims stand; what a start would add counts already.

    Raises IntegrityError for a ledger that was edited.
    """
    current = _current(grid)
    entries = _updated(_read(grid.folder(LEDGER)), current, has_scores(grid.root))
    before = _standing(entry for entry in entries if not entry["after_scores"])
    post_hoc = tuple(name for name, own in current.items() if not _same(before.get(name), own))
    gone = [
        (name, str(entry["family"]))
        for name, entry in sorted(before.items())
        if name not in current or name in post_hoc
    ]
    return Registration(post_hoc, tuple(gone))


def register(grid: DataJobs) -> None:
    """Write down what is new in the claims of a study. Raises IntegrityError."""
    path = grid.folder(LEDGER)
    entries = _read(path)
    found = _updated(entries, _current(grid), has_scores(grid.root))
    if len(found) > len(entries):
        write_json(path, found)


def has_scores(root: Path) -> bool:
    """Whether any prediction or score of a study exists."""
    return any(
        path.is_file() for stage in _SCORED for path in root.glob(f"cells/*/seed*/{stage}/*")
    )


def _current(grid: DataJobs) -> dict[str, Entry]:
    return {
        claim["id"]: {
            "id": claim["id"],
            "digest": digest(claim["asked"]),
            "design": _design(claim) if claim["cells"] else "",
            "family": claim["family"],
        }
        for claim in resolved_claims(grid)
    }


def _design(claim: Mapping[str, Any]) -> str:
    """Digest of the cells and weights of a claim; of a pooled seed variance also the curve's."""
    pooled = [claim["pooled_over"]] if claim["seed_variance"] == "pooled" else []
    return digest([claim["contrasts"], claim["tokens"], *pooled])


def _updated(entries: list[Entry], current: Mapping[str, Entry], scored: bool) -> list[Entry]:
    """The entries with those added that bring them to the current claims."""
    found = list(entries)
    # Scores that were deleted have been seen.
    after = scored or any(entry["after_scores"] for entry in entries)
    standing = _standing(entries)
    changed = [own for name, own in current.items() if not _equal(standing.get(name), own)]
    gone = [entry for name, entry in standing.items() if name not in current]
    for event, claims in ((REGISTERED, changed), (WITHDRAWN, gone)):
        for claim in claims:
            said = {key: claim[key] for key in _KEYS}
            entry = {"event": event, **said, "after_scores": after}
            found.append({**entry, "seal": _seal(entry, found)})
    return found


def _seal(entry: Entry, before: list[Entry]) -> str:
    own = {key: value for key, value in entry.items() if key != "seal"}
    return digest([own, before[-1]["seal"] if before else ""])


def _standing(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The last entry of every claim that was not withdrawn."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry["event"] == WITHDRAWN:
            found.pop(entry["id"], None)
        else:
            found[entry["id"]] = entry
    return found


def _equal(entry: Entry | None, claim: Entry) -> bool:
    return entry is not None and all(entry[key] == claim[key] for key in _KEYS)


def _same(entry: Entry | None, claim: Entry) -> bool:
    """Whether a claim is the one of an entry; cells that did not exist then may have come."""
    if entry is None or entry["digest"] != claim["digest"]:
        return False
    return "" in (entry["design"], claim["design"]) or entry["design"] == claim["design"]


def _read(path: Path) -> list[Entry]:
    """The entries of a ledger, whose seals must hold."""
    if not path.exists():
        return []
    try:
        entries: list[Entry] = json.loads(path.read_text(encoding="utf-8"))
        for place, entry in enumerate(entries):
            if entry["seal"] != _seal(entry, entries[:place]):
                raise IntegrityError(
                    f"{path}: the seal of entry {place + 1} is broken: the ledger was edited; put "
                    "it back, or delete it (every claim is then post hoc if there are scores)"
                )
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(
            f"{path}: not readable; put it back, or delete it (every claim is then post hoc if "
            "there are scores)"
        ) from None
    return entries
