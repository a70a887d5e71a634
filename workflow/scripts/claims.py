"""Hold the claims of the study against all finished runs: verdicts."""

from mlan.evidence.claims.stage import claims
from mlan.stage import main

if __name__ == "__main__":
    main("claims", claims)
