"""Stages `fetch` and `fetch_model`: what lies on a hub. No other stage uses a network."""

from __future__ import annotations

from collections.abc import Sequence

from mlan.config.hub import parse_name
from mlan.config.models import TOKENIZER_FILES
from mlan.hub import MODEL_EXTRAS, fetch, fetched, model_patterns, provenance
from mlan.stage import Job, log


def fetch_source(job: Job) -> None:
    """Link the files of a source or benchmark, verified, into the folder under their own paths.

    Identity: `section` of the study file, `name`, `repository` (with its commit), `files`, and
    `digest` of the hub's list if it is locked. Raises HubError in one line.
    """
    key = f"{job.identity['section']}.{job.identity['name']}.repository"
    _link(job, key, job.identity["files"])


def fetch_model(job: Job) -> None:
    """Link a model's config, tokenizer and weights likewise; pickled ones if it has no others.

    Identity: `key` of the study, `repository`, `digest` if it is locked, and `part` if that is
    the tokenizer alone, or `file` if it is one file.
    """
    name, key = parse_name(job.identity["repository"]), job.identity["key"]
    if "file" in job.identity:
        _link(job, key, [job.identity["file"]])
        return
    if "part" in job.identity:
        _link(job, key, TOKENIZER_FILES[:1], TOKENIZER_FILES[1:])
        return
    _link(job, key, model_patterns(name.repository, str(name.commit), key=key), MODEL_EXTRAS)


def _link(job: Job, key: str, patterns: Sequence[str], optional: Sequence[str] = ()) -> None:
    name = parse_name(job.identity["repository"])
    place = (name.repository, str(name.commit), patterns, name.kind)
    digest = job.identity.get("digest")
    folder = fetch(*place, optional=optional, digest=digest, key=key)
    wanted = fetched(*place, optional=optional)
    links = []
    for file in wanted.files:
        link = job.out / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((folder / file).resolve())
        links.append(link)
    facts = provenance(wanted)
    log.info("%s: %d file(s), %d bytes", name, facts["files"], facts["bytes"])
    job.finish(links, facts=facts)
