"""The journal survives a kill at any byte and never mixes up keys."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlan.evaluate.engine import Beginning
from mlan.evaluate.journal import Journal
from mlan.evaluate.predict import _Asker
from mlan.evaluate.trees import Shape, beginning_of, grow
from mlan.model.compose import compose, initialise_projector
from mlan.model.features import TowerFeatures
from mlan.stage import Job
from tests.evaluate.asking import END, IMAGE, LENGTH, question
from tests.toy import tokenizer, write_backbone

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


def test_answers_of_a_batch_are_not_reused_where_its_pool_begins_otherwise(tmp_path: Path) -> None:
    """A question that joins a pool may share less with it; what is computed at once then changes,
    and with it the last bits of every answer.
    """
    model = compose(write_backbone(tmp_path / "backbone"))
    initialise_projector(model, 1)
    asked = [question(str(n), [*range(4, 22), 4 + n, 5], labels=[[10], [11]]) for n in range(4)]
    beginning = beginning_of(asked, IMAGE)
    assert len(beginning) == 18
    batch = grow(asked, Shape(IMAGE, LENGTH, 32), 4)

    features = TowerFeatures(model, lambda keys: {}, device="cpu", precision="fp32")

    def ask(tokens: list[int]) -> tuple[int, int]:
        """Answers that the journal holds when the batch was asked, and those found in it."""
        asker = _Asker(_job(tmp_path), model, features, tokenizer(), END)
        _, run = asker.ask_all([(batch, Beginning(tokens))])
        return (tmp_path / "journal.jsonl").read_bytes().count(b"\n"), run["restored"]

    assert ask(beginning) == (1, 0)
    assert ask(beginning[:16]) == (2, 0)
    assert ask([]) == (3, 0)
    assert ask(beginning) == (3, 4)


def _job(state: Path) -> Job:
    evaluate = {"conditions": [{"image": "real", "parts": ["test"]}]}
    device = {"device": "cpu", "precision": "fp32", "image_size": 32}
    return Job("predict", {"evaluate": evaluate, **device}, "0", state, state_folder=state)
