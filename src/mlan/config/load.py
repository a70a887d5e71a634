"""Read a study file and report every mistake in it at once, before any job runs.

Owns: finding the file by name or path, YAML with duplicate keys refused, all checks in one
go, and command-line selection of seeds and experiments. It does not look at data or assets.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlan.config.expand import expand
from mlan.config.fit import misfits
from mlan.config.mend import read
from mlan.config.problems import Problem
from mlan.config.study import StudyConfig
from mlan.errors import ConfigError, nearest


@dataclass(frozen=True)
class Study:
    """A validated study: `name` gives the results folder, `path` the file it came from.

    `whole` unless only some of its seeds or experiments were selected.
    """

    name: str
    path: Path
    config: StudyConfig
    whole: bool = True

    @property
    def lock(self) -> Path:
        """Its lock file, beside it: `mine.lock.yaml` of `mine.yaml`."""
        return self.path.with_name(f"{self.name}.lock.yaml")

    def resolve(self, relative: str) -> Path:
        """Turn a path of the study file into one relative to the working directory."""
        return self.path.parent / relative


class _UniqueKeys(yaml.SafeLoader):
    """YAML loader that notes a key given twice, where PyYAML silently keeps the last."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.name = str(path)
        self.twice: list[str] = []


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            continue  # construct_mapping refuses it
        line = key_node.start_mark.line + 1
        if key in seen:
            loader.twice.append(
                f"{loader.name}:{line}: {key!r} stands twice (also in line {seen[key]}); "
                "each key may stand once"
            )
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def find_study(name_or_path: str, folder: Path = Path("config")) -> Path:
    """Return the study file for `small` or `some/where/mine.yaml`.

    Raises ConfigError with the nearest name when there is none.
    """
    direct = Path(name_or_path)
    if direct.suffix in {".yaml", ".yml"}:
        if direct.is_file():
            return direct
        raise ConfigError(f"study = {name_or_path!r}: no such file")
    named = folder / f"{name_or_path}.yaml"
    if named.is_file():
        return named
    known = [p.stem for p in folder.glob("*.yaml") if not p.stem.endswith(".lock")]
    raise ConfigError(f"study = {name_or_path!r}: unknown study; {nearest(name_or_path, known)}")


def load_study(
    name_or_path: str,
    *,
    seeds: str | None = None,
    experiments: str | None = None,
    folder: Path = Path("config"),
) -> Study:
    """Read and validate one study file.

    `seeds` ("first", "0,2") and `experiments` ("sweep,plain") select from what the file
    names; they never add anything. Raises ConfigError listing every mistake.
    """
    path = find_study(name_or_path, folder)
    raw = _parse(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: a study file is a mapping of sections; it holds {raw!r:.60}")
    config = _checked(path, raw, all_off=bool(_split(experiments)))
    selected = _select(config, seeds, experiments)
    return Study(path.stem, path, selected, whole=selected == config)


def _parse(path: Path) -> Any:
    try:
        loader = _UniqueKeys(path.read_text(encoding="utf-8"), path)
        raw = loader.get_single_data()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-01
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = " ".join(str(getattr(error, "problem", error)).split())
        raise ConfigError(f"{where}: not valid YAML: {reason}") from None
    if loader.twice:
        raise ConfigError(*loader.twice)
    return raw


def _checked(path: Path, raw: dict[Any, Any], *, all_off: bool) -> StudyConfig:
    """Validate a file; `all_off` allows that no experiment is on by default."""
    reading = read(raw)
    problems: list[Problem] = []
    if reading.config is not None:
        problems = [*misfits(reading.config), *expand(reading.config).problems]
        if not all_off and not any(e.default for e in reading.config.experiments.values()):
            line = "experiments: none is part of the default targets; name one to run"
            problems.append(Problem(line, ("experiments.*",)))
    lines = [
        *reading.mistakes,
        *(problem.line for problem in problems if not problem.rests_on_any(reading.lost)),
    ]
    if reading.config is None or lines:
        raise ConfigError(*(f"{path}: {line}" for line in lines))
    return reading.config


def _select(config: StudyConfig, seeds: str | None, experiments: str | None) -> StudyConfig:
    update: dict[str, Any] = {}
    problems: list[str] = []
    if seeds not in (None, ""):
        update["seeds"] = _selected_seeds(str(seeds), config.seeds, problems)
    names = _split(experiments)
    problems += [
        f"experiments = {name!r}: unknown experiment; {nearest(name, config.experiments)}"
        for name in names
        if name not in config.experiments
    ]
    if problems:
        raise ConfigError(*problems)
    if names:
        # The others stay in sight: what they ask may decide a budget that they share.
        update["experiments"] = {
            name: experiment.model_copy(update={"default": name in names})
            for name, experiment in config.experiments.items()
        }
    return config.model_copy(update=update)


def _selected_seeds(text: str, allowed: list[int], problems: list[str]) -> list[int]:
    if text == "first":
        return allowed[:1]
    wanted = _split(text)
    known = {str(seed) for seed in allowed}
    problems += [
        f"seeds = {seed!r}: not a seed of the study; allowed: first, "
        + ", ".join(map(str, allowed))
        for seed in wanted or [text]
        if seed not in known
    ]
    return [seed for seed in allowed if str(seed) in wanted]


def _split(text: str | None) -> list[str]:
    return [part for part in str(text or "").replace(" ", "").split(",") if part]
