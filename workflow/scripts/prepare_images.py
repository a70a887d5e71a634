"""Workflow stage: the pictures of one image set."""

from mlan.data.prepare.images import prepare_images
from mlan.stage import main

if __name__ == "__main__":
    main("prepare_images", prepare_images)
