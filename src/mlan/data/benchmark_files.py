"""Public benchmarks on their way to items: rows of files, posed as questions, kept or counted.

The same questions come out of the checks before a run and of both stages that read the files,
pictures and items. A picture that a file holds is named as its set names it, or by a digest of
its content, so that questions about equal pictures share one. Not here: which question belongs
to which part (`parts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.config.benchmarks import SetBenchmark
from mlan.config.files import SourceFile
from mlan.data.benchmark_sets import BENCHMARK_SETS
from mlan.data.benchmark_sets.layout import FILE, BenchmarkSet, Posed, content_id
from mlan.data.fields import BadRowError, has_image, image_of, image_path, mapping, text
from mlan.data.files import embedded_pictures, raw_rows, shards
from mlan.data.rows import Adapter, Rejected, Unreadable, row_id
from mlan.errors import DataError

_KEYS = ("path", "dev_path")


@dataclass(frozen=True)
class Item:
    """A question with its names: `id` within the benchmark, `part` empty until it is drawn.

    `number` counts the rows of its key from 0, which is `dev_path` where `from_dev` is set.
    """

    number: int
    id: str
    from_dev: bool
    cluster: str
    image: str
    embedded: bool
    posed: Posed
    part: str = ""


@dataclass(frozen=True)
class Questions:
    """What the files of a benchmark hold.

    `left_out` counts rows that the benchmark does not ask (another question of RACE's article,
    a row of the other modality), `unused` pictures of `image_path` that no question shows.
    """

    items: list[Item]
    dropped: list[Rejected]
    left_out: int
    unused: int


def read_questions(name: str, benchmark: SetBenchmark, files: Mapping[str, Path]) -> Questions:
    """Return the questions of a benchmark in the files' order; `files` by name of a job's input.

    Raises DataError for a file that is missing, unreadable, of another checksum or
    without a needed column, and for a question without exactly one picture in `image_path`.
    """
    known = BENCHMARK_SETS[benchmark.set]
    items: list[Item] = []
    dropped: list[Rejected] = []
    left_out = 0
    for key in _KEYS:
        own: list[Item] = []
        from_dev = key == "dev_path"
        for number, (raw, content) in enumerate(_rows(name, benchmark, files, key, known)):
            try:
                item = _item(benchmark, known, number, from_dev, raw, content)
            except BadRowError as error:
                found = raw.content if isinstance(raw, Unreadable) else raw
                row = _item_id(row_id(found, number, known.id), from_dev)
                dropped.append(Rejected(number, row, str(error)))
                continue
            if item is None:
                left_out += 1
            else:
                own.append(item)
        asked = known.asked([item.posed for item in own])
        left_out += len(own) - len(asked)
        items += (own[place] for place in asked)
    items, twice = _unique(items)
    unused = _unused_pictures(name, benchmark, files, items)
    return Questions(items, [*dropped, *twice], left_out, unused)


def read_pictures(
    name: str, benchmark: SetBenchmark, files: Mapping[str, Path], wanted: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every wanted picture that the files hold, each once."""
    known = BENCHMARK_SETS[benchmark.set]
    missing = set(wanted)
    held = (
        _joined_pictures(name, benchmark, files)
        if benchmark.image_path is not None
        else _own_pictures(name, benchmark, files, known)
    )
    for image, content in held:
        if image in missing and content is not None:
            missing.remove(image)
            yield image, content
            if not missing:
                return


def _own_pictures(
    name: str, benchmark: SetBenchmark, files: Mapping[str, Path], known: BenchmarkSet
) -> Iterator[tuple[str, bytes | None]]:
    for key in _KEYS:
        for raw, content in _rows(name, benchmark, files, key, known, contents=True):
            try:
                image, embedded = _picture(benchmark, known, mapping(raw), content)
            except BadRowError:
                continue
            if embedded:
                yield image, content


def _item(
    benchmark: SetBenchmark,
    known: BenchmarkSet,
    number: int,
    from_dev: bool,
    raw: Any,
    content: bytes | None,
) -> Item | None:
    """Return a row's question, None for a row that the benchmark does not ask."""
    if isinstance(raw, Unreadable):
        raise BadRowError(raw.reason)
    row = mapping(raw)
    posed = known.read(row)
    if posed is None:
        return None
    name = _item_id(posed.id or row_id(row, number, known.id), from_dev)
    image, embedded = ("", False)
    if benchmark.modality == "vision":
        image, embedded = _picture(benchmark, known, row, content)
    family = benchmark.set.split("_")[0]
    cluster = posed.cluster or f"{family}/{image or name}"
    return Item(number, name, from_dev, cluster, image, embedded, posed)


