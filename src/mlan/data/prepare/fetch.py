"""Stage `fetch`: the files of a source that lie on a hub. The only stage that uses a network."""

from __future__ import annotations

from mlan.config.hub import parse_name
from mlan.hub import fetch, provenance
from mlan.stage import Job, log


def fetch_source(job: Job) -> None:
    """Link the files of a commit, verified, into the folder under their own paths.

    Identity: `name`, `repository` (with its commit), `files`. Raises HubError in one line.
    """
    name, files = parse_name(job.identity["repository"]), job.identity["files"]
    place = (name.repository, str(name.commit), files, name.kind)
    folder = fetch(*place, key=f"data.sources.{job.identity['name']}.repository")
    links = []
    for file in files:
        link = job.out / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((folder / file).resolve())
        links.append(link)
    facts = provenance(*place)
    log.info("%s: %d file(s), %d bytes", name, facts["files"], facts["bytes"])
    job.finish(links, facts=facts)
