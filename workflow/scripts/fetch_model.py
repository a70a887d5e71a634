"""Workflow stage: the files of a model that lies on a hub."""

from mlan.data.prepare.fetch import fetch_model
from mlan.stage import main

if __name__ == "__main__":
    main("fetch_model", fetch_model)
