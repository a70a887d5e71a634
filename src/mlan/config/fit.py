"""What must fit between values of the study file that are right by themselves.

A problem names the keys that it rests on. Where one of them had to be stood in for
(`mlan.config.mend`), the problem may be a consequence of that mistake and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, get_args

from mlan.config.benchmarks import FactsBenchmark, SetBenchmark
from mlan.config.data import Data, FactsSource, InstructionSetSource, QaSource, SetName
from mlan.config.files import FileData
from mlan.config.models import is_embedded
from mlan.config.recipe import Align, Recipe
from mlan.config.study import StudyConfig
from mlan.errors import nearest

# Keys of stage 1 that are read where it learns from captions.
_OF_CAPTIONS = (
    *("epochs", "warmup_share", "caption_template", "caption_end"),
    *("caption_layout", "caption_capacity", "rows_at_once"),
)


@dataclass(frozen=True)
class Problem:
    """One line for the user, and the keys whose values it rests on, the criticised one first.

    `images.*` stands for the names in `images`, whatever is below them.
    """

    line: str
    rests_on: tuple[str, ...] = ()

    def rests_on_any(self, keys: Iterable[str]) -> bool:
        """Whether one of the keys is, holds or belongs to a value that the problem rests on."""
        return any(related(mine, key) for key in keys for mine in self.rests_on)


def related(one: str, other: str) -> bool:
    """Whether two dotted keys are the same or one is below the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def misfits(config: StudyConfig) -> list[Problem]:
    """Return what does not fit between the sections of a study, experiments left aside."""
    return [
        *_duplicates("seeds", config.seeds),
        *_duplicates("seed_varies", config.seed_varies),
        *_image_problems(config.data),
        *_file_problems(config.data),
        *_condition_problems(config),
        *_keep_problems(config),
        *recipe_problems(config.data, config.recipe),
    ]


def _duplicates(key: str, values: list[Any]) -> list[Problem]:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    return [Problem(f"{key} = {v}: named twice; each value may stand once", (key,)) for v in twice]


def _condition_problems(config: StudyConfig) -> list[Problem]:
    """What is wrong with conditions: unknown seeds, something asked twice, a run without any."""
    # The untuned model runs in seed 0 alone, unless stage 1 differs between seeds.
    baseline = set() if "align" in config.seed_varies else {0}
    known = sorted({*config.seeds, *baseline})
    seeds_of = ("seeds", "seed_varies")
    problems: list[Problem] = []
    named: list[tuple[str, set[int]]] = []
    twice: set[str] = set()
    for number, condition in enumerate(config.evaluate.conditions):
        key = f"evaluate.conditions.{number}.seeds"
        seeds = known if condition.seeds is None else condition.seeds
        foreign = [f"{key} = {s}: not a seed of the study" for s in seeds if s not in known]
        allowed = f"allowed: {_listed(known)}"
        problems += [Problem(f"{line}; {allowed}", (key, *seeds_of)) for line in foreign]
        problems += _duplicates(key, seeds)
        for name in (f"{condition.image} {part}" for part in condition.parts):
            twice |= {name for other, there in named if other == name and there & set(seeds)}
            named.append((name, set(seeds)))
    for name in sorted(twice):
        line = f"evaluate.conditions = {name}: named twice; each value may stand once"
        problems.append(Problem(line, ("evaluate.conditions", *seeds_of)))
    return [*problems, *_nothing_asked(config, known)]


def _nothing_asked(config: StudyConfig, known: list[int]) -> list[Problem]:
    text = any(b.modality == "text" for b in config.data.benchmarks.values())
    images = {s: {c.image for c in config.evaluate.asked_in(s)} for s in known}
    silent = [s for s in known if not images[s]]
    blind = [s for s in known if text and images[s] == {"blank"}]
    told = {
        "no condition": silent,
        "no condition for text benchmarks (`blank` is for vision only)": blind,
    }
    rests_on = ("evaluate.conditions", "seeds", "seed_varies", "data.benchmarks.*")
    return [
        Problem(f"evaluate.conditions: {what} in seed {_listed(seeds)}", rests_on)
        for what, seeds in told.items()
        if seeds
    ]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


def _keep_problems(config: StudyConfig) -> list[Problem]:
    asked = any(c.image == "real" and "dev" in c.parts for c in config.evaluate.conditions)
    if config.keep != "best" or asked:
        return []
    line = (
        "keep = 'best': compares cells on the dev parts, which no condition of "
        "evaluate.conditions asks with the real picture"
    )
    return [Problem(line, ("keep", "evaluate.conditions"))]


