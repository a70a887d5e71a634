"""The claims file: what is refused, in which words, and what a claim may leave open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlan.config import load_study
from mlan.config.claim_design import design, score_members
from mlan.config.claims import RULES, Range
from mlan.config.fit_claims import claim_notes, one_letter_apart
from mlan.errors import ConfigError
from mlan.evidence.groups import groups
from tests.config.example import plain_study, put, write

REPOSITORY = Path(__file__).parents[2]


def one(**changes: Any) -> dict[str, Any]:
    """A valid claim, changed; None takes a key out."""
    found = {
        "id": "on_par",
        "sentence": "Text is not worse.",
        "source": "ours",
        "family": "secondary",
        "experiment": "sweep",
        "rule": "non_inferiority",
        "score": "vision average",
        "contrast": {"plus": {"share": 0.5}, "minus": {"share": 0.0}},
        "margin": 0.03,
        "reason": "It would not matter.",
        **changes,
    }
    return {key: value for key, value in found.items() if value is not None}


def ranged(rule: str, **changes: Any) -> dict[str, Any]:
    return one(**{"rule": rule, "contrast": None, "range": [0.0, 0.5], **changes})


def file_of(*claims: Any, **head: Any) -> dict[str, Any]:
    families = {name: {"description": "Some."} for name in ("primary", "secondary")}
    return {"families": families, "claims": list(claims), **head}


def load(folder: Path, claims: Any, study: dict[str, Any] | None = None) -> Any:
    """Load the example with a claims file of some content, plain data or text."""
    text = claims if isinstance(claims, str) else yaml.safe_dump(claims, sort_keys=False)
    (folder / "mine.claims.yaml").write_text(text)
    plain = put(plain_study() if study is None else study, "claims", "mine.claims.yaml")
    return load_study(write(folder, plain)).claims


def refused(folder: Path, claims: Any, study: dict[str, Any] | None = None) -> list[str]:
    """The lines of the error, without the file's name, which each begins with."""
    with pytest.raises(ConfigError) as caught:
        load(folder, claims, study)
    start = f"{folder / 'mine.claims.yaml'}: "
    assert all(line.startswith(start) and "\n" not in line for line in caught.value.lines)
    return [line.removeprefix(start) for line in caught.value.lines]


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        (
            one(margin=-0.1),
            "claims.on_par.margin = -0.1: input should be greater than 0",
        ),
        (
            one(rule="superiority", margin=-0.1),
            "claims.on_par.margin = -0.1: input should be greater than or equal to 0",
        ),
        (one(margin=None), "claims.on_par.margin: missing"),
        (one(reason=None), "claims.on_par.reason: missing"),
        (
            one(margn=0.1),
            "claims.on_par.margn: unknown key; did you mean 'margin'?",
        ),
        (
            one(rule="superority"),
            "claims.on_par.rule = 'superority': unknown rule; did you mean 'superiority'?",
        ),
        (one(rule=None), "claims.on_par.rule: missing; allowed: " + ", ".join(sorted(RULES))),
        (
            one(score="vison average"),
            "claims.on_par.score = 'vison average': unknown benchmark or group; did you mean "
            "'vision average'?",
        ),
        (
            one(family="primry"),
            "claims.on_par.family = 'primry': unknown family; did you mean 'primary'?",
        ),
        (
            one(family="primary", score="v_object"),
            "claims.on_par.score = 'v_object': family 'primary' is decided on text average and "
            "vision average",
        ),
        (
            one(contrast={"plus": {"share": 0.25}, "minus": {"share": 0.0}}),
            "claims.on_par.contrast.plus.share = 0.25: no cell of experiment sweep; allowed: "
            "0, 0.5, 1",
        ),
        (
            one(contrast={"plus": {"cell": "text5"}, "minus": {"share": 0.0}}),
            "claims.on_par.contrast.plus.cell = 'text5': no cell of the study; did you mean "
            "'text50'?",
        ),
        (
            one(contrast={"plus": {"share": 0.5, "cell": "text50"}, "minus": {"share": 0.0}}),
            "claims.on_par.contrast.plus: give `share` or `cell`, one of them",
        ),
        (
            one(contrast={"plus": {"share": 0.5}, "minus": {"cell": "text50"}}),
            "claims.on_par.contrast: compares cell text50 with itself",
        ),
        (
            one(experiment="swep"),
            "claims.on_par.experiment = 'swep': no experiment of the study; did you mean 'sweep'?",
        ),
        (
            one(measure={"condition": "rael"}),
            "claims.on_par.measure.condition = 'rael': no condition of the study; did you mean "
            "'real'?",
        ),
        (
            one(measure={"scorer": "label_logit", "parser": "strict"}),
            "claims.on_par.measure: parser 'strict' does not read label_logit; one of argmax",
        ),
        (
            one(measure={"parser": "official"}),
            "claims.on_par.measure.parser = 'official': benchmark v_object has no official rule",
        ),
        (
            ranged("plateau", range=[0.5, 0.75]),
            "claims.on_par.range = [0.5, 0.75]: holds 1 cell(s) of experiment sweep; two or more "
            "are needed",
        ),
        (
            ranged("plateau", range=[0.5, 0.0]),
            "claims.on_par.range: [0.5, 0] is no range; the smaller share first",
        ),
        (
            ranged("cliff", edge=0.5),
            "claims.on_par.edge = 0.5: lies in range [0, 0.5]",
        ),
        (
            ranged("trend", direction="up"),
            "claims.on_par.direction = 'up': not one of rises, falls",
        ),
        (
            one(
                rule="interaction",
                contrast=None,
                first={"contrast": one()["contrast"]},
                second={"contrast": one()["contrast"], "score": "text average"},
                direction="equal",
                margin=0,
            ),
            "claims.on_par: margin = 0: nothing is ever shown to be exactly equal",
        ),
        (
            one(
                rule="interaction",
                contrast=None,
                first={"contrast": one()["contrast"]},
                second={
                    "contrast": {"plus": {"cell": "text50"}, "minus": {"share": 0.0}},
                    "score": "vision average",
                    "measure": {"parser": "strict"},
                },
                direction="larger",
            ),
            "claims.on_par.second: is the same difference as `first`; let cells, score or measure "
            "differ",
        ),
        (one(margin=True), "claims.on_par.margin = True: input should be a valid number"),
        (one(expected=True), "claims.on_par.expected = True: input should be a valid number"),
        (
            one(margin=3),
            "claims.on_par: margin = 3: scores are fractions of 1; write 0.03 for 3 %",
        ),
        (
            one(expected=-2.8),
            "claims.on_par: expected = -2.8: scores are fractions of 1; write -0.028 for -2.8 %",
        ),
        (
            ranged("saturation", contrast=one()["contrast"], gain_margin=1),
            "claims.on_par: gain_margin = 1: scores are fractions of 1; write 0.01 for 1 %",
        ),
        ("on par", "claims.0 = 'on par': a claim is a mapping"),
    ],
)
def test_wrong_claim_is_one_line_with_file_and_key(tmp_path: Path, claim: Any, line: str) -> None:
    assert refused(tmp_path, file_of(claim)) == [line]


