"""Stage `predict`: see `mlan.evaluate.predict`."""

from mlan.evaluate.predict import predict
from mlan.stage import main

if __name__ == "__main__":
    main("predict", predict)
