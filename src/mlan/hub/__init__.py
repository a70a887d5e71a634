"""Models and data sets of a hub: fetched by commit, verified, and then read from a local folder.

`fetch` is the only function of mlan that uses the network for data; everything else reads the
folder that it returns. `mlan.hub.lock` gives the names of a study their commits.
"""

from mlan.hub.client import Client
from mlan.hub.fetch import MODEL_EXTRAS, MODEL_FILES, fetch, fetched, provenance
from mlan.hub.lock import known_revisions, remember_revisions, revisions, revisions_in

__all__ = [
    "MODEL_EXTRAS",
    "MODEL_FILES",
    "Client",
    "fetch",
    "fetched",
    "known_revisions",
    "provenance",
    "remember_revisions",
    "revisions",
    "revisions_in",
]