def test_slope_may_be_steeper_than_one(tmp_path: Path) -> None:
    steep = ranged("trend", direction="rises", margin=1.5, expected=2)

    (found,) = load(tmp_path, file_of(steep)).claims

    assert (found.margin, found.expected) == (1.5, 2.0)


@pytest.mark.parametrize(
    "second",
    [
        {"contrast": {"plus": {"share": 1.0}, "minus": {"share": 0.0}}},
        {"contrast": one()["contrast"], "score": "text average"},
        {"contrast": one()["contrast"], "measure": {"parser": "lenient"}},
    ],
)
def test_sides_of_an_interaction_differ_in_one_thing_at_least(
    tmp_path: Path, second: dict[str, Any]
) -> None:
    first = {"contrast": one()["contrast"]}
    claim = one(rule="interaction", contrast=None, direction="larger", first=first, second=second)

    assert len(load(tmp_path, file_of(claim)).claims) == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = [one(margin=-1), one(id="other", score="colour"), one(id="third", experiment="swep")]

    lines = refused(tmp_path, file_of(*wrong, one(id="third"), alpha=0.5, colour=1))

    assert lines == [
        "claims.on_par.margin = -1: input should be greater than 0",
        "claims: id 'third' stands 2 times; once is allowed",
        "alpha = 0.5: input should be less than or equal to 0.2",
        "colour: unknown key; allowed: alpha, claims, families, note, primary, seed_variance",
        "claims.other.score = 'colour': unknown benchmark or group; allowed: t_capital, "
        "taught by: pictures, text average, v_object, vision average",
        "claims.third.experiment = 'swep': no experiment of the study; did you mean 'sweep'?",
    ]


def test_two_claims_with_one_id_are_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path, file_of(one(), one())) == [
        "claims: id 'on_par' stands 2 times; once is allowed"
    ]


def test_primary_family_holds_at_most_five_claims(tmp_path: Path) -> None:
    claims = [one(id=f"c{n}", family="primary") for n in range(6)]

    assert refused(tmp_path, file_of(*claims)) == [
        "families.primary: holds 6 claims, at most 5 are allowed; move some of c0, c1, c2, c3, "
        "c4, c5 to another family"
    ]


def test_primary_family_takes_no_claim_on_tokens(tmp_path: Path) -> None:
    ratio = one(rule="token_ratio", family="primary", score=None, margin=None, at_most=0.5)

    assert refused(tmp_path, file_of(ratio)) == [
        "claims.on_par.family = 'primary': decided on text average and vision average, not on "
        "tokens"
    ]


