"""The journal survives a kill at any byte and never mixes up keys."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlan.evaluate.journal import Journal

ANSWERS = [{"item": "a", "text": "Zürich\n", "label_scores": [-0.1, -2.5]}]


def test_answers_come_back_under_their_key_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).put("one", ANSWERS)
    again = Journal(path)
    assert again.get("one") == ANSWERS
    assert again.get("two") is None


@given(cut=st.integers(0, 400))
def test_torn_file_keeps_whole_entries_and_takes_new_ones(tmp_path_factory, cut: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    first = Journal(path)
    for key in ("one", "two", "three"):
        first.put(key, ANSWERS)
    content = path.read_bytes()
    path.write_bytes(content[: min(cut, len(content))])
    whole = path.read_bytes().count(b"\n")
    torn = Journal(path)
    assert [torn.get(k) is not None for k in ("one", "two", "three")] == [
        i < whole for i in range(3)
    ]
    torn.put("four", ANSWERS)
    assert Journal(path).get("four") == ANSWERS
    assert all(line.endswith(b"}") for line in path.read_bytes().splitlines())
