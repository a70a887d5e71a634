"""Pictures of the embedded concepts, drawn from emoji in one style.

`plain`: every object and country; view 0 is clean, the others differ in scale, place,
rotation, pale ground, contrast and brightness (objects also mirrored). `colour`: an object on
a coloured ground. `position`: a small object at an edge. Where something varies, it is drawn
from a stream named after the picture. Maths is float64; nothing depends on the platform.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from mlan.config.data import ImageSet
from mlan.data.chance import stream
from mlan.data.emoji import picture_file
from mlan.data.image_store import Picture
from mlan.data.scenes import COLOURS, POSITIONS, Scene, values
from mlan.data.tables import INDEX, conform
from mlan.errors import DataError

WHITE = (255, 255, 255)
_PALE = (WHITE, WHITE, WHITE, (240, 240, 235), (225, 232, 240), (200, 200, 200), (235, 225, 205))
_CLEAN_SCALE, _SCENE_SCALE, _SMALL_SCALE = 0.9, 0.75, 0.5


@dataclass(frozen=True)
class View:
    """How an emoji is set into its picture.

    `scale`: side as a fraction of the picture's; `across`, `down`: place as fractions of the
    free space (0.5 is the centre); `turn` in degrees.
    """

    scale: float = _CLEAN_SCALE
    across: float = 0.5
    down: float = 0.5
    turn: float = 0.0
    ground: tuple[int, int, int] = WHITE
    contrast: float = 1.0
    brightness: float = 0.0
    mirror: bool = False


def build_index(name: str, images: ImageSet, concepts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per picture of an image set, `tables.INDEX`, in the order of drawing."""
    rows = []
    for concept, kind in zip(concepts["concept"], concepts["kind"], strict=True):
        rows += [(concept, *shot) for shot in _shots(kind, images)]
    frame = pd.DataFrame(rows, columns=["concept", "scene", "value", "view"])
    frame["image"] = [image_key(name, *row) for row in rows]
    frame["row"] = range(len(frame))
    return conform(frame, INDEX, f"index of {name}")


def image_key(name: str, concept: str, scene: Scene, value: str, view: int) -> str:
    """Return a picture's key: `<set>/<concept>/v0` or `<set>/<concept>/colour-red-0`."""
    return f"{name}/{concept}/" + (f"v{view}" if scene == "plain" else f"{scene}-{value}-{view}")


def draw_all(
    index: pd.DataFrame, images: ImageSet, concepts: pd.DataFrame, size: int
) -> Iterator[Picture]:
    """Yield the pictures of `index`, uint8 (size, size, 3) each.

    Raises DataError for a concept without a picture in the set's style.
    """
    facts = concepts.set_index("concept")
    shots = zip(*(index[c] for c in ("concept", "scene", "value", "view")), strict=True)
    for concept, group in _consecutive(shots):
        emoji = _load(images.style, facts["emoji"][concept], concept)
        for scene, value, view in group:
            rng = stream("picture", images.style, concept, scene, value, view)
            yield draw(emoji, _view(scene, value, view, facts["kind"][concept], rng), size)


def draw(emoji: Image.Image, view: View, size: int) -> Picture:
    """Return an emoji (RGBA) set into a square picture, uint8 (size, size, 3)."""
    if view.mirror:
        emoji = emoji.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    side = max(1, int(size * view.scale))
    emoji = emoji.resize((side, side), Image.Resampling.BICUBIC)
    if view.turn:
        emoji = emoji.rotate(view.turn, Image.Resampling.BICUBIC)
    picture = Image.new("RGBA", (size, size), (*view.ground, 255))
    free = size - side
    picture.alpha_composite(emoji, (round(free * view.across), round(free * view.down)))
    levels = np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
    levels = (levels - 0.5) * view.contrast + 0.5 + view.brightness
    return np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)


def count_pictures(kind: str, scene: Scene, images: ImageSet) -> int:
    """Return how many pictures of one concept of a kind an image set has in a scene."""
    return sum(shot[0] == scene for shot in _shots(kind, images))


def _shots(kind: str, images: ImageSet) -> list[tuple[Scene, str, int]]:
    """Return (scene, value, view) of every picture of a concept of this kind."""
    if kind == "word":
        return []
    shots: list[tuple[Scene, str, int]] = [("plain", "", view) for view in range(images.views)]
    scenes: tuple[Scene, ...] = ("colour", "position") if kind == "object" else ()
    for scene in scenes:
        shots += [(scene, value, n) for value in values(scene) for n in range(images.scenes)]
    return shots


def _view(scene: Scene, value: str, view: int, kind: str, rng: random.Random) -> View:
    """Return a picture's view; number 0 of everything is clean and centred."""
    if scene == "colour":
        across, down = (rng.random(), rng.random()) if view else (0.5, 0.5)
        return View(_SCENE_SCALE, across, down, ground=COLOURS[value])
    if scene == "position":
        across, down = POSITIONS[value]
        if not view:
            return View(_SMALL_SCALE, across, down)
        along = rng.uniform(0.3, 0.7)  # the edge stays, the place along it varies
        across, down = (across, along) if down == 0.5 else (along, down)
        return View(rng.uniform(0.45, 0.55), across, down)
    return _perturbed(rng, mirror=kind == "object") if view else View()


def _perturbed(rng: random.Random, *, mirror: bool) -> View:
    return View(
        scale=rng.uniform(0.7, 1.0),
        across=rng.random(),
        down=rng.random(),
        turn=rng.uniform(-12, 12),
        ground=rng.choice(_PALE),
        contrast=rng.uniform(0.85, 1.15),
        brightness=rng.uniform(-0.06, 0.06),
        mirror=mirror and rng.random() < 0.5,
    )


def _load(style: str, emoji: str, concept: str) -> Image.Image:
    path = picture_file(style, emoji)
    if path is None:
        raise DataError(
            f"concept {concept!r}: emoji {emoji} has no picture in style {style!r}; "
            "run `make install`"
        )
    with Image.open(path) as image:
        return image.convert("RGBA")


def _consecutive(
    shots: Iterator[tuple[str, Scene, str, int]],
) -> Iterator[tuple[str, list[tuple[Scene, str, int]]]]:
    for concept, group in itertools.groupby(shots, key=lambda shot: shot[0]):
        yield concept, [shot[1:] for shot in group]
