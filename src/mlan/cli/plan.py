"""`mlan plan`: what every cell will be trained on, how many jobs there are, how long they take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.console import Console

from mlan.cli.machine import Speedometer, basis, is_measured
from mlan.cli.planning import Planner, shares
from mlan.cli.progress import look
from mlan.cli.study import open_grid
from mlan.cli.words import console, count, duration, percent, show, table
from mlan.cost import Estimate, estimate, measured_rates, tasks
from mlan.grid import Cell, Grid
from mlan.mixture.match import MOST_EPOCHS
from mlan.preflight import preflight

_CELLS_PER_TABLE = 6


@dataclass(frozen=True)
class CellPlan:
    """One cell's mixture under one seed: accounting per source, shares."""

    cell: Cell
    accounting: pd.DataFrame
    shares: dict[str, float]

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens by kind; `text` leaves pictures out, `supervised` are among them."""
        sums = self.accounting.sum(numeric_only=True)
        kinds = ("text", "image", "supervised", "padding")
        return {kind: int(sums[f"{kind}_tokens"]) for kind in kinds}

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return int(self.accounting["steps"].iloc[0])


def run(study: str, seeds: str | None, experiments: str | None, as_json: bool) -> None:
    """Print the plan of a study."""
    grid = open_grid(study, seeds, experiments)
    notes = preflight(grid)
    rates = measured_rates(grid.root)
    speed = Speedometer(grid)
    if not is_measured(rates):
        speed.start()
    jobs = tasks(grid)
    seen = look(grid, jobs)
    seed = grid.config.seeds[0]
    cells = plan_cells(grid, Planner(grid, seen), seed)
    gflops = None if is_measured(rates) else speed.read()
    tokens = {c.cell.name: float(c.tokens["text"] + c.tokens["image"]) for c in cells}
    done = frozenset(folder for folder, job in seen.items() if job.state == "done")
    known = gflops or (1.0 if is_measured(rates) else None)
    whole = estimate(grid, known, rates=rates, tokens=tokens) if known else None
    left = estimate(grid, known, rates=rates, tokens=tokens, left_out=done) if known else None
    if as_json:
        print(json.dumps(_plain(grid, seed, cells, notes, whole, left, gflops), indent=1))
        return
    screen = console()
    _show_cells(screen, grid, seed, cells)
    for line in notes:
        screen.print(f"[yellow]note[/yellow] {line}", soft_wrap=True)
    _show_jobs(screen, grid, len(jobs), len(done), whole, left, gflops)


def plan_cells(grid: Grid, planner: Planner, seed: int) -> list[CellPlan]:
    """Return the plan of every tuned cell under one seed."""
    plans = []
    for cell in grid.cells.values():
        if cell.kind != "tuned":
            continue
        accounting = planner.accounting(cell.name, planner.plan(cell.name, seed))
        plans.append(CellPlan(cell, accounting, shares(accounting)))
    return plans


def _show_cells(screen: Console, grid: Grid, seed: int, cells: list[CellPlan]) -> None:
    seeds = ", ".join(map(str, grid.config.seeds))
    screen.print(f"[bold]{grid.study.name}[/bold]  {grid.config.description}")
    screen.print(f"{len(cells)} tuned cells x seeds {seeds}; below: seed {seed}\n")
    for start in range(0, len(cells), _CELLS_PER_TABLE):
        _show_sources(screen, cells[start : start + _CELLS_PER_TABLE])
    _show_shares(screen, cells)


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
    return f"{row['examples']} ({row['epochs']:.2f}){mark}"


def _show_shares(screen: Console, cells: list[CellPlan]) -> None:
    shares = ("examples %", "tokens %", "learnt %")
    shown = table("cell", *shares, "text", "image", "learnt", "padding", "steps")
    for plan in cells:
        tokens = [count(n) for n in plan.tokens.values()]
        parts = [percent(share) for share in plan.shares.values()]
        shown.add_row(plan.cell.name, *parts, *tokens, str(plan.steps))
    title = "Text share of examples, of all tokens and of learnt tokens; tokens by kind; steps"
    show(screen, title, shown)


def _show_jobs(
    screen: Console,
    grid: Grid,
    jobs: int,
    done: int,
    whole: Estimate | None,
    left: Estimate | None,
    gflops: float | None,
) -> None:
    if whole is None or left is None:
        screen.print(f"{jobs} jobs, {done} done; no estimate of the time (torch does not load)")
        return
    shown = table("stage", "jobs", "one job", "all")
    for stage in whole.stages:
        each = duration(stage.seconds / stage.jobs)
        shown.add_row(stage.stage, str(stage.jobs), each, duration(stage.wall_s))
    show(screen, "Jobs and time on this machine", shown)
    screen.print(
        f"{jobs} jobs, about {duration(whole.seconds)} ({basis(grid, whole, gflops)})"
        + (f"; {done} done, about {duration(left.seconds)} left" if done else "")
    )


def _plain(
    grid: Grid,
    seed: int,
    cells: list[CellPlan],
    notes: list[str],
    whole: Estimate | None,
    left: Estimate | None,
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
                "steps": plan.steps,
                "sources": json.loads(plan.accounting.to_json(orient="records")),
            }
            for plan in cells
        ],
        "notes": notes,
        "stages": [vars(stage) for stage in whole.stages] if whole else [],
        "jobs": len(tasks(grid)),
        "seconds": round(whole.seconds) if whole else None,
        "seconds_left": round(left.seconds) if left else None,
        "gflops": gflops,
    }