def _item_id(row: str, from_dev: bool) -> str:
    """Rows of a file for the dev part may be called like those of the other files."""
    return f"dev/{row}" if from_dev else row


def _picture(
    benchmark: SetBenchmark, known: BenchmarkSet, row: dict[str, Any], content: bytes | None
) -> tuple[str, bool]:
    """Return a picture's name, and whether a file of the benchmark holds it."""
    if benchmark.image_path is not None and known.picture is not None:
        return known.picture(row), True
    if not has_image(row, known.image):
        if known.picture is None:
            raise BadRowError(f"no {known.image}")
        return image_path(known.picture(row)), False
    path, embedded = image_of(row, known.image, 0)
    if not embedded:
        return path, False
    if known.picture is not None:
        return known.picture(row), True
    if content is None:
        raise BadRowError("image without bytes")
    return content_id(content), True


def _rows(
    name: str,
    benchmark: SetBenchmark,
    files: Mapping[str, Path],
    key: str,
    known: BenchmarkSet,
    *,
    contents: bool = False,
) -> Iterator[tuple[Any, bytes | None]]:
    """Yield raw rows, with the bytes of their pictures if asked for or needed to name them."""
    vision = benchmark.modality == "vision"
    optional = (*known.optional, known.id, *((known.image,) if vision else ()))
    adapter = Adapter(
        lambda *_: None, known.columns, optional, known.id, known.image, unfold=known.unfold
    )
    listed_shards = (
        (listed, shard) for file, listed in _files(benchmark, key) for shard in shards(files[file])
    )
    for listed, shard in listed_shards:
        where = (benchmark.place(name), listed, shard, adapter)
        named = _unfolded(raw_rows(*where), known.unfold, shard.stem)
        if vision and (contents or known.picture is None):
            yield from zip(named, embedded_pictures(*where), strict=True)
        else:
            yield from ((row, None) for row in named)


def _unfolded(raw: Iterator[Any], unfold: Callable[[Any], Any], stem: str) -> Iterator[Any]:
    for found in raw:
        for row in [found] if isinstance(found, Unreadable) else unfold(found):
            yield {**row, FILE: stem} if isinstance(row, dict) else row


def _files(benchmark: SetBenchmark, key: str) -> list[tuple[str, SourceFile]]:
    files = benchmark.files().items()
    return [(name, listed) for name, listed in files if listed.key.partition(".")[0] == key]


def _unique(items: list[Item]) -> tuple[list[Item], list[Rejected]]:
    seen: set[str] = set()
    kept: list[Item] = []
    twice: list[Rejected] = []
    for item in items:
        if item.id in seen:
            twice.append(Rejected(item.number, item.id, "id stands twice"))
        else:
            seen.add(item.id)
            kept.append(item)
    return kept, twice


def _unused_pictures(
    name: str, benchmark: SetBenchmark, files: Mapping[str, Path], items: list[Item]
) -> int:
    """Check that every question has exactly one picture in `image_path`; count the other ones."""
    if benchmark.image_path is None:
        return 0
    place = f"{benchmark.place(name)}.image_path"
    held = Counter(image for image, _ in _joined_pictures(name, benchmark, files, contents=False))
    twice = sorted(image for image, count in held.items() if count > 1)
    if twice:
        raise DataError(f"{place}: picture {twice[0]!r} stands {held[twice[0]]} times")
    lost = [item for item in items if item.image not in held]
    if lost:
        raise DataError(
            f"{place}: {len(lost)} of {len(items)} questions have no picture there, "
            f"the first is {lost[0].id!r} with {lost[0].image!r}"
        )
    return len(held.keys() - {item.image for item in items})


def _joined_pictures(
    name: str, benchmark: SetBenchmark, files: Mapping[str, Path], *, contents: bool = True
) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and bytes of the pictures of `image_path`, a row each with `id` and `image`."""
    adapter = Adapter(lambda *_: None, ("id", "image"))
    for file, listed in _files(benchmark, "image_path"):
        where = (benchmark.place(name), listed, files[file], adapter)
        bytes_of = embedded_pictures(*where) if contents else None
        for number, raw in enumerate(raw_rows(*where)):
            try:
                image = f"{text(mapping(raw), 'id')}.jpg"
            except BadRowError as error:
                key = f"{benchmark.place(name)}.{listed.key} = {listed.path!r}"
                raise DataError(f"{key}: row {number}: {error}") from None
            yield image, next(bytes_of) if bytes_of is not None else None
