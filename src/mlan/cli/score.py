"""`mlan score`: the outputs of anyone's model under a benchmark's own rule, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from rich.text import Text

from mlan.cli.words import console
from mlan.errors import MlanError
from mlan.records import write_csv
from mlan.score.given import read_items, read_predictions
from mlan.score.metrics import METRICS
from mlan.score.outputs import OFFICIAL, judge, judging, refuse_gaps, report
from mlan.score.parsers import PARSERS
from mlan.score.rules import RULES, Rule


def run(
    benchmark: str | None,
    parser: str,
    items: Path | None,
    predictions: Path | None,
    out: Path | None,
    require_all: bool,
) -> None:
    """Print the metrics of a file of predictions; `out` gets one line an item."""
    if benchmark is None or items is None or predictions is None:
        named = {"--benchmark": benchmark, "--items": items, "--predictions": predictions}
        missing = [option for option, given in named.items() if given is None]
        raise MlanError(f"{missing[0]} is missing; `mlan score --list` names what there is")
    how = judging(benchmark, parser)
    asked = read_items(items, how.rule)
    given = read_predictions(predictions, asked)
    if require_all:
        refuse_gaps(asked, given)
    frame = judge(how.parser, asked, given)
    numbers = report(how, asked, given, frame)
    if out is not None:
        try:
            write_csv(out, frame)
        except OSError as error:
            raise MlanError(f"{out}: {error.strerror}") from None
    print(json.dumps(numbers, indent=1, allow_nan=False))


def show_list() -> None:
    """Print every benchmark with its official parser and metrics, every parser and metric."""
    screen = console()
    sections = {
        "Benchmarks: official parser (others in use); metrics, the headline one first": {
            name: f"{_parsers(rule)}; {', '.join(rule.metrics)}" for name, rule in RULES.items()
        },
        "Parsers": {
            OFFICIAL: "the benchmark's own",
            **{name: _first_line(parser.__doc__) for name, parser in PARSERS.items()},
        },
        "Metrics": {name: metric.says for name, metric in METRICS.items()},
    }
    for title, lines in sections.items():
        screen.print(Text(title, "bold"))
        for name in sorted(lines):
            screen.print(Text(f"  {name:18} {lines[name]}"), soft_wrap=True)
        screen.print()


def _parsers(rule: Rule) -> str:
    return f"{rule.official} ({', '.join(rule.further)})" if rule.further else rule.official


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
