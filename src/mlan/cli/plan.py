"""`mlan plan`: what every cell will be trained on, how many jobs there are, how long they take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.console import Console

from mlan.cli.machine import Speedometer, is_measured
from mlan.cli.plan_cost import plain_cost, show_cost
from mlan.cli.plan_power import claim_power, plain_power, show_power
from mlan.cli.planning import Planner, shares
from mlan.cli.progress import lacking, look
from mlan.cli.study import open_grid
from mlan.cli.words import console, count, percent, show, table
from mlan.cost import StudyCost, measured_rates, study_cost, tasks
from mlan.cost.gpus import Device, find_gpu
from mlan.cost.history import remember
from mlan.cost.shapes import Shapes
from mlan.errors import MlanError
from mlan.grid import Cell, Grid
from mlan.mixture.match import MOST_EPOCHS
from mlan.preflight import preflight

_CELLS_PER_TABLE = 6
# A language model of more parameters is planned for a GPU, whatever this machine has.
_LARGEST_ON_CPU, _DEFAULT_GPU = 1e9, "h100"


@dataclass(frozen=True)
class CellPlan:
    """One cell's mixture under one seed: accounting per source, shares.

    `is_assumed` where sources are not on disk yet: counts are exact, lengths typical.
    """

    cell: Cell
    accounting: pd.DataFrame
    shares: dict[str, float]
    is_assumed: bool

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens by kind; `text` leaves pictures out, `supervised` are among them."""
        sums = self.accounting.sum(numeric_only=True)
        kinds = ("text", "image", "supervised", "padding")
        return {kind: int(sums[f"{kind}_tokens"]) for kind in kinds}

    @property
    def budget(self) -> int | None:
        """Tokens that the cell may have, text and image, in the arm that holds them equal."""
        return self.cell.recipe.mixture.tokens

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return int(self.accounting["steps"].iloc[0])


def run(
    study: str,
    seeds: str | None,
    experiments: str | None,
    as_json: bool,
    gpu: str | None = None,
    mfu: float | None = None,
) -> None:
    """Print the plan of a study; its time on this machine or, with `gpu`, on such a one."""
    grid = open_grid(study, seeds, experiments, locked_only=False)
    notes = preflight(grid)
    device = _device(grid, gpu, mfu)
    rates = measured_rates(grid.root)
    speed = Speedometer(grid)
    is_asked = device is None and not is_measured(rates)
    if is_asked:
        speed.start()
    jobs = tasks(grid)
    seen = look(grid, jobs)
    seed = grid.config.seeds[0]
    planner = Planner(grid, seen)
    cells = plan_cells(grid, planner, seed)
    gflops = speed.read() if is_asked else None
    done = frozenset(folder for folder, job in seen.items() if job.state == "done")
    cost = study_cost(
        grid,
        jobs,
        gflops=gflops or (1.0 if is_measured(rates) else None),
        rates=rates,
        tokens={c.cell.name: float(c.tokens["text"] + c.tokens["image"]) for c in cells},
        rows=planner.rows,
        done=done,
        device=device,
    )
    if cost.seconds and device is None:
        remember(grid, cost.seconds, done)
    detected = claim_power(grid)
    if as_json:
        told = _plain(grid, seed, cells, notes, cost, gflops)
        print(json.dumps({**told, "power": plain_power(detected)}, indent=1))
        return
    screen = console()
    _show_cells(screen, grid, seed, cells)
    for line in notes:
        screen.print(f"[yellow]note[/yellow] {line}", soft_wrap=True)
    if without := lacking(seen):
        screen.print(
            f"[yellow]warning[/yellow] {len(without)} runs must be trained again, their "
            f"weights were dropped: make run STUDY={grid.study.name} ARGS='-R tune'",
            soft_wrap=True,
        )
    show_power(screen, detected)
    show_cost(screen, grid, cost, len(done), gflops)


