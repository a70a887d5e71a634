"""Models and data sets of a hub: fetched by commit, verified, and then read from a local folder.

`fetch` is the only function of mlan that uses the network for data; everything else reads the
folder that it returns. `mlan.hub.lock` gives the names of a study their commits.
"""

from mlan.hub.client import Client
from mlan.hub.fetch import MODEL_EXTRAS, fetch, fetched, model_patterns, provenance
from mlan.hub.lock import known_revisions, remember_revisions, revisions, revisions_in

__all__ = [
    "MODEL_EXTRAS",
    "Client",
    "fetch",
    "fetched",
    "known_revisions",
    "model_patterns",
    "provenance",
    "remember_revisions",
    "revisions",
    "revisions_in",
]
