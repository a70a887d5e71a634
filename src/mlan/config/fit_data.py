"""What must fit within the section `data`: image sets, files, public sets."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import get_args

from mlan.config.benchmarks import FactsBenchmark, SetBenchmark
from mlan.config.data import Data, FactsSource, InstructionSetSource, QaSource, SetName
from mlan.config.files import FileData
from mlan.config.problems import Problem, keys_below, unknown_set
from mlan.errors import nearest


def image_problems(data: Data) -> list[Problem]:
    """Return what is wrong with image sets, and with who names one or none."""
    problems = []
    users: list[tuple[str, FactsSource | FactsBenchmark]] = [
        *((f"data.sources.{n}", s) for n, s in data.sources.items() if isinstance(s, FactsSource)),
        *(
            (f"data.benchmarks.{n}", b)
            for n, b in data.benchmarks.items()
            if isinstance(b, FactsBenchmark)
        ),
    ]
    for place, user in users:
        key = f"{place}.images"
        own = (key, f"{place}.modality")
        if user.modality == "vision" and user.images is None:
            problems.append(Problem(f"{key}: missing; a vision entry names an image set", own))
        elif user.modality == "text" and user.images is not None:
            problems.append(Problem(f"{key} = {user.images!r}: a text entry has no images", own))
        elif user.images is not None and user.images not in data.images:
            problems.append(unknown_set(key, user.images, data))
    problems += [
        Problem(
            f"{entry.place(name)}.image_folder: missing; a vision "
            f"{entry.section.removeprefix('data.').removesuffix('s')} names one",
            keys_below(entry.place(name), "image_folder", "modality", "set", "path"),
        )
        for name, entry in data.from_files().items()
        if entry.modality == "vision"
        and entry.image_folder is None
        # Parquet may hold the pictures themselves.
        and not any(file.path.endswith((".parquet", "*")) for file in entry.files().values())
    ]
    problems += [
        Problem(
            f"data.sources.{name}: a source and an image set may not share the name {name!r}",
            ("data.sources.*", "data.images.*"),
        )
        for name in sorted(set(data.sources) & set(data.images))
    ]
    return problems


def file_problems(data: Data) -> list[Problem]:
    """What does not fit together within one source or benchmark of files."""
    problems: list[Problem] = []
    for name, entry in data.from_files().items():
        place = entry.place(name)
        if entry.repository is not None:
            problems += _repository_problems(place, entry)
        problems += _checksum_problems(place, entry)
        problems += _pattern_problems(place, entry)
        if isinstance(entry, QaSource):
            problems += _question_problems(place, entry)
        if isinstance(entry, InstructionSetSource):
            problems += _set_problems(place, entry)
        if isinstance(entry, SetBenchmark):
            problems += _benchmark_problems(name, entry, data)
    problems += _near_problems(data)
    return problems


def _checksum_problems(place: str, entry: FileData) -> list[Problem]:
    problems = []
    pairs = [("path", "sha256"), ("dev_path", "dev_sha256"), ("image_path", "image_sha256")]
    for key, sha256_key in pairs:
        files, digests = getattr(entry, key, None) or [], getattr(entry, sha256_key, None)
        if digests is not None and len(digests) != len(files):
            line = (
                f"{place}.{sha256_key}: {len(digests)} checksums for {len(files)} files; "
                f"name one for each, in the order of `{key}`"
            )
            problems.append(Problem(line, keys_below(place, sha256_key, key)))
    return problems


def _pattern_problems(place: str, entry: FileData) -> list[Problem]:
    problems = []
    for file in entry.files().values():
        key, sha256_key = f"{place}.{file.key}", f"{place}.{file.sha256_key}"
        if "*" in file.path and entry.repository is None:
            line = f"{key} = {file.path!r}: `*` is for files of a repository; list local ones"
            problems.append(Problem(line, (key, f"{place}.repository")))
        elif "*" in file.path and file.sha256 is not None:
            line = (
                f"{sha256_key}: of {file.path!r}, which names several files; the commit pins them"
            )
            problems.append(Problem(line, (sha256_key, key)))
    return problems


def _benchmark_problems(name: str, benchmark: SetBenchmark, data: Data) -> list[Problem]:
    place = benchmark.place(name)
    problems = []
    for kind, names in (("a source", data.sources), ("an image set", data.images)):
        if name in names:
            line = f"{place}: a benchmark of files and {kind} may not share the name {name!r}"
            rests_on = ("data.benchmarks.*", "data.sources.*", "data.images.*")
            problems.append(Problem(line, rests_on))
    if benchmark.image_path is not None and benchmark.set != "gqa":
        line = f"{place}.image_path: set {benchmark.set!r} holds its pictures itself"
        problems.append(Problem(line, keys_below(place, "image_path", "set")))
    if benchmark.image_path is None and benchmark.set == "gqa" and benchmark.image_folder is None:
        line = f"{place}.image_path: missing; set 'gqa' has files of pictures, or an image_folder"
        problems.append(Problem(line, keys_below(place, "image_path", "image_folder", "set")))
    return problems


def _near_problems(data: Data) -> list[Problem]:
    known = [*data.sources, *get_args(SetName)]
    return [
        Problem(
            f"data.benchmarks.{name}.near = {source!r}: neither a source nor an instruction set; "
            f"{nearest(source, known)}",
            (f"data.benchmarks.{name}.near", "data.sources.*"),
        )
        for name, benchmark in data.benchmarks.items()
        for source in benchmark.near or ()
        if source not in known
    ]


def _repository_problems(place: str, entry: FileData) -> list[Problem]:
    problems = []
    named = [(file.key, file.path, "?[\\") for file in entry.files().values()]
    if entry.archive is not None:
        named.append(("image_folder", entry.archive, "*?[\\"))
    for key, text, signs in named:
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts or set(signs) & set(text):
            line = f"{place}.{key} = {text!r}: not a file's path within the repository"
            keys = ("path", "annotations", "dev_path", "image_path", "image_folder", "repository")
            problems.append(Problem(line, keys_below(place, *keys)))
    if entry.image_folder is not None and entry.archive is None:
        line = (
            f"{place}.image_folder: a repository's pictures are read from its parquet files or an "
            "archive (.zip)"
        )
        problems.append(Problem(line, keys_below(place, "image_folder", "repository")))
    return problems


def _question_problems(key: str, source: QaSource) -> list[Problem]:
    if source.kind == "choose" and source.options is None:
        line = f"{key}.options: missing; kind = 'choose' names them"
        return [Problem(line, keys_below(key, "options", "kind"))]
    if source.kind not in (None, "choose") and source.options is not None:
        line = f"{key}.kind = {source.kind!r}: a question with options is 'choose'"
        return [Problem(line, keys_below(key, "kind", "options"))]
    return []


def _set_problems(key: str, source: InstructionSetSource) -> list[Problem]:
    problems = []
    if source.annotations is not None and source.set != "vqav2":
        line = f"{key}.annotations: set {source.set!r} holds its answers itself"
        problems.append(Problem(line, keys_below(key, "annotations", "set")))
    if source.annotations_sha256 is not None and source.annotations is None:
        line = f"{key}.annotations: missing, but annotations_sha256 is given"
        problems.append(Problem(line, keys_below(key, "annotations", "annotations_sha256")))
    if source.image_name is not None and source.modality == "text":
        line = f"{key}.image_name: set {source.set!r} has no pictures"
        problems.append(Problem(line, keys_below(key, "image_name", "set")))
    return problems
