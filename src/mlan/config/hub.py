"""Names of repositories on a hub, as a study file writes them.

`hub:org/name` is a model, `hub:datasets/org/name` a data set; `@` and the 40 hex digits of a
commit pin it. One file of a model is `hub:org/name/path` or `hub:org/name@commit/path`. A field of
the study takes a name by its type, `HubModel` or `HubDataset`; a value whose type is not known
here (the axes of an experiment) is recognised by the prefix. Nothing here asks a hub: commits of
names without a pin are the business of `mlan.hub.lock`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, WithJsonSchema
from pydantic_core import PydanticCustomError

from mlan.errors import ConfigError

Kind = Literal["model", "dataset"]
PREFIX = "hub:"
_DATASETS = "datasets"
_PART = r"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
_COMMIT = r"[0-9a-f]{40}"
_FILE_PART = r"(?!\.\.?$)[A-Za-z0-9._ +=-]+"
# The one key whose value is a file of a repository, also as an axis of an experiment.
_FILE_KEY = "align.from"
_FORMS: dict[Kind, str] = {"model": "hub:org/name", "dataset": "hub:datasets/org/name"}


@dataclass(frozen=True, order=True)
class HubName:
    """A repository on a hub and, if it is pinned, one commit of it."""

    kind: Kind
    repository: str
    commit: str | None = None

    def __str__(self) -> str:
        folder = f"{_DATASETS}/" if self.kind == "dataset" else ""
        pin = f"@{self.commit}" if self.commit else ""
        return f"{PREFIX}{folder}{self.repository}{pin}"

    def at(self, commit: str) -> HubName:
        """Return the same repository, pinned to a commit."""
        return replace(self, commit=commit)


@dataclass(frozen=True)
class Revision:
    """What a name of the study means in a run.

    `pinned` is false if it may mean something else tomorrow; `digest` is that of the list of
    files when it was locked, None if it was not.
    """

    name: HubName
    pinned: bool
    digest: str | None = None

    @property
    def commit(self) -> str:
        """The commit, 40 hex digits."""
        return str(self.name.commit)


def is_commit(text: str) -> bool:
    """Whether a revision is a whole commit; branches, tags and short commits may move."""
    return re.fullmatch(_COMMIT, text) is not None


def parse_name(text: str) -> HubName:
    """Return what `hub:org/name@commit` names.

    Raises ValueError with what is wrong and the form that is right.
    """
    if not text.startswith(PREFIX):
        raise ValueError(f"not a name on a hub; write {' or '.join(_FORMS.values())}")
    path, at, commit = text.removeprefix(PREFIX).partition("@")
    *folders, name = path.split("/")
    kind: Kind = "dataset" if folders[:1] == [_DATASETS] else "model"
    organisation = folders[1:] if kind == "dataset" else folders
    parts = [*organisation, name]
    if len(parts) != 2 or not all(re.fullmatch(_PART, part) for part in parts):
        raise ValueError(
            f"{path!r} is not a repository; write {_FORMS[kind]} (letters, digits, and single "
            "'-', '.' or '_' between them)"
        )
    if at and not is_commit(commit):
        raise ValueError(
            f"{commit!r} is not a commit: a pin has 40 hex digits, a branch or a tag moves; leave "
            f"out {at + commit!r} and let `mlan lock` find the commit"
        )
    return HubName(kind, "/".join(parts), commit or None)


def parse_file(text: str) -> tuple[HubName, str]:
    """Return the repository of `hub:org/name@commit/path` and the path within it.

    Raises ValueError with what is wrong and the form that is right.
    """
    match = re.fullmatch(rf"({PREFIX}[^/]*/[^/]*)/(.+)", text)
    if match is None:
        raise ValueError("names no file of a repository; write hub:org/name/file")
    name = parse_name(match[1])
    if not all(re.fullmatch(_FILE_PART, part) for part in match[2].split("/")):
        raise ValueError(f"{match[2]!r} is not the path of one file; write hub:org/name/file")
    return name, match[2]


def _checked(kind: Kind) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            name = parse_name(text)
        except ValueError as error:
            raise PydanticCustomError("hub_name", "{reason}", {"reason": str(error)}) from None
        if name.kind != kind:
            reason = f"is a {name.kind}; a {kind} is asked here, {_FORMS[kind]}"
            raise PydanticCustomError("hub_name", "{reason}", {"reason": reason})
        return text

    return check


def _schema(folder: str) -> WithJsonSchema:
    pattern = f"^{PREFIX}{folder}{_PART}/{_PART}(?:@{_COMMIT})?$"
    return WithJsonSchema({"type": "string", "pattern": pattern})


hub_model = _checked("model")
HubModel = Annotated[str, AfterValidator(hub_model), _schema("")]
HubDataset = Annotated[str, AfterValidator(_checked("dataset")), _schema(f"{_DATASETS}/")]


def hub_names(config: BaseModel) -> dict[str, HubName]:
    """Return every name on a hub in a config by its dotted key, in the order of the config.

    Raises ConfigError with a line for each value that begins as a name and is none.
    """
    found: dict[str, HubName] = {}
    problems = []
    for key, text in _texts(config, ()):
        try:
            found[key] = parse_file(text)[0] if _FILE_KEY in key else parse_name(text)
        except ValueError as error:
            problems.append(f"{key} = {text!r}: {error}")
    if problems:
        raise ConfigError(*problems)
    return found


def _texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Values that are meant as names: prefixed, and without a space, unlike a description."""
    if isinstance(value, str):
        if value.startswith(PREFIX) and not re.search(r"\s", value):
            yield ".".join(place), value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name), (*place, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, (*place, str(name)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*place, str(number)))