def _device(grid: Grid, gpu: str | None, mfu: float | None) -> Device | None:
    """The named GPU; one is assumed for a model that no machine without a GPU can train."""
    if gpu is not None:
        return find_gpu(gpu, mfu)
    shapes = Shapes(grid)
    models = [shapes.of_cell(cell).model for cell in grid.cells.values()]
    if grid.device != "cuda" and max(model.total for model in models) > _LARGEST_ON_CPU:
        return find_gpu(_DEFAULT_GPU, mfu)
    if mfu is not None:
        raise MlanError("--mfu: tells the speed of a GPU; name it with --gpu")
    return None


def plan_cells(grid: Grid, planner: Planner, seed: int) -> list[CellPlan]:
    """Return the plan of every tuned cell under one seed."""
    plans = []
    for cell in grid.cells.values():
        if cell.kind != "tuned":
            continue
        is_assumed = planner.is_unread(cell)
        if is_assumed:
            accounting = planner.assumed(cell)
        else:
            accounting = planner.accounting(cell.name, planner.plan(cell.name, seed))
        plans.append(CellPlan(cell, accounting, shares(accounting), is_assumed))
    return plans


def _show_cells(screen: Console, grid: Grid, seed: int, cells: list[CellPlan]) -> None:
    seeds = ", ".join(map(str, grid.config.seeds))
    screen.print(f"[bold]{grid.study.name}[/bold]  {grid.config.description}")
    screen.print(f"{len(cells)} tuned cells x seeds {seeds}; below: seed {seed}\n")
    if any(cell.is_assumed for cell in cells):
        screen.print("assumed: tokens of an example, until its source is on disk\n")
    for start in range(0, len(cells), _CELLS_PER_TABLE):
        _show_sources(screen, cells[start : start + _CELLS_PER_TABLE])
    _show_shares(screen, cells)
    for cell in (cell for cell in cells if cell.budget is not None):
        used = cell.tokens["text"] + cell.tokens["image"]
        screen.print(f"{cell.cell.name}: {used} tokens of a budget of {cell.budget}")


def _show_sources(screen: Console, cells: list[CellPlan]) -> None:
    """Examples and epochs: one line a source, one column a cell."""
    shown = table("source", *(c.cell.name for c in cells))
    columns = [{row["source"]: row for row in cell.accounting.to_dict("records")} for cell in cells]
    for source in dict.fromkeys(name for column in columns for name in column):
        entries = [_entry(column.get(source)) for column in columns]
        shown.add_row(str(source), *entries)
    shown.add_section()
    shown.add_row("all", *(str(int(cell.accounting["examples"].sum())) for cell in cells))
    show(screen, "Examples (epochs) per source", shown)


def _entry(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return "-"
    mark = "!" if row["epochs"] > MOST_EPOCHS else ""
    epochs = "?" if math.isnan(row["epochs"]) else f"{row['epochs']:.2f}"
    return f"{row['examples']} ({epochs}){mark}"


def _show_shares(screen: Console, cells: list[CellPlan]) -> None:
    shares = ("examples %", "tokens %", "supervised %")
    shown = table("cell", *shares, "text", "image", "supervised", "padding", "steps")
    for plan in cells:
        tokens = [count(n) for n in plan.tokens.values()]
        parts = [percent(share) for share in plan.shares.values()]
        shown.add_row(plan.cell.name, *parts, *tokens, str(plan.steps))
    title = "Text share of examples, of all tokens and of supervised tokens; tokens by kind; steps"
    show(screen, title, shown)


def _plain(
    grid: Grid,
    seed: int,
    cells: list[CellPlan],
    notes: list[str],
    cost: StudyCost,
    gflops: float | None,
) -> dict[str, Any]:
    return {
        "study": grid.study.name,
        "seed": seed,
        "seeds": list(grid.config.seeds),
        "cells": [
            {
                "cell": plan.cell.name,
                "experiments": list(plan.cell.experiments),
                "text_share": plan.shares,
                "tokens": plan.tokens,
                "budget_tokens": plan.budget,
                "steps": plan.steps,
                "sources": json.loads(plan.accounting.to_json(orient="records")),
                "assumed": plan.is_assumed,
            }
            for plan in cells
        ],
        "notes": notes,
        "jobs": sum(stage.time.jobs for stage in cost.stages),
        "gflops": gflops,
        **plain_cost(grid, cost),
    }
