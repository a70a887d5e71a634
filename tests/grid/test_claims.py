"""Claims resolved against a study: cells, weights, planned seeds, and why some cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlan.cost.jobs import tasks
from mlan.grid.claims import resolved_claims
from tests.config.example import plain_study, put
from tests.grid.example import claim, grid

STRICT = ["generate", "strict", "real"]
FIVE = [0.0, 0.25, 0.5, 0.75, 1.0]


def resolved(*claims: dict[str, Any], study: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    found = resolved_claims(grid(Path("results"), *claims, study=study))
    assert json.loads(json.dumps(found)) == found
    return found


def five() -> dict[str, Any]:
    return put(plain_study(), "experiments.sweep.vary", {"mixture.text_share": FIVE})


def terms(one: dict[str, Any], role: str) -> list[list[tuple[float, str]]]:
    """Weights and cells of the contrasts of a role."""
    found = [c["terms"] for c in one["contrasts"] if c["role"] == role]
    return [[(weight, cell) for weight, cell, *_ in own] for own in found]


def test_shares_become_cells_with_score_and_measure() -> None:
    (one,) = resolved(claim())

    assert one["contrasts"] == [
        {
            "name": "text50 - text0",
            "role": "difference",
            "terms": [
                [1.0, "text50", "vision average", *STRICT],
                [-1.0, "text0", "vision average", *STRICT],
            ],
        }
    ]
    assert (one["runnable"], one["why"], one["seeds"]) == (True, "", [0, 1])
    assert one["estimand"] == "difference of vision average, 50 % text less 0 % text"
    assert (one["alpha"], one["margin"], one["tokens"]) == (0.05, 0.03, None)


def test_measure_of_the_file_holds_unless_a_claim_has_its_own() -> None:
    head = {"primary": {"scorer": "label_logit", "parser": "argmax"}}
    own = claim("own", measure={"parser": "lenient"})

    first, second = resolved_claims(grid(Path("results"), claim(), own, head=head))

    assert first["contrasts"][0]["terms"][0][3:] == ["label_logit", "argmax", "real"]
    assert second["contrasts"][0]["terms"][0][3:] == ["generate", "lenient", "real"]


def test_seeds_may_be_pooled_over_the_cells_of_the_claims_curve() -> None:
    curve = [f"text{x}" for x in (0, 25, 50, 75, 100)]
    untuned = claim("untuned", contrast={"plus": {"share": 0.5}, "minus": {"cell": "untuned"}})
    between = {"plus": {"share": 0.5}, "minus": {"share": 0.0}}
    sides = {"first": {"contrast": between}, "second": {"contrast": between}}
    rest = {"rule": "interaction", "contrast": None, "direction": "larger"}
    lenient = {**sides["second"], "measure": {"parser": "lenient"}}
    apart = claim("apart", **rest, **{**sides, "second": lenient})
    tokens = {"margin": None, "score": None, "at_most": 0.8}
    ratio = claim("ratio", rule="token_ratio", **tokens)

    found = resolved(claim(), claim("alike", **rest, **sides), untuned, apart, ratio, study=five())

    assert [one["pooled_over"] for one in found] == [curve, curve, [], [], []]
    assert {one["seed_variance"] for one in found} == {"own"}
    assert "seed_variance" not in found[0]["asked"]


def test_two_cells_are_no_curve_to_pool_over() -> None:
    two = put(plain_study(), "experiments.sweep.vary", {"mixture.text_share": [0.0, 0.5]})

    assert resolved(claim(), study=two)[0]["pooled_over"] == []


def test_cliff_has_the_weights_of_its_interior_and_what_is_shown_beside_it() -> None:
    cliff = claim(rule="cliff", contrast=None, edge=1.0, range=[0.25, 0.75])

    (one,) = resolved(cliff, study=five())

    assert terms(one, "cliff") == [
        [(-0.5, "text25"), (0.0, "text50"), (1.5, "text75"), (-1.0, "text100")]
    ]
    assert terms(one, "drop") == [[(1.0, "text75"), (-1.0, "text100")]]
    assert terms(one, "level") == [[(1.0, f"text{x}")] for x in (25, 50, 75)]


def test_saturation_is_a_gain_and_all_pairs_of_a_range() -> None:
    saturation = claim(rule="saturation", gain_margin=0.05, range=[0.5, 1.0])

    (one,) = resolved(saturation, study=five())

    assert terms(one, "gain") == [[(1.0, "text50"), (-1.0, "text0")]]
    assert terms(one, "pair") == [
        [(1.0, "text75"), (-1.0, "text50")],
        [(1.0, "text100"), (-1.0, "text50")],
        [(1.0, "text100"), (-1.0, "text75")],
    ]


def test_interaction_adds_what_both_sides_share() -> None:
    between = {"plus": {"share": 0.5}, "minus": {"share": 0.0}}
    further = {"plus": {"share": 1.0}, "minus": {"share": 0.0}}
    interaction = claim(
        rule="interaction",
        contrast=None,
        first={"contrast": between},
        second={"contrast": further},
        direction="larger",
    )

    (one,) = resolved(interaction)

    assert terms(one, "difference") == [[(1.0, "text50"), (-1.0, "text100")]]
    assert terms(one, "second") == [[(1.0, "text100"), (-1.0, "text0")]]


def test_token_ratio_names_two_cells_and_no_score() -> None:
    ratio = claim(rule="token_ratio", score=None, margin=None, family="secondary", at_most=0.5)

    (one,) = resolved(ratio)

    assert (one["tokens"], one["contrasts"], one["score"]) == (["text50", "text0"], [], None)
    assert one["runnable"]


def test_untuned_model_of_one_seed_takes_no_planned_seed_away() -> None:
    (one,) = resolved(claim(contrast={"plus": {"share": 0.5}, "minus": {"cell": "untuned"}}))

    assert (one["seeds"], one["runnable"]) == ([0, 1], True)


def test_condition_of_some_seeds_plans_those() -> None:
    conditions = [{"image": "real", "parts": ["test"], "seeds": [1]}]
    study = put(plain_study(), "evaluate.conditions", conditions)

    (one,) = resolved(claim(), study=study)

    assert one["seeds"] == [1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"experiment": "resolution"}, "the study has no experiment resolution"),
        (
            {"measure": {"condition": "blank"}},
            "condition blank is not asked of the test part",
        ),
        (
            {"measure": {"scorer": "choice_logprob", "parser": "sum"}},
            "scorer choice_logprob is not asked of v_object",
        ),
    ],
)
def test_claim_that_the_study_cannot_answer_says_why(change: dict[str, Any], why: str) -> None:
    (one,) = resolved(claim(**change))

    assert (one["runnable"], one["why"]) == (False, why)


def test_experiment_that_is_off_is_resolved_but_not_runnable() -> None:
    off = {"vary": {"mixture.text_share": [0.5]}, "set": {"tune.lora.rank": 4}, "default": False}
    study = put(plain_study(), "experiments.rank", off)
    contrast = {"plus": {"share": 0.5}, "minus": {"experiment": "sweep", "share": 0.5}}

    (one,) = resolved(claim(experiment="rank", contrast=contrast), study=study)

    assert terms(one, "difference") == [[(1.0, "text50_rank-4"), (-1.0, "text50")]]
    assert not one["runnable"]
    assert one["why"] == (
        "not asked for; to run it: snakemake --cores all --config study=example "
        "experiments=sweep,rank"
    )


def test_margin_touches_no_job_but_the_claims() -> None:
    one, other = (grid(Path("results"), claim(margin=margin)) for margin in (0.03, 0.04))
    jobs = [(task.stage, task.wildcards) for task in tasks(one).values()]

    differ = [stage for stage, w in jobs if one.identity(stage, **w) != other.identity(stage, **w)]

    assert differ == ["claims"]
    assert one.inputs("draw")["evidence"] == one.folder("evidence")
