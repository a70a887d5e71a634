"""`mlan lock` as the installed script runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from mlan.hub import Client
from tests.cli.example import call
from tests.hub.loopback import Hub

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

REPOSITORY = Path(__file__).parents[2]
FILES = ("tiny.claims.yaml", "tiny.yaml")


@pytest.fixture
def folder(hub: Hub, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with config/tiny.yaml; the environment names the hub."""
    (tmp_path / "config").mkdir()
    for name in FILES:
        shutil.copy(REPOSITORY / "config" / name, tmp_path / "config")
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def use(folder: Path, *names: str) -> None:
    """Add a source for each name of a data set."""
    study = yaml.safe_load((REPOSITORY / "config" / "tiny.yaml").read_text())
    for number, name in enumerate(names):
        study["data"]["sources"][f"own{number}"] = {
            "adapter": "qa",
            "modality": "text",
            "repository": name,
            "path": "train.jsonl",
        }
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(study, sort_keys=False))


@pytest.mark.parametrize("flags", [(), ("--check",), ("--upgrade",)])
def test_study_without_a_hub_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    assert call("lock", "tiny", *flags) == 0

    assert capsys.readouterr().out == "tiny uses nothing from a hub\n"
    assert sorted(path.name for path in (folder / "config").iterdir()) == [*FILES]


def test_lock_and_check_of_a_study_with_names(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.publish("acme/tiny", {"train.jsonl": b"{}" * 800}, "dataset", licence="mit")
    use(folder, "hub:datasets/acme/tiny")

    assert call("lock", "tiny", "--check") == 1
    key = "data.sources.own0.repository"
    assert capsys.readouterr().err == (
        f"mlan: {key} = 'hub:datasets/acme/tiny': not in config/tiny.lock.yaml; "
        "run `mlan lock tiny`\n"
    )

    assert call("lock", "tiny") == 0
    told = capsys.readouterr().out
    assert ["hub:datasets/acme/tiny", commit[:12], "1", "1.6", "kB", "mit", "new"] in [
        line.split() for line in told.splitlines()
    ]
    assert told.endswith("wrote config/tiny.lock.yaml\n")

    assert call("lock", "tiny") == 0
    assert capsys.readouterr().out.endswith("unchanged: config/tiny.lock.yaml\n")
    assert call("lock", "tiny", "--check") == 0
    assert capsys.readouterr().out == "config/tiny.lock.yaml is up to date\n"

    now = hub.publish("acme/tiny", {"train.jsonl": b"[]"}, "dataset")
    assert call("lock", "tiny", "--check") == 0
    assert capsys.readouterr().out == (
        "config/tiny.lock.yaml is up to date\n"
        f"hub:datasets/acme/tiny has moved to {now}; `mlan lock tiny --upgrade` takes it\n"
    )
    assert call("lock", "tiny", "--upgrade") == 0
    assert f"was {commit[:12]}" in capsys.readouterr().out


def test_lock_of_names_that_cannot_be_had_is_one_line_each(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(folder, "hub:datasets/acme/absent", "hub:datasets/acme/gone")

    assert call("lock", "tiny") == 1

    told = capsys.readouterr()
    assert told.out == ""
    key = "mlan: data.sources.own"
    assert [line.partition(",")[0] for line in told.err.splitlines()] == [
        f"{key}0.repository = 'hub:datasets/acme/absent': no such dataset",
        f"{key}1.repository = 'hub:datasets/acme/gone': no such dataset",
    ]
    assert not (folder / "config" / "tiny.lock.yaml").exists()


def test_lock_file_that_nothing_needs_is_removed(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.publish("acme/tiny", {"train.jsonl": b"{}"}, "dataset")
    use(folder, "hub:datasets/acme/tiny")
    assert call("lock", "tiny") == 0
    shutil.copy(REPOSITORY / "config" / "tiny.yaml", folder / "config")
    capsys.readouterr()

    assert call("lock", "tiny", "--check") == 1
    assert "hub:datasets/acme/tiny is used no more; run `mlan lock tiny`" in capsys.readouterr().err
    assert call("lock", "tiny") == 0
    assert "removed config/tiny.lock.yaml" in capsys.readouterr().out
    assert not (folder / "config" / "tiny.lock.yaml").exists()


def test_lock_file_is_not_offered_as_a_study(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.publish("acme/tiny", {"train.jsonl": b"{}"}, "dataset")
    use(folder, "hub:datasets/acme/tiny")
    assert call("lock", "tiny") == 0

    assert call("lock", "tiny.loc") == 1

    assert capsys.readouterr().err.endswith("unknown study; did you mean 'tiny'?\n")
