"""Read the claims file that a study names, and report every mistake in it at once.

Model: the head of the file and every claim are read by themselves, so that what is wrong in one
hides nothing in another; those that could be read are then held against the study (`fit_claims`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlan.config.claim_design import design
from mlan.config.claims import NO_CLAIMS, PRIMARY, RULES, Claim, Claims
from mlan.config.explain import explain
from mlan.config.fit_claims import claim_problems
from mlan.config.study import StudyConfig
from mlan.config.unique_keys import parse
from mlan.errors import ConfigError, nearest


def read_claims(study: Path, config: StudyConfig) -> Claims:
    """Return the claims of a valid study, none where it names no file.

    Raises ConfigError with one line per mistake: file, key, value, what is allowed.
    """
    if config.claims is None:
        return NO_CLAIMS
    path = study.parent / config.claims
    if not path.is_file():
        raise ConfigError(
            f"{study}: claims = {config.claims!r}: no such file in {study.parent}; "
            "write `claims: null` for a study without claims"
        )
    raw = parse(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: a claims file is a mapping; it holds {raw!r:.60}")
    claims, lines = _read(raw)
    lines += claim_problems(claims, config, design(config))
    if lines:
        raise ConfigError(*(f"{path}: {line}" for line in lines))
    return claims


def _read(raw: dict[Any, Any]) -> tuple[Claims, list[str]]:
    listed = raw.get("claims", [])
    lines: list[str] = []
    if not isinstance(listed, list):
        lines.append(f"claims = {listed!r:.60}: a list of claims belongs here")
        listed = []
    found = [_claim(entry, number, lines) for number, entry in enumerate(listed)]
    ids = Counter(str(entry["id"]) for entry in listed if isinstance(entry, dict) and "id" in entry)
    lines += [
        f"claims: id {name!r} stands {n} times; once is allowed" for name, n in ids.items() if n > 1
    ]
    head = {key: value for key, value in raw.items() if key != "claims"}
    known = [claim for claim in found if claim is not None]
    return _head(head, {claim.family for claim in known}, lines).model_copy(
        update={"claims": known}
    ), lines


def _head(head: dict[Any, Any], used: set[str], lines: list[str]) -> Claims:
    """The file without its claims; what is wrong is told and stood in for.

    The families are then those that claims use, so that nothing is said of them.
    """
    try:
        return Claims.model_validate(head)
    except ValidationError as error:
        lines += explain(error, root=Claims)
        wrong = {item["loc"][0] for item in error.errors()}
    stand_in = {name: {"description": "stand-in"} for name in {PRIMARY, *used}}
    rest = {key: value for key, value in head.items() if key not in wrong}
    return Claims.model_validate({"families": stand_in, **rest})


def _claim(entry: Any, number: int, lines: list[str]) -> Claim | None:
    """Read one claim; add what is wrong with it to the lines."""
    if not isinstance(entry, dict):
        lines.append(f"claims.{number} = {entry!r:.60}: a claim is a mapping")
        return None
    place = f"claims.{entry.get('id', number)}."
    rule = entry.get("rule")
    if rule not in RULES:
        said = f"= {rule!r}: unknown rule" if "rule" in entry else ": missing"
        lines.append(f"{place}rule {said}; {nearest(str(rule), RULES)}".replace("rule :", "rule:"))
        return None
    try:
        return RULES[rule].model_validate(entry)
    except ValidationError as error:
        lines += explain(error, root=RULES[rule], before=place)
        return None
