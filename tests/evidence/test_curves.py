"""Which cells make the curve."""

from __future__ import annotations

from mlan.evidence.blocks import Cell
from mlan.evidence.curves import curve


def tuned(name: str, share: float, *experiments: str) -> Cell:
    return Cell(name, "tuned", share, experiments, (0,))


BASE = Cell("untuned", "untuned", None, (), (0,))


def names(*cells: Cell) -> list[str]:
    return [cell.name for cell in curve(cells)]


def test_curve_is_the_sweep_by_rising_share() -> None:
    found = names(
        BASE, tuned("all", 1.0, "sweep"), tuned("none", 0.0, "other", "sweep"), tuned("x", 0.5, "o")
    )
    assert found == ["none", "all"]


def test_curve_has_the_first_cell_of_a_share() -> None:
    assert names(tuned("one", 0.1 + 0.2, "sweep"), tuned("two", 0.3, "sweep")) == ["one"]


def test_curve_is_the_first_experiment_where_there_is_no_sweep() -> None:
    assert names(tuned("a", 0.5, "loss"), tuned("b", 0.0, "size", "loss"), BASE) == ["b", "a"]
    assert names(BASE) == []
