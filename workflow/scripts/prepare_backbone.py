"""Stage `prepare_backbone`: see `mlan.model.backbone`."""

from mlan.model.backbone import prepare_backbone
from mlan.stage import main

if __name__ == "__main__":
    main("prepare_backbone", prepare_backbone)
