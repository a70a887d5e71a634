"""Jobs before any run: what is fetched, concepts, pictures, sources, benchmarks, backbones.

Not here: jobs of a stack, a run or a whole study (`mlan.grid.jobs`), where the meaning of
identities and inputs is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlan.config import Study
from mlan.config.benchmarks import ITEM_FIELDS, BenchmarkItems, SetBenchmark
from mlan.config.data import FactsSource, OwnSource
from mlan.config.files import ARCHIVE, FileData
from mlan.config.hub import Revision, parse_file
from mlan.config.models import PICKLED, TOKENIZER_FILES, is_embedded, is_hub, short_name
from mlan.grid.cells import Cells
from mlan.records import canonical

# Keys of sources and benchmarks that name files.
_FILE_KEYS = frozenset({"path", "annotations", "dev_path", "image_path"})
PROJECTOR_KEY = "recipe.align.from"


class DataJobs(Cells):
    """A study's cells and runs with their folders, and the jobs that come before any run."""

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
        stored = {"image_size": size, "padding": self.config.data.padding}
        if isinstance(self._own(set), SetBenchmark):
            found = self._set_identity(set)
            return {**found, "benchmark": {**found["benchmark"], "image_folder": place}, **stored}
        fields = {**self._file_fields(self._own(set)), "image_folder": place}
        return {"name": set, "source": fields, **stored}

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
        return {
            "name": source,
            "section": own.section,
            **self._repository(str(own.repository)),
            "files": sorted(paths),
        }

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

    @property
    def hub_projectors(self) -> dict[str, str]:
        """Existing stage-1 projectors of a hub likewise, by the folder of the one file."""
        files = {recipe.align.existing for recipe, _ in self.stacks.values()}
        return {short_name(file): file for file in files if file is not None and is_hub(file)}

    def model_folder(self, name: str) -> Path:
        """Where the files of a model that is not embedded lie, or a projector of a hub."""
        return self.folder("models", short_name(name)) if is_hub(name) else self.study.resolve(name)

    def _identity_fetch_model(self, model: str) -> dict[str, Any]:
        if model in self.hub_projectors:
            repository, file = parse_file(self.hub_projectors[model])
            return {"key": PROJECTOR_KEY, "file": file, **self._repository(str(repository))}
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


def _bare(paths: str | list[str] | None) -> str | list[str] | None:
    """Return the names of files without their folders."""
    if paths is None:
        return None
    return Path(paths).name if isinstance(paths, str) else [Path(path).name for path in paths]
