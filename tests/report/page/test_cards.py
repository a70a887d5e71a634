"""Cards of a study: sizes from records, licences of all it uses, a card a tuned cell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.data.assets import ASSETS
from mlan.grid.materials import Material
from mlan.hub.lock import Locked
from mlan.records import read_record
from mlan.report.card import Licence
from mlan.report.cards.licences import licences

COMMIT = "c" * 40


def test_embedded_works_come_first_each_once_with_their_own_licence() -> None:
    used = [
        Material("files", "mine.tsv"),
        Material("model", "smollm2-135m-instruct"),
        Material("model", "toy-tower"),
        Material("pictures", "noto"),
        Material("facts", "concepts"),
    ]
    found = licences(used, {})
    assert [one.work for one in found] == [
        *("smollm2", "noto", "twemoji", "emoji-names", "country-facts", "wordnet", "mine.tsv"),
    ]
    assert found[0].licence == ASSETS["smollm2"].licence
    assert found[-1] == Licence("mine.tsv", "not known to mlan", "say whose it is")


def test_work_of_a_hub_has_the_locked_licence_or_says_that_it_is_not_known() -> None:
    locked = {
        "hub:a/b": Locked(commit=COMMIT, bytes=1, files=1, digest="d" * 64, licence="cc-by-4.0")
    }
    used = [Material("hub", "hub:a/b", COMMIT), Material("hub", "hub:x/y", "unknown")]
    assert licences(used, locked) == [
        Licence("hub:a/b", "cc-by-4.0", f"see its card; commit {COMMIT}"),
        Licence("hub:x/y", "not known (not locked)", "see its card; commit unknown"),
    ]


def test_cards_are_recorded_one_a_tuned_cell_and_one_of_the_data(study_folder: Path) -> None:
    outputs = read_record(study_folder / "page")["outputs"]
    assert {name for name in outputs if name.startswith("cards/")} == {
        f"cards/{name}"
        for name in (
            *("checklist.md", "dataset.md", "licences.csv"),
            *("model_share-0.md", "model_share-100.md"),
        )
    }


def test_dataset_card_has_the_sizes_of_records_and_what_is_shared(study_folder: Path) -> None:
    card = (study_folder / "page" / "cards" / "dataset.md").read_text()
    assert "| text-a | text | embedded facts: capital | 24 | 1 |" in card
    assert "| text-a | capital-text | test | 80 | 3 | 7 | 0 | 0 |" in card


def test_model_card_has_the_cells_own_recipe_and_mixture(study_folder: Path) -> None:
    card = (study_folder / "page" / "cards" / "model_share-100.md").read_text()
    assert "# share-100, seed 0, of study small" in card
    assert "text_share: 1\n" in card
    assert "| text-a | text | 8 | 0.50 | 100 | 0 | 12 | 1 |" in card
    assert "twemoji" in card
    assert "mine.tsv" not in card  # the study uses it, this model was not made of it


def test_checklist_counts_runs_and_names_works_without_a_licence(study_folder: Path) -> None:
    text = (study_folder / "page" / "cards" / "checklist.md").read_text()
    assert "4 runs of 2 cells; 2 seeds a tuned cell. A seed changes draw, order and init." in text
    assert "1 sources with 24 examples" in text
    assert "Not known: mine.tsv." in text
    table = pd.read_csv(study_folder / "page" / "cards" / "licences.csv")
    assert [*table.columns] == ["work", "licence", "attribution"]
