"""The ledger of a study's claims: which of them stood before the first test score.

Model: `results/<study>/claims.json` is a list of entries that only grows, each sealed by a digest
of itself and the seal of the entry before it. A start of the workflow adds an entry for every
claim that is new or changed and for every one that is gone, and says whether predictions or scores
existed then. A claim is post hoc unless it stands as the entries from before them left it. What
they could not know (the cells of an experiment that came later, a key that older ledgers lack) is
taken from the first entry that knows it, once and for good.
Not here: what an entry holds of a claim (`registered`), what post hoc means for a verdict
(`mlan.evidence.claims`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlan.errors import IntegrityError
from mlan.grid.claims import resolved_claims
from mlan.grid.data_jobs import DataJobs
from mlan.grid.registered import KEYS, Entry, registered
from mlan.records import digest, write_json

LEDGER = "claims.json"
REGISTERED, WITHDRAWN = "registered", "withdrawn"
_SCORED = ("predictions", "scores")


@dataclass(frozen=True)
class Registration:
    """How the claims of a study stand.

    `post_hoc`: those that came or changed after the first score; `withdrawn`: those that then
    went, by family; `untested`: those of them that were no hypotheses, never planned or without a p
    value; `counted`: those that were planned once and are not any more; `other_seeds`: those that
    are tested on other seeds than they were registered with, and these.
    """

    post_hoc: tuple[str, ...]
    withdrawn: tuple[tuple[str, str], ...]
    untested: tuple[str, ...]
    counted: tuple[str, ...]
    other_seeds: tuple[tuple[str, tuple[int, ...]], ...]

    def plain(self) -> dict[str, Any]:
        """Return it as an identity holds it."""
        return asdict(self)


def registration(grid: DataJobs) -> Registration:
    """Return how the study's claims stand; what a start would add counts already.

    Raises IntegrityError for a ledger that was edited.
    """
    claims = resolved_claims(grid)
    current = registered(claims, grid.config.data)
    entries = _updated(_read(grid.folder(LEDGER)), current, has_scores(grid.root))
    before = _standing(entry for entry in entries if not entry["after_scores"])
    stood = {name: _completed(entry, entries) for name, entry in before.items()}
    post_hoc = tuple(name for name, own in current.items() if not _same(stood.get(name), own))
    gone = [
        (name, str(entry["family"]))
        for name, entry in sorted(before.items())
        if name not in current or name in post_hoc
    ]
    untested = [name for name, _ in gone if not _hypothesis(before[name], entries)]
    counted = [n for n, own in current.items() if not own["planned"] and _planned(n, entries)]
    tested = [c for c in claims if c["runnable"] and c["id"] not in post_hoc]
    other = [
        (c["id"], tuple(stood[c["id"]]["seeds"]))
        for c in tested
        if c["seeds"] != stood[c["id"]]["seeds"]
    ]
    return Registration(post_hoc, tuple(gone), tuple(untested), tuple(counted), tuple(other))


def register(grid: DataJobs) -> None:
    """Write down what is new in the claims of a study. Raises IntegrityError."""
    path = grid.folder(LEDGER)
    entries = _read(path)
    current = registered(resolved_claims(grid), grid.config.data)
    found = _updated(entries, current, has_scores(grid.root))
    if len(found) > len(entries):
        write_json(path, found)


def has_scores(root: Path) -> bool:
    """Whether any prediction or score of a study exists."""
    return any(
        path.is_file() for stage in _SCORED for path in root.glob(f"cells/*/seed*/{stage}/*")
    )


def _updated(entries: Sequence[Entry], current: Mapping[str, Entry], scored: bool) -> list[Entry]:
    """The entries with those added that bring them to the current claims."""
    found = list(entries)
    # Scores that were deleted have been seen.
    after = scored or any(entry["after_scores"] for entry in entries)
    standing = _standing(entries)
    # What was planned once scores exist counts on, so that it is no news when it goes.
    new = [
        {**own, "planned": own["planned"] or (after and _planned(name, entries))}
        for name, own in current.items()
    ]
    changed = [own for own in new if not _equal(standing.get(own["id"]), own)]
    gone = [entry for name, entry in standing.items() if name not in current]
    for event, claims in ((REGISTERED, changed), (WITHDRAWN, gone)):
        for claim in claims:
            said = {key: claim[key] for key in KEYS if key in claim}
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


def _planned(name: str, entries: Iterable[Entry]) -> bool:
    """Whether a claim was to be run by the last start before scores, or by any later one."""
    own = [e for e in entries if e["id"] == name and e["event"] == REGISTERED]
    before = [entry for entry in own if not entry["after_scores"]]
    return any(e.get("planned", False) for e in (*before[-1:], *own[len(before) :]))


def _hypothesis(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether a claim that stood before scores was planned to be tested, then or later.

    A ledger that does not know counts it.
    """
    later = [e for e in entries[entries.index(entry) :] if e["event"] == REGISTERED]
    alike = [e for e in later if (e["id"], e["digest"]) == (entry["id"], entry["digest"])]
    known = [e["planned"] for e in alike if "planned" in e]
    return any(known) or not known


def _equal(entry: Entry | None, claim: Entry) -> bool:
    return entry is not None and all(entry.get(key) == claim[key] for key in KEYS)


def _completed(entry: Entry, entries: Sequence[Entry]) -> Entry:
    """An entry from before scores with what it does not know, as the first later one has it."""
    place = entries.index(entry)
    alike = [e for e in entries[place:] if (e["id"], e["digest"]) == (entry["id"], entry["digest"])]
    known = {key: [e[key] for e in alike if e.get(key, "") != ""] for key in KEYS}
    return {key: values[0] if values else "" for key, values in known.items()}


def _same(entry: Entry | None, claim: Entry) -> bool:
    """Whether a claim is the one that stood; cells that do not exist are not compared."""
    if entry is None or entry["digest"] != claim["digest"]:
        return False
    return entry["scores"] == claim["scores"] and claim["design"] in ("", entry["design"])


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
