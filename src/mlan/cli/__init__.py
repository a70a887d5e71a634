"""The command line `mlan`: look at a study without running it, or score outputs of any model.

Each command lives in a module of its own, imported when it is called, so that `mlan --help`
starts at once. Nothing here computes a result: that is the workflow's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mlan.cli.errors import PlainTyper

app = PlainTyper(
    help="Look at a study: its plan, its state, its runs, its answer. `make run` computes it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
show = typer.Typer(
    help="Rows of a run's plan; items on which two runs differ.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(show, name="show")

StudyArgument = Annotated[str, typer.Argument(help="Study name or path of its file.")]
StudyOption = Annotated[str, typer.Option("--study", help="Study name or path of its file.")]
Seeds = Annotated[
    str | None, typer.Option("--seeds", help="`first`, or some of the study's seeds: 0,2.")
]
Experiments = Annotated[
    str | None, typer.Option("--experiments", help="Some of the study's experiments: a,b.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of both runs; default the first.")]
Scorer = Annotated[
    str | None, typer.Option("--scorer", help="generate, label_logit, ...; default the claims'.")
]
Parser = Annotated[
    str | None,
    typer.Option("--parser", help="strict, ...; default the claims', or the scorer's first."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("plan")
def _plan(
    study: StudyArgument = "small",
    seeds: Seeds = None,
    experiments: Experiments = None,
    as_json: Json = False,
    gpu: Annotated[
        str | None, typer.Option("--gpu", help="Time on such a GPU: h100, a100-80g, rtx4090, ...")
    ] = None,
    mfu: Annotated[
        float | None, typer.Option("--mfu", help="Share of its peak that is reached; default .45.")
    ] = None,
) -> None:
    """What a study trains on, costs and can detect. Trains nothing.

    Of every cell: examples, epochs and the three meanings of text share. Of every claim: the
    smallest effect that it can detect. Of every stage: jobs, time, operations, memory, disk. The
    speed of this machine is measured (seconds) and kept in results/STUDY/state.
    """
    from mlan.cli import plan

    plan.run(study, seeds, experiments, as_json, gpu, mfu)


@app.command("status")
def _status(
    study: StudyArgument = "small",
    seeds: Seeds = None,
    experiments: Experiments = None,
    as_json: Json = False,
) -> None:
    """What is done, at work and missing. Also while the study runs."""
    from mlan.cli import status

    status.run(study, seeds, experiments, as_json)


@app.command("recommend")
def _recommend(
    study: StudyArgument = "small",
    weight: Annotated[
        float | None, typer.Option("--weight", help="Weight on vision, 0 to 1; default .5.")
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            "--price",
            help="Points per million LM tokens; without it 0, and tables at two more prices.",
        ),
    ] = None,
    scorer: Scorer = None,
    parser: Parser = None,
    as_json: Json = False,
) -> None:
    """Text shares that cannot be told from the best.

    As a function of what vision weighs against text and of a price on tokens; a share of examples,
    of LM tokens and of supervised tokens. Scores must be collected: make run, make figures.
    """
    from mlan.cli import recommend

    recommend.run(study, weight, price, scorer, parser, as_json)


@app.command("diff")
def _diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A study, study:cell or study:cell:seed.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Another of the same kind.")],
    study: Annotated[
        str | None, typer.Option("--study", help="Study of both; A and B are then cell[:seed].")
    ] = None,
    scorer: Scorer = None,
    parser: Parser = None,
    as_json: Json = False,
) -> None:
    """What two runs, cells or studies differ in, scores included.

    Configuration, data, code, and paired score differences B - A with intervals. The items that
    flipped: mlan show diff.
    """
    from mlan.cli import diff

    diff.run(first, second, study, scorer, parser, as_json)


@show.command("plan")
def _show_plan(
    cell: Annotated[str, typer.Argument(help="A tuned cell, e.g. text50.")],
    seed: Annotated[int | None, typer.Argument(help="Seed; default the first.")] = None,
    study: StudyOption = "small",
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 8,
) -> None:
    """The first rows of a run's plan, supervised tokens marked."""
    from mlan.cli import show_plan

    show_plan.run(study, cell, seed, rows)


@show.command("diff")
def _show_diff(
    cell_a: Annotated[str, typer.Argument(help="A cell.")],
    cell_b: Annotated[str, typer.Argument(help="Another cell.")],
    seed: Seed = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="One benchmark only.")
    ] = None,
    study: StudyOption = "small",
    rows: Annotated[int, typer.Option("--rows", min=0, help="Items a benchmark; 0: all.")] = 5,
) -> None:
    """Items on which two runs differ. Their scores: mlan diff."""
    from mlan.cli import show_diff

    show_diff.run(study, cell_a, cell_b, seed, benchmark, rows)


@app.command("export")
def _export(
    cell: Annotated[str, typer.Argument(help="A cell, e.g. text50.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    seed: Annotated[int | None, typer.Option("--seed", help="Default the first.")] = None,
    study: StudyOption = "small",
) -> None:
    """Write a finished run as a folder that transformers loads."""
    from mlan.cli import export

    export.run(study, cell, seed, out)


@app.command("export-mix")
def _export_mix(
    cell: Annotated[str, typer.Argument(help="A tuned cell, e.g. text50.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    seed: Annotated[int | None, typer.Option("--seed", help="Default the first.")] = None,
    study: StudyOption = "small",
    form: Annotated[
        Literal["llava", "chat"], typer.Option("--format", help="JSON of LLaVA, or chat JSONL.")
    ] = "llava",
) -> None:
    """Write a run's exact mixture for another trainer. Pictures too."""
    from mlan.cli import export_mix

    export_mix.run(study, cell, seed, out, form)


@app.command("score")
def _score(
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="Whose items they are, e.g. pope.")
    ] = None,
    parser: Annotated[
        str,
        typer.Option("--parser", help="How to read answers: official, strict, lenient, ..."),
    ] = "official",
    items: Annotated[
        Path | None, typer.Option("--items", help="Items, a line of JSON each.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="Answers, a line {id, prediction} each.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="CSV to write: what each item earned.")
    ] = None,
    require_all: Annotated[
        bool, typer.Option("--require-all", help="Refuse missing and repeated predictions.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Name every benchmark, parser and metric.")
    ] = False,
) -> None:
    """Score any model's answers by a benchmark's own rule. Prints JSON."""
    from mlan.cli import score

    if listed:
        score.show_list()
    else:
        score.run(benchmark, parser, items, predictions, out, require_all)


@app.command("lock")
def _lock(
    study: StudyArgument = "small",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the lock file is not current.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Move names that are locked already, too.")
    ] = False,
) -> None:
    """Pin what a study takes from a hub.

    Commit, size and licence of each repository, in a file beside the study.
    """
    from mlan.cli import lock

    lock.run(study, check, upgrade)


@app.command("doctor")
def _doctor() -> None:
    """Whether everything is here that a study needs."""
    from mlan.cli import doctor

    raise typer.Exit(doctor.run())
