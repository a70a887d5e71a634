"""What every job of the workflow depends on: its identity and its inputs.

For each stage two questions: "what decides this job's result?" (its identity, as canonical
JSON) and "which folders does it read?". Paths, labels, study names and the order of keys are
no part of an identity; the resolved kind of device and the precision are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlan.config import Study
from mlan.config.benchmarks import ITEM_FIELDS, BenchmarkItems, SetBenchmark
from mlan.config.data import FactsSource, OwnSource
from mlan.config.files import ARCHIVE, FileData
from mlan.config.hub import Revision
from mlan.config.models import PICKLED, TOKENIZER_FILES, is_embedded, is_hub, short_name
from mlan.config.recipe import Align, Recipe, Tune
from mlan.config.study import BATCH_TOKENS
from mlan.errors import ConfigError
from mlan.grid.cells import RELEASED, Cells
from mlan.records import canonical

# Keys of the tuning section that the plan has used up; training reads the plan instead.
_PLAN_KEYS = ("examples_per_step", "rows", "loss_unit", "microbatch")
# Keys of the tuning section that are named only where they are set: without them an identity is
# what it was before there were such keys, and what is computed stays so.
_SILENT_KEYS = ("weights", "attention", "activation_checkpointing", "pass_tokens")
# Keys of stage 1 that came later; at their default they are left out, as they were before.
_ALIGN_ADDED = (
    *("from", "captions", "epochs", "warmup_share", "caption_template", "caption_end"),
    *("caption_layout", "caption_capacity", "rows_at_once"),
)
# Keys of stage 1 that decide nothing where it learns from captions.
_OF_NAMES = ("images", "warm_steps", "warm_batch", "regulariser")
# Keys of sources and benchmarks that name files.
_FILE_KEYS = frozenset({"path", "annotations", "dev_path", "image_path"})
# What a run must have before its weights may go.
_SCORED = ("weights", "predictions", "scores")


class Grid(Cells):
    """A study's cells and runs with the folders, the identity and the inputs of every job."""

    def __init__(
        self,
        study: Study,
        device: str,
        results: Path = Path("results"),
        revisions: Mapping[str, Revision] | None = None,
    ) -> None:
        super().__init__(study)
        self.device = device
        self.root = results / study.name
        # Of every name of a hub in the study, as the study writes it (`mlan.hub.revisions`).
        self.revisions = dict(revisions or {})
        # Instances of the cells that match down, found when sizes are known (`mlan.preflight`).
        self.budgets: Mapping[str, int] = {}

    def folder(self, *parts: object) -> Path:
        """A folder below the study's results."""
        return self.root.joinpath(*map(str, parts))

    def run_folder(self, cell: str, seed: int, stage: str) -> Path:
        """The folder of one stage of one run."""
        return self.folder("cells", cell, f"seed{seed}", stage)

    @property
    def unpinned(self) -> dict[str, str]:
        """Commits of the names that are neither pinned nor locked, by what the study writes."""
        return {name: r.commit for name, r in self.revisions.items() if not r.pinned}

    def identity(self, stage: str, **wildcards: Any) -> str:
        """Canonical JSON of what decides a job's result, besides its inputs and its code.

        In a study with a name that is not pinned every identity, and so every record, says so.
        """
        own: dict[str, Any] = getattr(self, f"_identity_{stage}")(**wildcards)
        mark = {"revision": "unpinned", "unpinned": self.unpinned} if self.unpinned else {}
        return canonical({**own, **mark})

    def inputs(self, stage: str, **wildcards: Any) -> dict[str, Path]:
        """Folders (or files) that a job reads, by name."""
        found: dict[str, Path] = getattr(self, f"_inputs_{stage}")(**wildcards)
        return found

    def _identity_prepare_concepts(self) -> dict[str, Any]:
        return {"concepts": self.config.data.concepts.model_dump()}

    def _inputs_prepare_concepts(self) -> dict[str, Path]:
        return {}

    def _identity_prepare_images(self, set: str) -> dict[str, Any]:
        size = self.config.data.image_size
        if set in self.config.data.images:
            fields = self.config.data.images[set].model_dump()
            return {"name": set, "image_set": fields, "image_size": size}
        place = self._picture_place(set)
        data = self.config.data
        unusual = data.padding != type(data).model_fields["padding"].default
        padding = {"padding": data.padding} if unusual else {}
        if isinstance(self._own(set), SetBenchmark):
            found = self._set_identity(set)
            fields = {**found["benchmark"], "image_folder": place}
            return {**found, "benchmark": fields, "image_size": size, **padding}
        fields = {**self._file_fields(self._own(set)), "image_folder": place}
        return {"name": set, "source": fields, "image_size": size, **padding}

    def _inputs_prepare_images(self, set: str) -> dict[str, Path]:
        if set in self.config.data.images:
            return {"concepts": self.folder("data", "concepts")}
        own = self._own(set)
        if own.archive is None or own.repository is not None:
            return self._file_inputs(set)
        return {**self._file_inputs(set), ARCHIVE: self.study.resolve(own.archive)}

    def _picture_place(self, name: str) -> str | None:
        """What the one stage that opens pictures is told of where they lie.

        Scripts know no study file, and a folder is no input, since its pictures have no record. An
        archive is one, so its place decides nothing.
        """
        own = self._own(name)
        if own.archive is not None:
            return own.archive if own.repository is not None else Path(own.archive).name
        return None if own.image_folder is None else str(self.study.resolve(own.image_folder))

    def _file_inputs(self, name: str) -> dict[str, Path]:
        """Files of a source or benchmark as inputs: themselves, or what fetched them."""
        if self._own(name).repository is not None:
            return {"hub": self.hub_folder(name)}
        return self.source_files(name)

    def _file_fields(self, config: FileData) -> dict[str, Any]:
        """The config of a source or benchmark without the places of its files."""
        fields = config.model_dump()
        # A file itself is an input; its place decides nothing, its name is for messages.
        # Within a repository the place is part of the name.
        if fields.pop("repository") is None:
            for key in _FILE_KEYS & set(fields):
                fields[key] = _bare(fields[key])
        fields["image_folder"] = None
        return fields

    def source_files(self, name: str) -> dict[str, Path]:
        """Files of a source or benchmark of your own, by the names of a job's inputs."""
        own = self._own(name)
        if own.repository is not None:
            folder = self.hub_folder(name)
            return {key: folder / file.path for key, file in own.files().items()}
        return {key: self.study.resolve(file.path) for key, file in own.files().items()}

    def pictures(self, name: str) -> Path | None:
        """Folder or archive of the pictures that a source or benchmark names by path."""
        own = self._own(name)
        if own.image_folder is None:
            return None
        if own.repository is not None:
            return self.hub_folder(name) / own.image_folder
        return self.study.resolve(own.image_folder)

    def hub_folder(self, name: str) -> Path:
        """Where the files of a source or benchmark lie that come from a hub."""
        return self.folder("data", "hub", name)

    @property
    def hub_sources(self) -> list[str]:
        """Sources and benchmarks whose files come from a hub."""
        entries = self.config.data.from_files().items()
        return [name for name, entry in entries if entry.repository is not None]

    def _identity_fetch(self, source: str) -> dict[str, Any]:
        own = self._own(source)
        paths = [file.path for file in own.files().values()]
        if own.archive is not None and own.modality == "vision":
            paths.append(own.archive)
        identity = {
            "name": source,
            **self._repository(str(own.repository)),
            "files": sorted(paths),
        }
        return identity | ({"section": own.section} if isinstance(own, SetBenchmark) else {})

    def _inputs_fetch(self, source: str) -> dict[str, Path]:
        return {}

    def _repository(self, written: str) -> dict[str, str]:
        """A repository with its commit and, if it is locked, the digest of its list of files."""
        revision = self.revisions[written]
        digest = {"digest": revision.digest} if revision.digest else {}
        return {"repository": str(revision.name), **digest}

    @property
    def hub_models(self) -> dict[str, str]:
        """Models that lie on a hub, as the study writes them, by the name of their folder."""
        return {short_name(name): name for name in self.models if is_hub(name)}

    def model_folder(self, name: str) -> Path:
        """Where the files of a model that is not embedded lie."""
        return self.folder("models", short_name(name)) if is_hub(name) else self.study.resolve(name)

    def _identity_fetch_model(self, model: str) -> dict[str, Any]:
        written = self.hub_models[model]
        key = self.models[written]
        part = {"part": "tokenizer"} if key.endswith(".tokenizer") else {}
        return {"key": key, **part, **self._repository(written)}

    def _inputs_fetch_model(self, model: str) -> dict[str, Path]:
        return {}

    def _own(self, name: str) -> OwnSource | SetBenchmark:
        return self.config.data.from_files()[name]

    def _identity_prepare_source(self, source: str) -> dict[str, Any]:
        config = self.config.data.sources[source]
        if isinstance(config, FactsSource):
            return {"name": source, "source": config.model_dump()}
        return {"name": source, "source": self._file_fields(config)}

    def _inputs_prepare_source(self, source: str) -> dict[str, Path]:
        config = self.config.data.sources[source]
        images = self.source_images(source)
        inputs = {"images": self.folder("data", "images", images)} if images else {}
        if isinstance(config, FactsSource):
            return {"concepts": self.folder("data", "concepts"), **inputs}
        return {**self._file_inputs(source), **inputs}

    def source_images(self, source: str) -> str | None:
        """The image set of a source: the named one, or one of its own for your own data."""
        config = self.config.data.sources[source]
        if isinstance(config, FactsSource):
            return config.images
        return source if config.modality == "vision" else None

    def _identity_prepare_benchmark(self, benchmark: str) -> dict[str, Any]:
        config = self.config.data.benchmarks[benchmark]
        if isinstance(config, SetBenchmark):
            return self._set_identity(benchmark)
        fields = set(BenchmarkItems.model_fields) - {"adapter"}
        return {"name": benchmark, "benchmark": config.model_dump(include=fields)}

    def _set_identity(self, benchmark: str) -> dict[str, Any]:
        """What decides the items of a public benchmark."""
        fields = self._file_fields(self._own(benchmark))
        return {
            "name": benchmark,
            "benchmark": {key: fields[key] for key in fields if key in ITEM_FIELDS},
            "split_seed": self.config.data.concepts.split_seed,
        }

    def _inputs_prepare_benchmark(self, benchmark: str) -> dict[str, Path]:
        images = self.benchmark_images(benchmark)
        inputs = {"images": self.folder("data", "images", images)} if images else {}
        if isinstance(self.config.data.benchmarks[benchmark], SetBenchmark):
            return {**self._file_inputs(benchmark), **inputs}
        return {"concepts": self.folder("data", "concepts"), **inputs}

    def benchmark_images(self, benchmark: str) -> str | None:
        """The image set of a benchmark: the named one, or one of its own for a public one."""
        config = self.config.data.benchmarks[benchmark]
        if isinstance(config, SetBenchmark):
            return benchmark if config.modality == "vision" else None
        return config.images

    def _identity_prepare_backbone(self, backbone: str) -> dict[str, Any]:
        parts = self.backbones[backbone]
        return {
            "backbone": {part: self._model(name) for part, name in parts.items()},
            "image_size": self.config.data.image_size,
        }

    def _model(self, name: str) -> str:
        """A model in an identity; a folder's files are inputs, its name is for messages."""
        if is_embedded(name):
            return name
        return str(self.revisions[name].name) if is_hub(name) else f"folder {Path(name).name}"

    def _inputs_prepare_backbone(self, backbone: str) -> dict[str, Path]:
        inputs = {}
        for part, name in self.backbones[backbone].items():
            if is_hub(name):
                inputs[part] = self.model_folder(name)
            elif not is_embedded(name):
                files = self.model_files(name)
                if part == "tokenizer":
                    files = [file for file in files if file.name in TOKENIZER_FILES]
                inputs |= {f"file:{part}/{file.name}": file for file in files}
        return inputs

    def model_files(self, name: str) -> list[Path]:
        """Files of a model in a folder of the user's own: its weights, and what describes them."""
        folder = self.model_folder(name)
        weights = [*folder.glob("*.safetensors")] or [*folder.glob(PICKLED)]
        return sorted(f for f in (*folder.glob("*.json"), *weights) if f.is_file())

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
        """Training examples of a cell's runs.

        Raises ConfigError for a cell that matches down before the size of each source is known.
        """
        mixture = self.cells[cell].recipe.mixture
        if mixture.match == "down" and cell not in self.budgets:
            raise ConfigError(
                f"{self.study.path}: recipe.mixture.match = 'down': sources from a hub are not "
                f"here yet; run snakemake --cores all --config study={self.study.name} prepare"
            )
        return self.budgets.get(cell, mixture.instances)

    def _identity_mix(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        seeds = self.seeds_of(seed)
        # What decides is how many instances there are, not why.
        mixture = recipe.mixture.model_dump(exclude={"match"})
        return {
            "mixture": {
                **mixture,
                "instances": self.instances(cell),
                "repeat": recipe.mixture.match == "up",
            },
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
            "tune": recipe.tune.model_dump(exclude={*_PLAN_KEYS, *_unset(recipe.tune), "command"}),
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
        benchmarks = self.config.data.benchmarks
        tuned = self.cells[cell].kind == "tuned"
        return {
            "benchmarks": {
                n: {"modality": b.modality}
                | ({"max_new_tokens": b.max_new_tokens} if b.max_new_tokens else {})
                for n, b in benchmarks.items()
            },
            "evaluate": self._evaluation(seed),
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "tune": _trained(recipe.tune) if tuned else None,
            "device": self.device,
            "image_size": self.config.data.image_size,
        }

    def _evaluation(self, seed: int) -> dict[str, Any]:
        """The protocol of one seed; a study that limits no condition says the same as ever."""
        evaluate = self.config.evaluate
        asked = [c.model_dump(exclude={"seeds"}) for c in evaluate.asked_in(seed)]
        fields = {**evaluate.model_dump(), "conditions": asked}
        if evaluate.batch_tokens == BATCH_TOKENS:  # younger than finished studies
            del fields["batch_tokens"]
        return fields

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
        benchmarks = self.config.data.benchmarks
        return {"benchmarks": {n: {"modality": b.modality} for n, b in benchmarks.items()}}

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
        groups: dict[str, Any] = {}
        for name, b in self.config.data.benchmarks.items():
            near = self.config.data.near(name)
            groups[name] = {
                "modality": b.modality,
                "taught_by": b.taught_by,
                "headline": b.headline,
                **({"near": near} if near else {}),
            }
        return groups

    def _identity_collect(self) -> dict[str, Any]:
        return {
            "cells": [
                {
                    "cell": cell.name,
                    "kind": cell.kind,
                    "text_share": cell.text_share,
                    "experiments": list(cell.experiments),
                    "seeds": list(cell.seeds),
                }
                for cell in self.cells.values()
            ],
            "benchmarks": self._benchmark_groups(),
            "confidence": self.config.report.confidence,
        }

    def _inputs_collect(self, partial: bool = False) -> dict[str, Path]:
        """Scores and plans of all runs; with `partial`, only of those that are finished."""
        inputs = {}
        for cell, seed in self.runs():
            scores = self.run_folder(cell, seed, "scores")
            if partial and not (scores / "record.json").exists():
                continue
            inputs[f"scores:{cell}:{seed}"] = scores
            if self.cells[cell].kind == "tuned":
                inputs[f"mixture:{cell}:{seed}"] = self.run_folder(cell, seed, "mixture")
        return inputs

    def _identity_draw(self) -> dict[str, Any]:
        # Absent where nothing is limited, so that such figures stay what they are.
        limits = [
            {"condition": image, "part": part, "seeds": seeds}
            for (image, part), seeds in sorted(self.config.evaluate.limits().items())
        ]
        own = [cell.name for cell in self.cells.values() if not cell.order_controlled]
        return {
            **({"limits": limits} if limits else {}),
            "study": self.study.name,
            "title": self.config.report.title,
            "confidence": self.config.report.confidence,
            "benchmarks": self._benchmark_groups(),
            **({"order_not_controlled": own} if own else {}),
        }

    def _inputs_draw(self) -> dict[str, Path]:
        return {"summary": self.folder("summary")}


def _unset(tune: Tune) -> set[str]:
    """The silent keys of a tuning section that are at their default."""
    defaults = {key: Tune.model_fields[key].default for key in _SILENT_KEYS}
    return {key for key, default in defaults.items() if getattr(tune, key) == default}


def _trained(tune: Tune) -> dict[str, Any]:
    """What of a model a run's weights are; an external command returns all of it."""
    if tune.command is not None:
        return {"language_model": "full"}
    return tune.model_dump(include={"language_model", "lora"})


def _align_fields(align: Align) -> dict[str, Any]:
    """What decides stage 1."""
    if align.existing is not None:
        # The file is an input; its place decides nothing, its name is for messages.
        return {"from": Path(align.existing).name, "naming_images": align.naming_images}
    plain = Align().model_dump()
    skip = [key for key in _ALIGN_ADDED if align.model_dump()[key] == plain[key]]
    if align.captions is not None:
        skip += _OF_NAMES
    return align.model_dump(exclude=set(skip))


def _bare(paths: str | list[str] | None) -> str | list[str] | None:
    """Return the names of files without their folders."""
    if paths is None:
        return None
    return Path(paths).name if isinstance(paths, str) else [Path(path).name for path in paths]
