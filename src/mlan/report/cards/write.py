"""Write the cards of a study into one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlan.hub.lock import Locked
from mlan.records import write_bytes, write_csv
from mlan.report.cards.checklist import checklist
from mlan.report.cards.dataset import dataset_card
from mlan.report.cards.licences import licences, licences_table
from mlan.report.cards.models import model_cards
from mlan.report.page.facts import Facts
from mlan.report.page.trace import Trace
from mlan.report.summary import Summary


def write_cards(
    folder: Path,
    summary: Summary,
    facts: Facts,
    trace: Trace,
    locked: Mapping[str, Locked],
    root: Path,
) -> list[Path]:
    """Write dataset.md, a model_<cell>.md a tuned cell, licences.csv and checklist.md.

    `root` holds the study's results. Returns the paths. Raises IntegrityError.
    """
    used = licences(facts.materials, locked)
    texts = {
        "dataset": dataset_card(summary, facts, trace, used),
        "checklist": checklist(summary, facts, trace, used),
        **{
            f"model_{cell}": card
            for cell, card in model_cards(summary, facts, trace, locked, root).items()
        },
    }
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.md")
        write_bytes(paths[-1], text.encode())
    paths.append(folder / "licences.csv")
    write_csv(paths[-1], licences_table(used))
    return paths
