"""The ledger of claims: what stood before the first score, whatever is written later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlan.config import load_study
from mlan.errors import IntegrityError
from mlan.grid import Grid
from mlan.grid.ledger import Registration, has_scores, register, registration
from mlan.records import digest
from tests.config.example import plain_study, put, write
from tests.grid.example import claim, grid


def stand(root: Path, *claims: dict[str, Any], **how: Any) -> Registration:
    """Start the study with some claims.

    What is told before anything is written must be what is told afterwards.
    """
    made = grid(root, *claims, **how)
    before = registration(made)
    register(made)
    assert registration(made) == before
    return before


def start(root: Path, *claims: dict[str, Any], **how: Any) -> tuple[list[str], list[Any]]:
    """Start the study with some claims; return the post hoc and the withdrawn ones."""
    found = stand(root, *claims, **how)
    return list(found.post_hoc), [list(one) for one in found.withdrawn]


def score(root: Path) -> None:
    """Leave a prediction of one run."""
    folder = root / "example" / "cells" / "text0" / "seed0" / "predictions"
    folder.mkdir(parents=True)
    (folder / "v_object.parquet").write_bytes(b"x")


def entries(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / "example" / "claims.json").read_text())
    return found


def test_claim_before_scores_stays_registered(tmp_path: Path) -> None:
    assert start(tmp_path, claim()) == ([], [])
    score(tmp_path)

    assert start(tmp_path, claim()) == ([], [])
    assert [entry["after_scores"] for entry in entries(tmp_path)] == [False]


def test_ledger_of_a_study_that_goes_on_is_not_written_anew(tmp_path: Path) -> None:
    start(tmp_path, claim())
    content = (tmp_path / "example" / "claims.json").read_bytes()
    score(tmp_path)

    start(tmp_path, claim())

    assert (tmp_path / "example" / "claims.json").read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        {"margin": 0.04},
        {"sentence": "Text is better."},
        {"family": "secondary"},
        {"score": "text average"},
        {"measure": {"parser": "lenient"}},
        {"contrast": {"plus": {"share": 1.0}, "minus": {"share": 0.0}}},
    ],
)
def test_change_after_scores_is_post_hoc_and_the_old_one_withdrawn(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    start(tmp_path, claim())
    score(tmp_path)

    assert start(tmp_path, claim(**change)) == (["on_par"], [["on_par", "primary"]])
    # And back: the claim stands as it stood.
    assert start(tmp_path, claim()) == ([], [])


def test_level_is_part_of_every_claim(tmp_path: Path) -> None:
    start(tmp_path, claim())
    score(tmp_path)

    assert start(tmp_path, claim(), head={"alpha": 0.1})[0] == ["on_par"]


def test_pooled_seed_variance_is_part_of_every_claim(tmp_path: Path) -> None:
    pooled = {"seed_variance": "pooled"}
    start(tmp_path, claim())
    score(tmp_path)

    assert start(tmp_path, claim(), head=pooled) == (["on_par"], [["on_par", "primary"]])
    assert start(tmp_path, claim(), head={"seed_variance": "own"}) == ([], [])


@pytest.mark.parametrize(("choice", "post_hoc"), [("own", []), ("pooled", ["on_par"])])
def test_cell_added_to_the_curve_is_another_claim_where_seeds_are_pooled(
    tmp_path: Path, choice: str, post_hoc: list[str]
) -> None:
    head = {"seed_variance": choice}
    start(tmp_path, claim(), head=head)
    score(tmp_path)
    more = {"mixture.text_share": [0.0, 0.25, 0.5, 1.0]}

    wider = put(plain_study(), "experiments.sweep.vary", more)

    assert start(tmp_path, claim(), head=head, study=wider)[0] == post_hoc


def test_reason_source_and_expectation_may_be_reworded(tmp_path: Path) -> None:
    start(tmp_path, claim())
    score(tmp_path)

    reworded = claim(reason="Other words.", source="Table 5", expected=0.01)

    assert start(tmp_path, reworded) == ([], [])


def test_change_before_scores_is_none(tmp_path: Path) -> None:
    start(tmp_path, claim(), claim("other"))
    start(tmp_path, claim(margin=0.04))
    score(tmp_path)

    assert start(tmp_path, claim(margin=0.04)) == ([], [])
    assert start(tmp_path, claim())[0] == ["on_par"]  # the one that stood is the last before


def test_claim_added_after_scores_is_post_hoc_for_good(tmp_path: Path) -> None:
    start(tmp_path, claim())
    score(tmp_path)

    assert start(tmp_path, claim(), claim("late")) == (["late"], [])
    (
        tmp_path / "example" / "cells" / "text0" / "seed0" / "predictions" / "v_object.parquet"
    ).unlink()
    assert start(tmp_path, claim(), claim("late", margin=0.01))[0] == ["late"]


def test_claim_taken_out_after_scores_is_withdrawn(tmp_path: Path) -> None:
    start(tmp_path, claim(), claim("gone", family="secondary"))
    score(tmp_path)

    assert start(tmp_path, claim()) == ([], [["gone", "secondary"]])


def test_scores_without_a_ledger_make_all_claims_post_hoc(tmp_path: Path) -> None:
    score(tmp_path)

    assert start(tmp_path, claim()) == (["on_par"], [])


def test_cell_added_to_a_range_after_scores_is_another_claim(tmp_path: Path) -> None:
    plateau = claim(rule="plateau", contrast=None, range=[0.0, 1.0])
    start(tmp_path, plateau)
    score(tmp_path)
    shares = {"mixture.text_share": [0.0, 0.25, 0.5, 1.0]}
    wider = put(plain_study(), "experiments.sweep.vary", shares)

    assert start(tmp_path, plateau, study=wider)[0] == ["on_par"]


def test_experiment_added_after_scores_leaves_its_claim_as_it_stood(tmp_path: Path) -> None:
    low = claim(experiment="low", contrast={"plus": {"share": 1.0}, "minus": {"cell": "untuned"}})
    start(tmp_path, low)
    score(tmp_path)
    more = {"vary": {"mixture.text_share": [1.0]}, "set": {"tune.lora.rank": 4}}

    assert start(tmp_path, low, study=put(plain_study(), "experiments.low", more)) == ([], [])


SWEEP = {"vary": {"mixture.text_share": [0.0, 0.25, 0.5, 1.0]}, "set": {"tune.lora.rank": 4}}


def test_experiment_may_come_late_once_and_is_then_what_was_registered(tmp_path: Path) -> None:
    plateau = claim(rule="plateau", contrast=None, range=[0.0, 1.0], experiment="low")
    start(tmp_path, plateau)
    score(tmp_path)

    def of_shares(*shares: float) -> dict[str, Any]:
        return put(
            put(plain_study(), "experiments.low", SWEEP),
            "experiments.low.vary",
            {"mixture.text_share": list(shares)},
        )

    assert start(tmp_path, plateau, study=of_shares(0.0, 0.25, 0.5, 1.0)) == ([], [])
    assert start(tmp_path, plateau, study=of_shares(0.0, 0.25, 0.5))[0] == ["on_par"]
    assert start(tmp_path, plateau) == ([], [])  # the experiment is gone: not run
    assert start(tmp_path, plateau, study=of_shares(0.25, 0.5))[0] == ["on_par"]
    assert start(tmp_path, plateau, study=of_shares(0.0, 0.25, 0.5, 1.0)) == ([], [])


def more_benchmarks() -> dict[str, Any]:
    """The example with a second benchmark of vision."""
    study = plain_study()
    first = study["data"]["benchmarks"]["v_object"]
    return put(study, "data.benchmarks.v_flag", {**first, "relation": "flag"})


@pytest.mark.parametrize(
    ("score_name", "key", "value"),
    [
        ("vision average", "v_flag.headline", False),
        ("taught by: pictures", "v_flag.headline", False),
        ("taught by: pictures", "v_flag.taught_by", "nobody"),
        ("vision average", "v_flag.relation", "category"),
        ("vision average", "v_flag.test", 40),
        ("v_flag", "v_flag.test", 40),
    ],
)
def test_another_average_after_scores_is_another_claim(
    tmp_path: Path, score_name: str, key: str, value: Any
) -> None:
    one = claim(score=score_name, family="secondary")
    start(tmp_path, one, study=more_benchmarks())
    score(tmp_path)
    changed = put(more_benchmarks(), f"data.benchmarks.{key}", value)

    assert start(tmp_path, one, study=changed) == (["on_par"], [["on_par", "secondary"]])
    assert start(tmp_path, one, study=more_benchmarks()) == ([], [])


@pytest.mark.parametrize(
    ("score_name", "key", "value"),
    [
        ("text average", "data.benchmarks.v_flag.headline", False),
        ("v_object", "data.benchmarks.v_flag.headline", False),
        ("vision average", "data.benchmarks.v_flag.taught_by", "nobody"),
        ("vision average", "data.benchmarks.v_flag.dev", 8),
        ("vision average", "data.concepts", {"objects": 186}),  # as by default
    ],
)
def test_what_a_score_is_not_made_of_changes_no_claim(
    tmp_path: Path, score_name: str, key: str, value: Any
) -> None:
    one = claim(score=score_name, family="secondary")
    start(tmp_path, one, study=more_benchmarks())
    score(tmp_path)

    assert start(tmp_path, one, study=put(more_benchmarks(), key, value)) == ([], [])


def test_another_split_of_concepts_asks_other_items(tmp_path: Path) -> None:
    start(tmp_path, claim())
    score(tmp_path)
    split = put(plain_study(), "data.concepts", {"split_seed": 8})

    assert start(tmp_path, claim(), study=split)[0] == ["on_par"]


def age(root: Path) -> None:
    """Make a ledger one of the version that knew neither scores, seeds nor what was planned."""
    seal = ""
    old = []
    for entry in entries(root):
        kept = {k: v for k, v in entry.items() if k not in ("scores", "seeds", "planned", "seal")}
        seal = digest([kept, seal])
        old.append({**kept, "seal": seal})
    (root / "example" / "claims.json").write_text(json.dumps(old))


def test_ledger_of_an_older_version_holds_and_learns_once_what_it_lacks(tmp_path: Path) -> None:
    start(tmp_path, claim(), study=more_benchmarks())
    score(tmp_path)
    age(tmp_path)

    assert stand(tmp_path, claim(), study=more_benchmarks()) == Registration((), (), (), (), ())
    assert [entry["after_scores"] for entry in entries(tmp_path)] == [False, True]
    smaller = put(more_benchmarks(), "data.benchmarks.v_flag.headline", False)
    assert start(tmp_path, claim(), study=smaller)[0] == ["on_par"]
    more = stand(tmp_path, claim(), study=put(more_benchmarks(), "seeds", [0, 1, 2]))
    assert more.other_seeds == (("on_par", (0, 1)),)
    assert start(tmp_path, claim(), study=more_benchmarks()) == ([], [])


def test_entry_of_an_older_version_is_withdrawn_like_any(tmp_path: Path) -> None:
    start(tmp_path, claim(), claim("gone"))
    score(tmp_path)
    age(tmp_path)

    assert start(tmp_path, claim()) == ([], [["gone", "primary"]])
    assert stand(tmp_path, claim()).untested == ()  # it does not know whether it was planned


@pytest.mark.parametrize("seeds", [[0, 1, 2], [0], [1, 2]])
def test_seeds_changed_after_scores_are_told_with_those_registered(
    tmp_path: Path, seeds: list[int]
) -> None:
    assert stand(tmp_path, claim()).other_seeds == ()
    other = put(plain_study(), "seeds", seeds)
    assert stand(tmp_path, claim(), study=other).other_seeds == ()  # before scores
    stand(tmp_path, claim())
    score(tmp_path)

    found = stand(tmp_path, claim(), claim("late"), study=other)

    # They make no other claim of it; one that is post hoc anyway is not told of.
    assert (found.post_hoc, found.withdrawn) == (("late",), ())
    assert found.other_seeds == (("on_par", (0, 1)),)
    assert stand(tmp_path, claim()).other_seeds == ()


def test_selected_seeds_are_not_those_that_are_registered(tmp_path: Path) -> None:
    path = write(tmp_path, put(plain_study(), "claims", "mine.claims.yaml"))
    file = {"families": {"primary": {"description": "First."}}, "claims": [claim()]}
    (tmp_path / "mine.claims.yaml").write_text(yaml.safe_dump(file))

    def told(seeds: str | None) -> Registration:
        made = Grid(load_study(path, seeds=seeds), "cpu", tmp_path)
        register(made)
        return registration(made)

    assert told("first").other_seeds == (("on_par", (0, 1)),)
    assert told(None).other_seeds == ()


def switched(on: bool) -> dict[str, Any]:
    """The example with an experiment of its own rank, asked for or not."""
    rank = {"vary": {"mixture.text_share": [0.5]}, "set": {"tune.lora.rank": 4}, "default": on}
    return put(plain_study(), "experiments.rank", rank)


RANKED = claim(
    "ranked", experiment="rank", contrast={"plus": {"share": 0.5}, "minus": {"cell": "text50"}}
)


def test_claim_that_was_planned_once_counts_on(tmp_path: Path) -> None:
    assert stand(tmp_path, RANKED, study=switched(False)).counted == ()
    score(tmp_path)
    assert stand(tmp_path, RANKED, study=switched(False)).counted == ()

    assert stand(tmp_path, RANKED, study=switched(True)).counted == ()
    off = stand(tmp_path, RANKED, study=switched(False))
    assert (off.post_hoc, off.withdrawn, off.counted) == ((), (), ("ranked",))
    content = (tmp_path / "example" / "claims.json").read_bytes()
    stand(tmp_path, RANKED, study=switched(True))
    assert (tmp_path / "example" / "claims.json").read_bytes() == content


RATIO = claim(
    "ranked",
    rule="token_ratio",
    score=None,
    margin=None,
    contrast={"plus": {"share": 1.0}, "minus": {"share": 0.0}},
    at_most=0.9,
)


@pytest.mark.parametrize("later", [[], ["changed"]])
@pytest.mark.parametrize(
    ("one", "changed", "run", "untested"),
    [
        (RANKED, {"margin": 0.04}, False, ("ranked",)),
        (RANKED, {"margin": 0.04}, True, ()),
        (RATIO, {"at_most": 0.8}, True, ("ranked",)),
    ],
)
def test_claim_that_was_no_hypothesis_is_none_when_it_goes(
    tmp_path: Path, one: Any, changed: Any, run: bool, untested: Any, later: list[str]
) -> None:
    stand(tmp_path, one, claim(), study=switched(run))
    score(tmp_path)

    new = [{**one, **changed} for _ in later]
    found = stand(tmp_path, *new, claim(), study=switched(run))

    assert (found.withdrawn, found.untested) == ((("ranked", "primary"),), untested)
    assert stand(tmp_path, *new, claim(), study=switched(True)).untested == untested


def test_claim_that_was_planned_after_scores_alone_is_a_hypothesis_when_it_goes(
    tmp_path: Path,
) -> None:
    stand(tmp_path, RANKED, claim(), study=switched(False))
    score(tmp_path)
    stand(tmp_path, RANKED, claim(), study=switched(True))

    assert stand(tmp_path, claim()).untested == ()


def test_what_is_planned_before_scores_may_change(tmp_path: Path) -> None:
    stand(tmp_path, RANKED, study=switched(True))
    stand(tmp_path, RANKED, study=switched(False))
    score(tmp_path)

    assert stand(tmp_path, RANKED, study=switched(False)).counted == ()


def test_measure_that_is_asked_no_more_after_scores_counts_on(tmp_path: Path) -> None:
    logits = claim(measure={"scorer": "label_logit", "parser": "argmax"})
    start(tmp_path, logits)
    score(tmp_path)
    written = put(plain_study(), "evaluate.scorers", ["generate"])

    found = stand(tmp_path, logits, study=written)

    assert (found.post_hoc, found.counted) == ((), ("on_par",))


def test_selection_changes_no_registration(tmp_path: Path) -> None:
    off = {"vary": {"mixture.text_share": [0.5]}, "set": {"tune.lora.rank": 4}, "default": False}
    study = put(plain_study(), "experiments.rank", off)
    ranked = claim(
        experiment="rank", contrast={"plus": {"share": 0.5}, "minus": {"cell": "text50"}}
    )
    start(tmp_path, ranked, study=study)
    score(tmp_path)

    assert start(tmp_path, ranked, study=put(study, "experiments.rank.default", True)) == ([], [])


@pytest.mark.parametrize("place", [0, 1])
def test_edited_ledger_is_refused(tmp_path: Path, place: int) -> None:
    start(tmp_path, claim(), claim("other"))
    path = tmp_path / "example" / "claims.json"
    found = entries(tmp_path)
    found[place]["family"] = "secondary"
    path.write_text(json.dumps(found))

    with pytest.raises(IntegrityError) as caught:
        start(tmp_path, claim())

    assert caught.value.lines == (
        f"{path}: the seal of entry {place + 1} is broken: the ledger was edited; put it back, or "
        "delete it (every claim is then post hoc if there are scores)",
    )


@pytest.mark.parametrize("text", ["[", "{}x", '[{"id": 1}]', "[1]", "1"])
def test_ledger_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "claims.json").write_text(text)

    with pytest.raises(IntegrityError, match=r"claims\.json: not readable; put it back"):
        start(tmp_path, claim())


def test_empty_folder_of_a_run_is_no_score(tmp_path: Path) -> None:
    (tmp_path / "cells" / "text0" / "seed0" / "predictions").mkdir(parents=True)

    assert not has_scores(tmp_path)


def test_study_without_claims_has_no_ledger(tmp_path: Path) -> None:
    assert start(tmp_path) == ([], [])
    assert not (tmp_path / "example").exists()


def test_entry_taken_out_of_the_ledger_is_missed(tmp_path: Path) -> None:
    start(tmp_path, claim(), claim("other"))
    (tmp_path / "example" / "claims.json").write_text(json.dumps(entries(tmp_path)[1:]))

    with pytest.raises(IntegrityError, match="the seal of entry 1 is broken"):
        start(tmp_path, claim())