@pytest.mark.parametrize(
    ("claims", "line"),
    [
        ("- a\n", "a claims file is a mapping; it holds ['a']"),
        (file_of() | {"claims": "none"}, "claims = 'none': a list of claims belongs here"),
    ],
)
def test_file_that_is_no_claims_file_is_one_line(tmp_path: Path, claims: Any, line: str) -> None:
    assert refused(tmp_path, claims) == [line]


def test_claims_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, put(plain_study(), "claims", "none.yaml"))

    with pytest.raises(ConfigError) as caught:
        load_study(path)

    assert caught.value.lines == (
        f"{path}: claims = 'none.yaml': no such file in {tmp_path}; write `claims: null` for a "
        "study without claims",
    )


def test_study_without_claims_has_none(tmp_path: Path) -> None:
    assert load_study(write(tmp_path, plain_study())).claims.claims == []


def test_experiment_that_the_study_does_not_have_is_allowed(tmp_path: Path) -> None:
    claim = one(experiment="resolution", contrast={"plus": {"share": 0.3}, "minus": {"cell": "x"}})

    (found,) = load(tmp_path, file_of(claim)).claims

    assert found.experiment == "resolution"


@pytest.mark.parametrize(
    ("change", "notes"),
    [
        ({"experiment": "resolution"}, []),
        (
            {"experiment": "swoop"},
            [
                "claims.on_par.experiment = 'swoop': no experiment of the study, so it is not run; "
                "did you mean 'sweep'?"
            ],
        ),
        (
            {"experiment": "resolution", "family": "primary"},
            [
                "claims.on_par.experiment = 'resolution': no experiment of the study, so it is not "
                "run, though primary; allowed: sweep"
            ],
        ),
        (
            {"contrast": {"plus": {"share": 0.5}, "minus": {"experiment": "swoop", "share": 0.0}}},
            [
                "claims.on_par.contrast.minus.experiment = 'swoop': no experiment of the study, so "
                "it is not run; did you mean 'sweep'?"
            ],
        ),
    ],
)
def test_experiment_that_may_be_a_slip_is_noted(
    tmp_path: Path, change: dict[str, Any], notes: list[str]
) -> None:
    found = load(tmp_path, file_of(one(**change)))

    assert list(claim_notes(found, design(load_study(str(tmp_path / "mine.yaml")).config))) == notes


@pytest.mark.parametrize("name", ["small", "paper", "tiny"])
def test_shipped_claims_need_no_note(name: str) -> None:
    study = load_study(name, folder=REPOSITORY / "config")

    assert list(claim_notes(study.claims, design(study.config))) == []


def test_share_of_several_cells_asks_for_a_name(tmp_path: Path) -> None:
    study = put(plain_study(), "experiments.sweep.vary", {"tune.lora.rank": [2, 4]})

    contrast = {"plus": {"share": 0.5}, "minus": {"cell": "untuned"}}
    lines = refused(tmp_path, file_of(one(contrast=contrast)), study)

    assert lines == [
        "claims.on_par.contrast.plus.share = 0.5: names 2 cells of experiment sweep; give one by "
        "name, `cell: text50`"
    ]


@pytest.mark.parametrize(
    ("name", "other", "slip"),
    [
        ("sweep", "swep", True),
        ("sweep", "sweeep", True),
        ("sweep", "swepe", True),
        ("sweep", "swoop", False),
        ("sweep", "sweep", False),
        ("sweep", "seep", True),
        ("vicuna", "low_resolution", False),
        ("a", "", True),
    ],
)
def test_a_slip_is_one_letter(name: str, other: str, slip: bool) -> None:
    assert one_letter_apart(name, other) == one_letter_apart(other, name) == slip


@pytest.mark.parametrize("name", ["small", "paper", "tiny"])
def test_groups_of_claims_are_those_of_the_evidence(name: str) -> None:
    data = load_study(name, folder=REPOSITORY / "config").config.data
    entries = {
        key: {"modality": b.modality, "taught_by": b.taught_by, "headline": b.headline}
        for key, b in data.benchmarks.items()
    }

    known = score_members(data)

    told = {group.name: group.members for group in groups(entries)}
    assert {key: known[key] for key in known if key not in entries} == told


@pytest.mark.parametrize("name", ["small", "paper"])
def test_shipped_claims_cover_the_papers_and_keep_the_primary_family_small(name: str) -> None:
    claims = load_study(name, folder=REPOSITORY / "config").claims.claims

    assert sum(claim.family == "primary" for claim in claims) == 5
    assert len(claims) >= 16
    assert {claim.__dict__["rule"] for claim in claims} >= set(RULES) - {"equivalence"}


def test_range_holds_its_ends_in_spite_of_rounding() -> None:
    span = Range.model_validate([0.3, 0.95])

    assert span.inside([0.95, 0.1 + 0.2, 0.5, 0.0]) == [0.1 + 0.2, 0.5, 0.95]
