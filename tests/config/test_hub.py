"""Names of repositories: how they are written, and where a study uses them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mlan.config.explain import explain
from mlan.config.hub import HubDataset, HubModel, HubName, hub_names, parse_file, parse_name
from mlan.errors import ConfigError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Source(BaseModel):
    description: str = ""
    rows: HubDataset


class Toy(BaseModel):
    model: HubModel = "hub:acme/tiny"
    sources: dict[str, Source] = {}
    vary: dict[str, list[Any]] = {}
    weights: dict[str, float] = {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hub:acme/tiny", HubName("model", "acme/tiny")),
        (f"hub:acme/tiny@{COMMIT}", HubName("model", "acme/tiny", COMMIT)),
        ("hub:datasets/Ac-me/vqa_v2.0", HubName("dataset", "Ac-me/vqa_v2.0")),
        (f"hub:datasets/a/b@{COMMIT}", HubName("dataset", "a/b", COMMIT)),
    ],
)
def test_name_is_read_and_written_the_same(text: str, name: HubName) -> None:
    assert parse_name(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("hub:acme/tiny/p.bin", "hub:acme/tiny", "p.bin"),
        (f"hub:acme/tiny@{COMMIT}/a/p.bin", f"hub:acme/tiny@{COMMIT}", "a/p.bin"),
    ],
)
def test_file_of_a_repository_is_told_apart(text: str, name: str, path: str) -> None:
    assert parse_file(text) == (parse_name(name), path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hub:acme/tiny", "names no file of a repository; write hub:org/name/file"),
        ("hub:acme/tiny/../p.bin", "'../p.bin' is not the path of one file; write hub:org/name/"),
        ("hub:acme/tiny/*.bin", "'*.bin' is not the path of one file"),
        ("hub:datasets/acme/p.bin", "'datasets/acme' is not a repository"),
    ],
)
def test_wrong_name_of_a_file_says_what_is_right(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_file(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acme/tiny", "not a name on a hub; write hub:org/name or hub:datasets/org/name"),
        ("hub:tiny", "'tiny' is not a repository; write hub:org/name (letters"),
        ("hub:datasets/vqa", "'datasets/vqa' is not a repository; write hub:datasets/org/name"),
        ("hub:a/b/c", "'a/b/c' is not a repository; write hub:org/name"),
        ("hub:../tiny", "'../tiny' is not a repository"),
        ("hub:a/b--c", "'a/b--c' is not a repository"),
        ("hub:a/.b", "'a/.b' is not a repository"),
        ("hub:a/ b", "'a/ b' is not a repository"),
        ("hub:", "'' is not a repository"),
        (
            "hub:acme/tiny@main",
            "'main' is not a commit: a pin has 40 hex digits, a branch or a tag moves; leave out "
            "'@main' and let `mlan lock` find the commit",
        ),
        (f"hub:acme/tiny@{COMMIT[:12]}", "'0123456789ab' is not a commit"),
        ("hub:acme/tiny@", "'' is not a commit"),
    ],
)
def test_wrong_name_says_what_is_right(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="not a") as caught:
        parse_name(text)

    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            {"model": "hub:tiny"},
            "model = 'hub:tiny': 'tiny' is not a repository; write hub:org/name (letters, digits, "
            "and single '-', '.' or '_' between them)",
        ),
        (
            {"model": "hub:datasets/a/b"},
            "model = 'hub:datasets/a/b': is a dataset; a model is asked here, hub:org/name",
        ),
        (
            {"sources": {"vqa": {"rows": "hub:a/b"}}},
            "sources.vqa.rows = 'hub:a/b': is a model; a dataset is asked here, "
            "hub:datasets/org/name",
        ),
    ],
)
def test_wrong_value_of_a_field_is_one_line_with_its_key(
    content: dict[str, Any], line: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate(content)

    assert explain(caught.value) == [line]


def test_every_name_is_found_with_its_dotted_key() -> None:
    config = Toy(
        sources={
            "vqa": Source(description="hub: of a wheel", rows=f"hub:datasets/acme/vqa@{COMMIT}"),
            "chat": Source(rows="hub:datasets/acme/chat"),
        },
        vary={"backbone.language_model": ["toy-llama", "hub:acme/small", {"deep": "hub:acme/d"}]},
    )

    assert {key: str(name) for key, name in hub_names(config).items()} == {
        "model": "hub:acme/tiny",
        "sources.vqa.rows": f"hub:datasets/acme/vqa@{COMMIT}",
        "sources.chat.rows": "hub:datasets/acme/chat",
        "vary.backbone.language_model.1": "hub:acme/small",
        "vary.backbone.language_model.2.deep": "hub:acme/d",
    }


def test_file_of_a_repository_counts_as_its_repository() -> None:
    toy = Toy(vary={"align.from": ["hub:acme/llava/p.bin"]})
    assert hub_names(toy)["vary.align.from.0"] == HubName("model", "acme/llava")


def test_wrong_names_outside_typed_fields_are_all_told() -> None:
    config = Toy(vary={"model": ["hub:one", "hub:a/b", "hub:a/b@v1"]})

    with pytest.raises(ConfigError) as caught:
        hub_names(config)

    assert [line.partition(";")[0] for line in caught.value.lines] == [
        "vary.model.0 = 'hub:one': 'one' is not a repository",
        "vary.model.2 = 'hub:a/b@v1': 'v1' is not a commit: a pin has 40 hex digits, a branch or a "
        "tag moves",
    ]


def test_schema_tells_an_editor_the_form() -> None:
    schema = Toy.model_json_schema()

    pattern = schema["properties"]["model"]["pattern"]
    assert schema["properties"]["model"]["type"] == "string"
    good, bad = [f"hub:acme/tiny@{COMMIT}", "hub:a/b"], ["hub:a", "hub:a/b@main", "a/b"]
    assert all(re.search(pattern, text) for text in good)
    assert not any(re.search(pattern, text) for text in bad)
