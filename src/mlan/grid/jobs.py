"""What every job of the workflow depends on: its identity and its inputs.

For each stage two questions: "what decides this job's result?" (its identity, as canonical
JSON) and "which folders does it read?". Paths, labels, study names and the order of keys are
no part of an identity; the resolved kind of device and the precision are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlan.config.benchmarks import SetBenchmark
from mlan.config.evaluate import SCORERS
from mlan.config.hub import parse_file
from mlan.config.models import is_hub
from mlan.config.recipe import Align, Recipe, Tune
from mlan.errors import ConfigError
from mlan.grid.cells import RELEASED, STAGE_1
from mlan.grid.claims import resolved_claims
from mlan.grid.data_jobs import DataJobs
from mlan.grid.ledger import registration
from mlan.grid.page import page_identity, page_inputs
from mlan.grid.told import told_design

# Keys of the tuning section that the plan has used up; training reads the plan instead.
_PLAN_KEYS = ("examples_per_step", "rows", "loss_unit", "microbatch")
# Keys of stage 1 that decide nothing where it learns from captions.
_OF_NAMES = ("images", "warm_steps", "warm_batch", "regulariser")
# What a run must have before its weights may go.
_SCORED = ("weights", "predictions", "scores")


class Grid(DataJobs):
    """A study's cells and runs with the folders, the identity and the inputs of every job."""

    def _identity_align(self, stack: str) -> dict[str, Any]:
        recipe, seed = self.stacks[stack]
        return {
            "align": _align_fields(recipe.align),
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "device": self.device,
            "seed": seed,
        }

    def _inputs_align(self, stack: str) -> dict[str, Path]:
        recipe, _ = self.stacks[stack]
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            **self._captioned(recipe.align),
            **self._naming(recipe.align),
        }

    def _captioned(self, align: Align) -> dict[str, Path]:
        """What stage 1 comes from: named pictures, captions of your own, or a finished one."""
        if align.existing is not None:
            if is_hub(align.existing):
                return {"projector": self.model_folder(align.existing)}
            return {"file": self.study.resolve(align.existing)}
        if align.captions is None:
            return {
                "concepts": self.folder("data", "concepts"),
                "images": self.folder("data", "images", align.images),
            }
        images = self.source_images(align.captions)
        return {
            f"source:{align.captions}": self.folder("data", "sources", align.captions),
            "images": self.folder("data", "images", images),
        }

    def _naming(self, align: Align) -> dict[str, Path]:
        """What naming is checked on after stage 1."""
        if align.naming_images is None:
            return {}
        return {
            "concepts": self.folder("data", "concepts"),
            "naming_images": self.folder("data", "images", align.naming_images),
        }

    def instances(self, cell: str) -> int:
        """Training examples of a cell's runs, in the arm `instances`.

        Raises ConfigError for a cell that matches down before the size of each source is known.
        """
        mixture = self.cells[cell].recipe.mixture
        if mixture.match == "down" and cell not in self.budgets:
            raise ConfigError(
                f"{self.study.path}: recipe.mixture.match = 'down': sources from a hub are not "
                f"here yet; run snakemake --cores all --config study={self.study.name} prepare"
            )
        return self.budgets.get(cell, mixture.examples)

    def _identity_mix(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        seeds = self.seeds_of(seed)
        mixture = recipe.mixture.model_dump(exclude={"match", "instances", "tokens"})
        # What decides is how many instances there are, not why.
        if recipe.mixture.arm == "instances":
            mixture["instances"] = self.instances(cell)
        else:
            mixture["tokens"] = recipe.mixture.tokens
        return {
            "mixture": {**mixture, "repeat": recipe.mixture.match == "up"},
            "tune": recipe.tune.model_dump(include=set(_PLAN_KEYS)),
            "template": recipe.backbone.template,
            "seeds": {part: seeds[part] for part in ("draw", "order")},
        }

    def _inputs_mix(self, cell: str, seed: int) -> dict[str, Path]:
        recipe = self.cells[cell].recipe
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            **self._source_inputs(recipe),
        }

    def _source_inputs(self, recipe: Recipe) -> dict[str, Path]:
        return {
            f"source:{name}": self.folder("data", "sources", name)
            for name in self.used_sources(recipe)
        }

    def _identity_tune(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        seeds = self.seeds_of(seed)
        if recipe.tune.command is not None:
            return {
                "command": recipe.tune.command,
                "device": self.device,
                "seeds": {part: seeds[part] for part in ("init", "order")},
            }
        return {
            "tune": recipe.tune.model_dump(exclude={*_PLAN_KEYS, "command"}),
            "layout": recipe.tune.rows.layout,
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "device": self.device,
            "seeds": {part: seeds[part] for part in ("init", "order")},
        }

    def _inputs_tune(self, cell: str, seed: int) -> dict[str, Path]:
        recipe = self.cells[cell].recipe
        images = {self.source_images(name) for name in self.used_sources(recipe)} - {None}
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            "align": self.folder("align", self.stack(cell, seed)),
            "mixture": self.run_folder(cell, seed, "mixture"),
            **self._source_inputs(recipe),
            **{f"images:{s}": self.folder("data", "images", s) for s in sorted(map(str, images))},
        }

    def _identity_predict(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        tuned = self.cells[cell].kind == "tuned"
        return {
            "benchmarks": {name: self._asking(name) for name in self.config.data.benchmarks},
            "evaluate": self._evaluation(cell, seed),
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "tune": _trained(recipe.tune) if tuned else None,
            "device": self.device,
            "image_size": self.config.data.image_size,
        }

    def _asking(self, name: str) -> dict[str, Any]:
        """How a benchmark is asked. What is as by default is left out, here and below."""
        benchmark = self.config.data.benchmarks[name]
        scorers = sorted(set(benchmark.scorers or self.config.evaluate.scorers))
        asked: dict[str, Any] = {"modality": benchmark.modality}
        if benchmark.max_new_tokens:
            asked["max_new_tokens"] = benchmark.max_new_tokens
        if benchmark.prompt not in (None, "default"):
            asked["prompt"] = benchmark.prompt
        if scorers != sorted(SCORERS):
            asked["scorers"] = scorers
        if "choice_logprob" in scorers:
            asked["continuation"] = benchmark.continued
        return asked

    def _evaluation(self, cell: str, seed: int) -> dict[str, Any]:
        """The protocol of one run; a study that limits no condition says the same as ever."""
        evaluate = self.config.evaluate
        asked = evaluate.asked_in(seed, self.cells[cell].kind)
        drawn = {"seed": evaluate.seed} if any(c.drawn for c in asked) else {}
        again = {"recheck": evaluate.recheck} if evaluate.recheck else {}
        return {
            **evaluate.model_dump(include={"max_new_tokens", "batch", "batch_tokens"}),
            "conditions": [c.model_dump(exclude_defaults=True) for c in asked],
            **drawn,
            **again,
        }

    def _inputs_predict(self, cell: str, seed: int) -> dict[str, Path]:
        benchmarks = self.config.data.benchmarks
        images = sorted({found for n in benchmarks if (found := self.benchmark_images(n))})
        inputs = {
            "backbone": self.folder("backbone", self.backbone_of(self.cells[cell])),
            **{f"items:{n}": self.folder("data", "benchmarks", n) for n in benchmarks},
            **{f"images:{s}": self.folder("data", "images", s) for s in images},
        }
        if self.cells[cell].kind != RELEASED:
            inputs["align"] = self.folder("align", self.stack(cell, seed))
        if self.cells[cell].kind == "tuned":
            inputs["weights"] = self.run_folder(cell, seed, "weights")
        return inputs

    def _identity_score(self, cell: str, seed: int) -> dict[str, Any]:
        return {"benchmarks": {name: self._judged(name) for name in self.config.data.benchmarks}}

    def _judged(self, name: str) -> dict[str, Any]:
        """How a benchmark is scored."""
        asking = self._asking(name).items()
        return {k: v for k, v in asking if k in ("modality", "scorers")} | self._rule(name)

    def _rule(self, name: str) -> dict[str, str]:
        """The rule of a public benchmark; an embedded one has none but ours."""
        benchmark = self.config.data.benchmarks[name]
        return {"rule": benchmark.set} if isinstance(benchmark, SetBenchmark) else {}

    def _inputs_score(self, cell: str, seed: int) -> dict[str, Path]:
        items = {
            f"items:{n}": self.folder("data", "benchmarks", n) for n in self.config.data.benchmarks
        }
        return {"predictions": self.run_folder(cell, seed, "predictions"), **items}

    @property
    def prunes(self) -> bool:
        """Whether weights are dropped after scoring; the best cell is one of a whole study."""
        keep = self.config.keep
        return keep != "all" and (keep != "best" or self.study.whole)

    def _identity_prune(self, cell: str, seed: int) -> dict[str, Any]:
        tuned = [c.name for c in self.cells.values() if c.kind == "tuned"]
        compared = {"cell": cell, "cells": tuned} if self.config.keep == "best" else {}
        return {"keep": self.config.keep, **compared}

    def _inputs_prune(self, cell: str, seed: int) -> dict[str, Path]:
        run = {name: self.run_folder(cell, seed, name) for name in _SCORED}
        return run | ({"summary": self.folder("summary")} if self.config.keep == "best" else {})

    def _benchmark_groups(self) -> dict[str, Any]:
        return {
            name: {
                "modality": b.modality,
                "taught_by": b.taught_by,
                "headline": b.headline,
                "near": self.config.data.near(name),
            }
            for name, b in self.config.data.benchmarks.items()
        }

    @property
    def _compared(self) -> dict[str, str | None]:
        """Everything that some cell has seen, with its image set or None."""
        seen = sorted({name for cell in self.cells for name in self.seen_by(cell)})
        return {
            name: name.removeprefix(STAGE_1)
            if name.startswith(STAGE_1)
            else self.source_images(name)
            for name in seen
        }

    def _identity_overlap(self) -> dict[str, Any]:
        benchmarks = {name: self.benchmark_images(name) for name in self.config.data.benchmarks}
        return {
            "sources": {name: {"images": images} for name, images in self._compared.items()},
            "benchmarks": {name: {"images": images} for name, images in benchmarks.items()},
        }

    def _inputs_overlap(self) -> dict[str, Path]:
        benchmarks = self.config.data.benchmarks
        images = {*self._compared.values(), *map(self.benchmark_images, benchmarks)} - {None}
        return {
            **{
                f"source:{name}": self.folder("data", "sources", name)
                for name in self._compared
                if not name.startswith(STAGE_1)
            },
            **{f"items:{name}": self.folder("data", "benchmarks", name) for name in benchmarks},
            **{f"images:{s}": self.folder("data", "images", s) for s in sorted(map(str, images))},
        }

    def _planned(self) -> list[dict[str, Any]]:
        """The cells as statistics know them."""
        return [
            {
                "cell": cell.name,
                "kind": cell.kind,
                "text_share": cell.text_share,
                "experiments": list(cell.experiments),
                "seeds": list(cell.seeds),
                "seen": self.seen_by(cell.name),
                "untuned": self.untuned(cell.recipe) if cell.kind == "tuned" else None,
            }
            for cell in self.cells.values()
        ]

    def _identity_collect(self) -> dict[str, Any]:
        return {
            "cells": self._planned(),
            "benchmarks": {
                name: {**entry, **self._rule(name)}
                for name, entry in self._benchmark_groups().items()
            },
            "confidence": self.config.report.confidence,
            "stacks": self.sharing,
        }

    def _inputs_collect(self, partial: bool = False) -> dict[str, Path]:
        """Scores and plans of all runs, every stage 1, and what sources and benchmarks share.

        With `partial`, only what is finished.
        """
        overlap = self.folder("data", "contamination")
        waits = partial and not (overlap / "record.json").exists()
        inputs = {} if waits else {"overlap": overlap}
        stacks = {f"align:{name}": self.folder("align", name) for name in self.stacks}
        inputs |= {n: p for n, p in stacks.items() if not partial or (p / "record.json").exists()}
        for cell, seed in self.runs():
            scores = self.run_folder(cell, seed, "scores")
            if partial and not (scores / "record.json").exists():
                continue
            inputs[f"scores:{cell}:{seed}"] = scores
            if self.cells[cell].kind == "tuned":
                inputs[f"mixture:{cell}:{seed}"] = self.run_folder(cell, seed, "mixture")
        return inputs

    def _identity_claims(self, partial: bool = False) -> dict[str, Any]:
        """The claims and how they stand; with `partial`, seeds may be missing."""
        return {
            "cells": self._planned(),
            "benchmarks": self._benchmark_groups(),
            "claims": resolved_claims(self),
            "primary": self.study.claims.primary.model_dump(),
            "confidence": self.config.report.confidence,
            **registration(self).plain(),
            "partial": partial,
        }

    def _inputs_claims(self) -> dict[str, Path]:
        return {"summary": self.folder("summary")}

    def _identity_draw(self) -> dict[str, Any]:
        return {
            "study": self.study.name,
            "title": self.config.report.title,
            "confidence": self.config.report.confidence,
            "benchmarks": self._benchmark_groups(),
            "limits": [
                {"condition": name, "part": part, "seeds": seeds}
                for (name, part), seeds in sorted(self.config.evaluate.limits().items())
            ],
            "order_not_controlled": [
                cell.name for cell in self.cells.values() if not cell.order_controlled
            ],
            "design": told_design(self),
        }

    def _inputs_draw(self) -> dict[str, Path]:
        lock = self.study.path.with_name(f"{self.study.name}.lock.yaml")
        locked = {"file:lock": lock} if lock.is_file() else {}
        return {
            "summary": self.folder("summary"),
            "evidence": self.folder("evidence"),
            **locked,
        }

    def _identity_page(self) -> dict[str, Any]:
        return page_identity(self, self._identity_draw(), claims=resolved_claims(self))

    def _inputs_page(self, partial: bool = False) -> dict[str, Path]:
        return page_inputs(self, claims=resolved_claims(self), partial=partial)


def _trained(tune: Tune) -> dict[str, Any]:
    """What of a model a run's weights are; an external command returns all of it."""
    if tune.command is not None:
        return {"language_model": "full"}
    return tune.model_dump(include={"language_model", "lora"})


def _align_fields(align: Align) -> dict[str, Any]:
    """What decides stage 1."""
    if align.existing is not None:
        # The file is an input; its place decides nothing, its name is for messages. Within a
        # repository the place is part of the name.
        hub = is_hub(align.existing)
        name = parse_file(align.existing)[1] if hub else Path(align.existing).name
        return {"from": name, "naming_images": align.naming_images}
    return align.model_dump(exclude={"from", *(_OF_NAMES if align.captions is not None else ())})
