"""Bytes that a study leaves on disk: pictures, backbones, weights by what is kept, answers.

Pictures lie as uint8, side x side x 3 bytes each. Weights of a run are its trained parameters at
the precision of the recipe. A set whose size is not known before it is read is taken for as
large as the examples that are drawn from it, and is named in `assumed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlan.config.benchmarks import SetBenchmark
from mlan.config.data import InstructionSetSource
from mlan.config.study import Keep
from mlan.cost import public
from mlan.cost.gpus import file_bytes, trained_bytes, weight_bytes
from mlan.cost.lengths import asked_items, captions, counts
from mlan.cost.shapes import Setting, Shapes
from mlan.data.scenes import values
from mlan.grid import Grid

KEEPS: tuple[Keep, ...] = ("scores", "adapters", "best", "all")
# Distinct pictures of the public training parts (COCO train2014; A-OKVQA's card).
_SET_PICTURES = {"vqav2": 82_783, "aokvqa": 16_540}
# Of one answer in predictions, journal and scores together.
_ANSWER_BYTES = 400


@dataclass(frozen=True)
class Disk:
    """Bytes by kind; `weights` for each way to keep them, those of `runs` tuned runs."""

    pictures: float
    backbones: float
    stage1: float
    weights: Mapping[Keep, float]
    answers: float
    runs: int
    largest_run: float
    assumed: tuple[str, ...] = ()

    def total(self, keep: Keep) -> float:
        """All bytes of a study that keeps its weights in one way."""
        fixed = self.pictures + self.backbones + self.stage1 + self.answers
        return fixed + self.weights[keep]


def study_disk(grid: Grid, shapes: Shapes, rows: Mapping[str, int]) -> Disk:
    """Return the disk of a study; `rows` gives the sizes of sources that were read."""
    assumed: list[str] = []
    pictures = sum(
        picture_bytes(grid, name, shapes, rows, assumed)
        for name in dict.fromkeys((*grid.config.data.images, *_own_sets(grid)))
    )
    settings = {name: shapes.of_cell(cell) for name, cell in grid.cells.items()}
    backbones = {grid.backbone_of(cell): settings[name] for name, cell in grid.cells.items()}
    tuned = [cell for cell, _ in grid.runs() if grid.cells[cell].kind == "tuned"]
    stacks = [shapes.of_recipe(recipe) for recipe, _ in grid.stacks.values()]
    answers = sum(
        sum(asked_items(grid.config, seed, grid.cells[cell].kind).values())
        for cell, seed in grid.runs()
    )
    return Disk(
        pictures=pictures,
        backbones=sum(weight_bytes(s, file_bytes(s)) for s in backbones.values()),
        stage1=sum(4.0 * setting.projector for setting in stacks),
        weights={keep: kept_bytes(grid, settings, keep) for keep in KEEPS},
        answers=float(answers * _ANSWER_BYTES),
        runs=len(tuned),
        largest_run=max((run_bytes(settings[cell]) for cell in tuned), default=0.0),
        assumed=tuple(assumed),
    )


def run_bytes(setting: Setting, keep: Keep = "all") -> float:
    """Return the bytes of one run's weights, or what `scores` and `adapters` leave of them."""
    tune, size = setting.recipe.tune, trained_bytes(setting)
    if keep == "scores":
        return 0.0
    pictures = setting.recipe.mixture.text_share < 1 and tune.projector == "train"
    small = setting.projector * pictures
    if tune.language_model == "lora":
        small += setting.model.adapters(tune.lora.rank)
    full = setting.model.total if tune.language_model == "full" and keep != "adapters" else 0
    return float(size * (small + full))


def kept_bytes(grid: Grid, settings: Mapping[str, Setting], keep: Keep) -> float:
    """Return the bytes of all runs' weights; which cell is best is unknown, so the largest."""
    tuned = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    cells = [len(cell.seeds) * run_bytes(settings[cell.name], keep) for cell in tuned]
    return max(cells, default=0.0) if keep == "best" else sum(cells)


def _own_sets(grid: Grid) -> list[str]:
    """Sources and benchmarks of files with pictures, which have an image set of their name."""
    used = {*grid.sources, *grid.config.data.benchmarks}
    files = grid.config.data.from_files().items()
    return [name for name, entry in files if name in used and entry.modality == "vision"]


def picture_count(grid: Grid, name: str) -> int | None:
    """Return the pictures of an image set, None where it is yours and not read yet."""
    data = grid.config.data
    images = data.images.get(name)
    if images is None:
        entry = data.from_files()[name]
        if isinstance(entry, SetBenchmark):
            return public.ITEMS[entry.set]  # at most: questions share pictures
        return _SET_PICTURES.get(entry.set) if isinstance(entry, InstructionSetSource) else None
    plain = (data.concepts.objects + data.concepts.countries) * images.views
    kinds = len(values("colour")) + len(values("position"))
    return plain + data.concepts.objects * images.scenes * kinds


def picture_bytes(
    grid: Grid, name: str, shapes: Shapes, rows: Mapping[str, int], assumed: list[str]
) -> float:
    """Return the bytes of an image set; what had to be assumed is appended to `assumed`."""
    number = picture_count(grid, name) if name not in rows else rows[name]
    if number is None:
        number = drawn_pictures(grid, name, shapes)
        assumed.append(f"{name}: {number} pictures, as many as examples or captions are drawn")
    return float(3 * number * grid.config.data.image_size**2)


def drawn_pictures(grid: Grid, name: str, shapes: Shapes) -> int:
    """Return the examples or captions drawn from a source, which stand for its pictures."""
    tuned = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    drawn = [counts(shapes.of_cell(cell)).get(name, 0) for cell in tuned]
    stacks = [shapes.of_recipe(recipe) for recipe, _ in grid.stacks.values()]
    drawn += [captions(s) for s in stacks if s.recipe.align.captions == name]
    return max(drawn, default=0)
