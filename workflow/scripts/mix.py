"""Stage `mix`: see `mlan.mixture.mix`."""

from mlan.mixture.mix import mix
from mlan.stage import main

if __name__ == "__main__":
    main("mix", mix)
