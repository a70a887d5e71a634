"""Workflow stage: the files of a source that lie on a hub."""

from mlan.data.prepare.fetch import fetch_source
from mlan.stage import main

if __name__ == "__main__":
    main("fetch", fetch_source)
