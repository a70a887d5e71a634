"""What must fit between how a study asks and whom: conditions, scorers, benchmarks and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlan.config.benchmarks import FREE_SETS, SetBenchmark
from mlan.config.problems import Problem, duplicates
from mlan.config.study import StudyConfig

_SEEDS = ("seeds", "seed_varies")


def evaluate_problems(config: StudyConfig) -> list[Problem]:
    """Return what is wrong with conditions and scorers."""
    return [
        *_seed_problems(config),
        *_nothing_asked(config),
        *_other_problems(config),
        *_shots_problems(config),
        *_scorer_problems(config),
    ]


def keep_problems(config: StudyConfig) -> Iterator[Problem]:
    """Yield what is missing for the comparison that `keep: best` makes."""
    if config.keep != "best":
        return
    evaluate = config.evaluate
    if not any(
        c.name == "real" and "dev" in c.parts and c.models == "all" for c in evaluate.conditions
    ):
        line = (
            "keep = 'best': compares cells on the dev parts, which no condition of "
            "evaluate.conditions asks with the real picture"
        )
        yield Problem(line, ("keep", "evaluate.conditions"))
    for name, benchmark in config.data.benchmarks.items():
        if benchmark.headline and "generate" not in (benchmark.scorers or evaluate.scorers):
            line = "keep = 'best': compares greedy answers, which no scorer of"
            rests_on = ("keep", "evaluate.scorers", f"data.benchmarks.{name}")
            yield Problem(f"{line} data.benchmarks.{name} asks for", rests_on)


def _baseline(config: StudyConfig) -> set[int]:
    """Seeds of the untuned model: 0 alone, unless stage 1 differs between seeds."""
    return set(config.seeds) if "align" in config.seed_varies else {0}


def _known(config: StudyConfig) -> list[int]:
    return sorted({*config.seeds, *_baseline(config)})


def _seed_problems(config: StudyConfig) -> list[Problem]:
    """Unknown seeds, and what is asked twice in a seed."""
    problems: list[Problem] = []
    named: list[tuple[str, set[int]]] = []
    twice: set[str] = set()
    for number, condition in enumerate(config.evaluate.conditions):
        key = f"evaluate.conditions.{number}.seeds"
        known = _known(config) if condition.models == "all" else sorted(_baseline(config))
        seeds = known if condition.seeds is None else condition.seeds
        foreign = [f"{key} = {s}: not a seed of the study" for s in seeds if s not in known]
        if condition.models == "untuned":
            foreign = [f"{line}'s untuned model" for line in foreign]
        allowed = f"allowed: {_listed(known)}"
        problems += [Problem(f"{line}; {allowed}", (key, *_SEEDS)) for line in foreign]
        problems += duplicates(key, seeds)
        for name in (f"{condition.name} {part}" for part in condition.parts):
            twice |= {name for other, there in named if other == name and there & set(seeds)}
            named.append((name, set(seeds)))
    for name in sorted(twice):
        line = f"evaluate.conditions = {name}: named twice; each value may stand once"
        problems.append(Problem(line, ("evaluate.conditions", *_SEEDS)))
    return problems


def _nothing_asked(config: StudyConfig) -> Iterator[Problem]:
    """Seeds in which a run has no question at all, or none for text benchmarks."""
    text = any(b.modality == "text" for b in config.data.benchmarks.values())
    images = {
        seed: {
            c.image
            for c in config.evaluate.asked_in(seed, "tuned" if seed in config.seeds else "untuned")
        }
        for seed in _known(config)
    }
    told = {
        "no condition": [s for s, shown in images.items() if not shown],
        "no condition for text benchmarks (only `real` asks them)": [
            s for s, shown in images.items() if text and shown and "real" not in shown
        ],
    }
    rests_on = ("evaluate.conditions", *_SEEDS, "data.benchmarks.*")
    for what, seeds in told.items():
        if seeds:
            yield Problem(f"evaluate.conditions: {what} in seed {_listed(seeds)}", rests_on)


def _other_problems(config: StudyConfig) -> Iterator[Problem]:
    if any(b.modality == "vision" for b in config.data.benchmarks.values()):
        return
    for number, condition in enumerate(config.evaluate.conditions):
        if condition.image == "other":
            key = f"evaluate.conditions.{number}.image"
            line = f"{key} = 'other': no benchmark of the study shows a picture"
            yield Problem(line, (key, "data.benchmarks.*"))


def _shots_problems(config: StudyConfig) -> Iterator[Problem]:
    """More examples than a dev part may have; what it does have is known once it is built."""
    for number, condition in enumerate(config.evaluate.conditions):
        key = f"evaluate.conditions.{number}.shots"
        own = "dev" in condition.parts  # the asked item itself is no example
        for name, benchmark in config.data.benchmarks.items():
            if condition.image != "real" and benchmark.modality == "text":
                continue
            if benchmark.dev is not None and condition.shots > benchmark.dev - own:
                size = f"data.benchmarks.{name}.dev"
                line = (
                    f"{key} = {condition.shots}: {size} = {benchmark.dev} leaves "
                    f"{benchmark.dev - own} for examples"
                )
                yield Problem(line, (key, size))


def _scorer_problems(config: StudyConfig) -> Iterator[Problem]:
    yield from duplicates("evaluate.scorers", config.evaluate.scorers)
    for name, benchmark in config.data.benchmarks.items():
        key = f"data.benchmarks.{name}.scorers"
        yield from duplicates(key, benchmark.scorers or [])
        if benchmark.scorers is None:
            key, scorers = "evaluate.scorers", config.evaluate.scorers
        else:
            scorers = benchmark.scorers
        free = isinstance(benchmark, SetBenchmark) and benchmark.set in FREE_SETS
        if free and "generate" not in scorers:
            line = f"{key} = {_listed(scorers)}: free answers of data.benchmarks.{name} need"
            yield Problem(f"{line} `generate`", (key, f"data.benchmarks.{name}"))


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