def _image_problems(data: Data) -> list[Problem]:
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
            problems.append(_unknown_set(key, user.images, data))
    problems += [
        Problem(
            f"{entry.place(name)}.image_folder: missing; a vision "
            f"{entry.section.removeprefix('data.').removesuffix('s')} names one",
            _keys(entry.place(name), "image_folder", "modality", "set", "path"),
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


def _file_problems(data: Data) -> list[Problem]:
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
            problems.append(Problem(line, _keys(place, sha256_key, key)))
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
        problems.append(Problem(line, _keys(place, "image_path", "set")))
    if benchmark.image_path is None and benchmark.set == "gqa" and benchmark.image_folder is None:
        line = f"{place}.image_path: missing; set 'gqa' has files of pictures, or an image_folder"
        problems.append(Problem(line, _keys(place, "image_path", "image_folder", "set")))
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
            problems.append(Problem(line, _keys(place, *keys)))
    if entry.image_folder is not None and entry.archive is None:
        line = (
            f"{place}.image_folder: a repository's pictures are read from its parquet files or an "
            "archive (.zip)"
        )
        problems.append(Problem(line, _keys(place, "image_folder", "repository")))
    return problems


def _question_problems(key: str, source: QaSource) -> list[Problem]:
    if source.kind == "choose" and source.options is None:
        line = f"{key}.options: missing; kind = 'choose' names them"
        return [Problem(line, _keys(key, "options", "kind"))]
    if source.kind not in (None, "choose") and source.options is not None:
        line = f"{key}.kind = {source.kind!r}: a question with options is 'choose'"
        return [Problem(line, _keys(key, "kind", "options"))]
    return []


def _set_problems(key: str, source: InstructionSetSource) -> list[Problem]:
    problems = []
    if source.annotations is not None and source.set != "vqav2":
        line = f"{key}.annotations: set {source.set!r} holds its answers itself"
        problems.append(Problem(line, _keys(key, "annotations", "set")))
    if source.annotations_sha256 is not None and source.annotations is None:
        line = f"{key}.annotations: missing, but annotations_sha256 is given"
        problems.append(Problem(line, _keys(key, "annotations", "annotations_sha256")))
    if source.image_name is not None and source.modality == "text":
        line = f"{key}.image_name: set {source.set!r} has no pictures"
        problems.append(Problem(line, _keys(key, "image_name", "set")))
    return problems


def _keys(place: str, *keys: str) -> tuple[str, ...]:
    return tuple(f"{place}.{key}" for key in keys)


def _unknown_set(key: str, name: str, data: Data) -> Problem:
    line = f"{key} = {name!r}: unknown image set; {nearest(name, data.images)}"
    return Problem(line, (key, "data.images.*"))


def recipe_problems(data: Data, recipe: Recipe) -> list[Problem]:
    """Return what does not fit between a recipe, the base one or a cell's, and the data."""
    return [
        *_align_problems(data, recipe.align),
        *_weight_problems(data, "text", recipe.mixture.text),
        *_weight_problems(data, "vision", recipe.mixture.vision),
        *_nothing_to_learn(recipe),
        *_precision_problems(recipe),
        *_noise_problems(recipe),
        *_tokenizer_problems(recipe),
    ]


def _align_problems(data: Data, align: Align) -> list[Problem]:
    key = "recipe.align"
    sets = {"naming_images": align.naming_images}
    if align.captions is None and align.existing is None:
        sets["images"] = align.images
    problems = [
        _unknown_set(f"{key}.{field}", name, data)
        for field, name in sorted(sets.items())
        if name is not None and name not in data.images
    ]
    if align.existing is not None and not align.existing.endswith(".safetensors"):
        line = (
            f"{key}.from = {align.existing!r}: not a safetensors file{_conversion(align.existing)}"
        )
        problems.append(Problem(line, (f"{key}.from",)))
    if align.captions is None:
        return problems + [
            Problem(
                f"{key}.{field}: is about captions; {key}.captions names none", (f"{key}.{field}",)
            )
            for field in _OF_CAPTIONS
            if getattr(align, field) != Align.model_fields[field].default
        ]
    mine, named = f"{key}.captions", repr(align.captions)
    if align.existing is not None:
        line = f"{key}.from: is used in place of training; {mine} = {named} would not be read"
        problems.append(Problem(line, (f"{key}.from", mine)))
    if align.captions not in data.sources:
        line = f"{mine} = {named}: unknown source; {nearest(align.captions, data.sources)}"
        problems.append(Problem(line, (mine, "data.sources.*")))
    elif data.sources[align.captions].modality != "vision":
        line = f"{mine} = {named}: a source of texts; captions have pictures"
        problems.append(Problem(line, (mine, f"data.sources.{align.captions}.modality")))
    if align.method != "plain":
        line = (
            f"{key}.method = {align.method!r}: needs names of things; captions are learnt `plain`"
        )
        problems.append(Problem(line, (f"{key}.method", mine)))
    return problems


def _conversion(path: str) -> str:
    """How a pickled file is made one that no code can hide in."""
    if not path.endswith((".bin", ".pt", ".pth")):
        return ""
    new = str(PurePosixPath(path).with_suffix(".safetensors"))
    return (
        '; a pickle may run code when it is read. Convert it: python -c "import torch; '
        "from safetensors.torch import save_file; "
        f"save_file(torch.load('{path}', weights_only=True), '{new}')\""
    )


def _weight_problems(data: Data, modality: str, weights: dict[str, float]) -> list[Problem]:
    problems = []
    for name in weights:
        key = f"recipe.mixture.{modality}.{name}"
        if name not in data.sources:
            line = f"{key}: unknown source; {nearest(name, data.sources)}"
            problems.append(Problem(line, (key, "data.sources.*")))
        elif data.sources[name].modality != modality:
            line = (
                f"{key}: source {name!r} has modality {data.sources[name].modality!r}; "
                f"it must be {modality!r} here"
            )
            problems.append(Problem(line, (key, f"data.sources.{name}.modality")))
    return problems


def _nothing_to_learn(recipe: Recipe) -> list[Problem]:
    problems = []
    share = recipe.mixture.text_share
    parts = (("text", recipe.mixture.text, share), ("vision", recipe.mixture.vision, 1 - share))
    for modality, weights, part in parts:
        if part > 0 and not weights:
            key = f"recipe.mixture.{modality}"
            line = f"{key}: empty, but text_share = {share}"
            problems.append(Problem(line, (key, "recipe.mixture.text_share")))
    if recipe.tune.language_model == "frozen" and (recipe.tune.projector == "frozen" or share == 1):
        line = "recipe.tune.language_model = 'frozen': nothing would be trained"
        rests_on = ("recipe.tune.language_model", "recipe.tune.projector")
        problems.append(Problem(line, (*rests_on, "recipe.mixture.text_share")))
    return problems


def _precision_problems(recipe: Recipe) -> list[Problem]:
    """Weights in bf16 are multiplied in bf16; fp32 products of them would promise too much."""
    if recipe.backbone.precision == "bf16":
        return []
    halved = {"weights": ("fp32_master", "bf16_stochastic"), "attention": ("flash",)}
    return [
        Problem(
            f"recipe.tune.{key} = {value!r}: needs recipe.backbone.precision = 'bf16'",
            (f"recipe.tune.{key}", "recipe.backbone.precision"),
        )
        for key, values in halved.items()
        if (value := getattr(recipe.tune, key)) in values
    ]


def _tokenizer_problems(recipe: Recipe) -> list[Problem]:
    backbone = recipe.backbone
    if backbone.tokenizer is None or not is_embedded(backbone.language_model):
        return []
    line = (
        f"recipe.backbone.tokenizer = {backbone.tokenizer!r}: {backbone.language_model} is "
        "embedded and has its own; leave it out"
    )
    return [Problem(line, ("recipe.backbone.tokenizer", "recipe.backbone.language_model"))]


def _noise_problems(recipe: Recipe) -> list[Problem]:
    tower = recipe.backbone.vision_tower
    if is_embedded(tower):
        return []
    return [
        Problem(
            f"recipe.{part}.feature_noise = {noise:g}: noise is in units of standardised features, "
            f"which only embedded towers have; set it to 0 for {tower}",
            (f"recipe.{part}.feature_noise", "recipe.backbone.vision_tower"),
        )
        for part, noise in (
            ("align", recipe.align.feature_noise),
            ("tune", recipe.tune.feature_noise),
        )
        if noise > 0
    ]
