"""The scenes that a picture of an object can show, and the values that a question asks for."""

from __future__ import annotations

from typing import Literal

Scene = Literal["plain", "colour", "position"]

# Background colours, red-green-blue.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (205, 40, 40),
    "blue": (40, 70, 200),
    "green": (40, 150, 60),
    "yellow": (240, 215, 60),
    "black": (20, 20, 20),
    "white": (255, 255, 255),
}
# Where the object's centre lies: (across, down) as fractions of the free space.
POSITIONS: dict[str, tuple[float, float]] = {
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
}


def values(scene: Scene) -> tuple[str, ...]:
    """Return what a scene's pictures differ in: colours, positions, or nothing (`plain`)."""
    return {"plain": (), "colour": tuple(COLOURS), "position": tuple(POSITIONS)}[scene]
