"""Read a YAML file in which every key stands once, where PyYAML silently keeps the last.

Not here: what the file should hold.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from mlan.errors import ConfigError


class _UniqueKeys(yaml.SafeLoader):
    """YAML loader that notes a key given twice."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.name = str(path)
        self.twice: list[str] = []


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            continue  # construct_mapping refuses it
        line = key_node.start_mark.line + 1
        if key in seen:
            loader.twice.append(
                f"{loader.name}:{line}: {key!r} stands twice (also in line {seen[key]}); "
                "each key may stand once"
            )
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def parse(path: Path) -> Any:
    """Return the plain data of a YAML file.

    Raises ConfigError for one that cannot be read, is not YAML, or gives a key twice.
    """
    try:
        loader = _UniqueKeys(path.read_text(encoding="utf-8"), path)
        raw = loader.get_single_data()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-01
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = " ".join(str(getattr(error, "problem", error)).split())
        raise ConfigError(f"{where}: not valid YAML: {reason}") from None
    if loader.twice:
        raise ConfigError(*loader.twice)
    return raw
