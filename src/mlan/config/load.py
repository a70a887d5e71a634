"""Read a study file and report every mistake in it at once, before any job runs.

Owns: finding the file by name or path, all checks in one go, and command-line selection of seeds
and experiments. Claims are a file of their own (`read_claims`). It does not look at data or assets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.config.claims import NO_CLAIMS, Claims
from mlan.config.expand import expand
from mlan.config.fit import misfits
from mlan.config.mend import read
from mlan.config.problems import Problem
from mlan.config.read_claims import read_claims
from mlan.config.study import StudyConfig
from mlan.config.unique_keys import parse
from mlan.errors import ConfigError, UnknownStudyError, nearest


@dataclass(frozen=True)
class Study:
    """A validated study: `name` gives the results folder, `path` the file it came from.

    `whole` unless only some of its seeds or experiments were selected. `claims` are those of the
    file that it names.
    """

    name: str
    path: Path
    config: StudyConfig
    whole: bool = True
    claims: Claims = NO_CLAIMS
    planned_seeds: tuple[int, ...] | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds of the file, also where some were selected."""
        return self.planned_seeds or tuple(self.config.seeds)

    @property
    def lock(self) -> Path:
        """Its lock file, beside it: `mine.lock.yaml` of `mine.yaml`."""
        return self.path.with_name(f"{self.name}.lock.yaml")

    def resolve(self, relative: str) -> Path:
        """Turn a path of the study file into one relative to the working directory."""
        return self.path.parent / relative


def find_study(name_or_path: str, folder: Path = Path("config")) -> Path:
    """Return the study file for `small` or `some/where/mine.yaml`.

    Raises UnknownStudyError with the nearest name when there is none, ConfigError for a path.
    """
    direct = Path(name_or_path)
    if direct.suffix in {".yaml", ".yml"}:
        if direct.is_file():
            return direct
        raise ConfigError(f"study = {name_or_path!r}: no such file")
    named = folder / f"{name_or_path}.yaml"
    if named.is_file():
        return named
    others = (".lock", "claims")  # files that belong to a study
    known = [p.stem for p in folder.glob("*.yaml") if not p.stem.endswith(others)]
    raise UnknownStudyError(
        f"study = {name_or_path!r}: unknown study; {nearest(name_or_path, known)}"
    )


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
    raw = parse(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: a study file is a mapping of sections; it holds {raw!r:.60}")
    config = _checked(path, raw, all_off=bool(_split(experiments)))
    selected = _select(config, seeds, experiments)
    claims = read_claims(path, config)
    return Study(
        path.stem,
        path,
        selected,
        whole=selected == config,
        claims=claims,
        planned_seeds=tuple(config.seeds),
    )


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
