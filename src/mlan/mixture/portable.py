"""A run's exact mixture as files that other trainers read, in the order of the plan.

`llava`: one JSON list, `{id, image?, conversations: [{from, value}, ...]}`, the picture marked
`<image>` at the start of the first question. `chat`: JSONL, `{id, image?, messages: [{role,
content}, ...]}`, marked likewise. Every row also says its `source` and optimiser `step`. Pictures
are PNG files, as they were trained on. What a trainer then does with the order, the loss weights
and the packing of rows is its own affair; the plan holds ours.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from PIL import Image

from mlan.data.pictures import Pictures
from mlan.data.tables import rows_of
from mlan.data.turns import MARKER
from mlan.errors import DataError

Format = Literal["llava", "chat"]
PICTURES = "images"
Row = dict[str, Any]


def export_mixture(
    out: Path,
    plan: pd.DataFrame,
    sources: Mapping[str, pd.DataFrame],
    images: Mapping[str, Path],
    form: Format,
) -> Path:
    """Write a folder with a plan's examples and pictures; return the file of the examples.

    `images` are the folders of the image sets. Raises DataError if `out` exists, or for a
    picture that is in none of the sets.
    """
    if out.exists():
        raise DataError(f"{out}: exists already; name a folder that does not")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / PICTURES).mkdir(parents=True)
    pictures = Pictures(images)
    for key in sorted({str(key) for key in plan["image"] if key}):
        path = partial / _picture_file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures.get([key])[key]).save(path)
    name, write = _WRITERS[form]
    with (partial / name).open("w", encoding="utf-8") as stream:
        stream.writelines(write(_rows(plan, sources, form)))
    partial.replace(out)
    return out / name


def _picture_file(key: str) -> str:
    return f"{PICTURES}/{key}.png"


def _rows(plan: pd.DataFrame, sources: Mapping[str, pd.DataFrame], form: Format) -> Iterator[Row]:
    """Yield the plan's examples in the order in which they are trained on."""
    turns = {
        (name, row["id"]): row["turns"] for name, frame in sources.items() for row in rows_of(frame)
    }
    times: Counter[str] = Counter()
    for line in rows_of(plan.sort_values(["step", "row", "position"], kind="stable")):
        times[line["example"]] += 1
        again = f"#{times[line['example']]}" if times[line["example"]] > 1 else ""
        picture = {"image": _picture_file(line["image"])} if line["image"] else {}
        yield {
            "id": line["example"] + again,
            **picture,
            **_spoken(turns[line["source"], line["example"]], bool(picture), form),
            "source": line["source"],
            "step": line["step"],
        }


def _spoken(turns: Iterable[Mapping[str, str]], picture: bool, form: Format) -> Row:
    key, user, assistant, role, text = _WORDS[form]
    messages = []
    for number, turn in enumerate(turns):
        marker = f"{MARKER}\n" if picture and number == 0 else ""
        messages.append({role: user, text: marker + turn["user"]})
        messages.append({role: assistant, text: turn["assistant"]})
    return {key: messages}


def _json_list(rows: Iterator[Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield ("[\n" if number == 0 else ",\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]\n"


def _json_lines(rows: Iterator[Row]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


_WORDS: dict[Format, tuple[str, str, str, str, str]] = {
    "llava": ("conversations", "human", "gpt", "from", "value"),
    "chat": ("messages", "user", "assistant", "role", "content"),
}
_WRITERS: dict[Format, tuple[str, Callable[[Iterator[Row]], Iterator[str]]]] = {
    "llava": ("mixture.json", _json_list),
    "chat": ("mixture.jsonl", _json_lines),
}
