"""What sources and benchmarks share: planted copies are found, what only looks alike is not."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.fft import dctn

from mlan.data.contamination.pictures import MAX_DISTANCE, PictureIndex
from mlan.data.contamination.prints import Prints, perceptual_hash, take_prints
from mlan.data.contamination.search import Example, Found, search
from mlan.data.contamination.wording import COMMON, GRAM, Question, WordingIndex, lines_of, words_of
from mlan.data.image_store import INDEX, PICTURES, write_pictures
from mlan.data.photos import photo_index
from mlan.data.prepare.overlap import overlap
from mlan.data.tables import EXAMPLES, ITEMS, SET_ITEMS, conform
from mlan.records import write_parquet, write_record
from mlan.stage import Job

LONG = "Which river flows through the old town of the city that hosted the games of that summer?"


def question(text: str, gold: str = "yes", item: str = "i", **more: str) -> Question:
    fields = {"cluster": item, "image": "", **more}
    return Question("b", item, lines=lines_of(text), golds=(gold,), **fields)


def found(questions: list[Question], *messages: str, image: str = "", **twins: set[str]) -> Any:
    example = Example("e", image, messages)
    return search(WordingIndex(questions), [Example("0", "", ("x",)), example], twins)


# --- wording ---------------------------------------------------------------------------------


def test_words_ignore_case_punctuation_and_width() -> None:
    assert words_of("\uff37hat's “THE” naïve_answer, 3.5?") == [
        *("what", "s", "the", "naïve", "answer", "3", "5"),
    ]
    assert lines_of("Context: Ann ran.\n\n Question:  Why? ") == ("ann ran", "why")


def test_exact_question_is_found_between_request_and_options() -> None:
    asked = f"Reply with one letter.\n{LONG.upper()}\nA Elbe\nB Po"
    assert found([question(LONG)], asked) == {0: Found("e", True, 1.0)}


def test_exact_context_and_question_may_be_apart() -> None:
    item = question(f"Context: {LONG}\nQuestion: Why is that?")
    grams = len(item.words) - GRAM + 1
    one = found([item], f"Context: {LONG}\nSay it in a few words.\nWhy is that?")
    other = found([item], f"Context: {LONG}\nSay it in a few words.\nWho says that?")
    share = (len(words_of(LONG)) - GRAM + 1) / grams
    assert one == {0: Found("e", True, share)}
    assert other == {0: Found("e", False, share)}


def test_one_changed_word_leaves_a_near_match_where_13_words_are_left() -> None:
    words = LONG.split()
    grams = len(words) - GRAM + 1
    last = " ".join([*words[:-1], "winter?"])
    assert found([question(LONG)], last) == {0: Found("e", False, (grams - 1) / grams)}
    middle = " ".join([*words[:8], "another", *words[9:]])
    assert found([question(LONG)], middle) == {}


def test_short_question_needs_one_of_its_answers_in_the_same_example() -> None:
    item = question("What is the capital of Peru?", "lima")
    assert found([item], "What is the capital of Peru? Answer briefly.", "Lima") == {
        0: Found("e", True, 1.0)
    }
    assert found([item], "What is the capital of Peru?", "It is Cusco.") == {}
    assert found([item], "What is the capital of Perugia? Lima?") == {}
    assert found([question("Who is he?", "lima")], "Who is he?", "Lima") == {}


def test_equal_wording_about_another_picture_is_no_match() -> None:
    item = question("What colour is the cat here?", "black", image="b/1")
    assert found([item], item.lines[0], "black", image="s/1") == {}
    assert found([item], item.lines[0], "black", image="s/1", **{"b/1": {"s/2"}}) == {}
    same = found([item], item.lines[0], "white", image="s/1", **{"b/1": {"s/2", "s/1"}})
    assert same == {0: Found("e", True, 1.0)}


def test_wording_of_many_clusters_of_a_benchmark_does_not_count() -> None:
    frame = "Read the following passage with care and then decide which claim it supports most"
    items = [question(f"{frame} number {n}", item=str(n)) for n in range(COMMON + 1)]
    assert found(items[:-1], frame).keys() == set(range(COMMON))
    assert found(items, frame) == {}
    assert found(items, f"{frame} number 3").keys() == {3}


def test_best_match_is_exact_then_most_runs_then_first() -> None:
    words = LONG.split()
    texts = [" ".join(words[2:]), " ".join(words[1:]), f"So {' '.join(words[1:])}", LONG, LONG]
    examples = [Example(str(n), "", (text,)) for n, text in enumerate(texts)]
    index = WordingIndex([question(LONG)])
    assert search(index, examples[:3], {})[0].example == "1"
    assert search(index, examples, {})[0] == Found("3", True, 1.0)


words = st.lists(st.sampled_from("abc"), max_size=40)


@example([["a"] * 4, ["a"] * 14], [["a"] * 20])
@given(st.lists(words, min_size=1, max_size=5), st.lists(words, max_size=5))
def test_hits_are_those_of_comparing_all_runs(
    asked: list[list[str]], texts: list[list[str]]
) -> None:
    def runs(own: list[str], length: int) -> set[tuple[str, ...]]:
        return {tuple(own[i : i + length]) for i in range(len(own) - length + 1)}

    questions = [question(" ".join(own), cluster="one") for own in asked]
    hits = WordingIndex(questions).hits(texts)
    expected = {}
    for (t, text), (q, own) in itertools.product(enumerate(texts), enumerate(asked)):
        length = min(len(own), GRAM)
        shared = runs(own, length) & runs(text, length)
        if length >= 4 and shared:
            expected[t, q] = len(shared) / len(runs(own, length))
    triples = zip(hits.text.tolist(), hits.question.tolist(), hits.share.tolist(), strict=True)
    assert {(t, q): share for t, q, share in triples} == pytest.approx(expected)


# --- pictures --------------------------------------------------------------------------------


def photo(seed: int, size: int = 96) -> NDArray[np.uint8]:
    """A smooth random picture, as unlike another one as two photos are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def drawing(shift: int, colour: str = "red") -> NDArray[np.uint8]:
    """A flat disc on white: its hash says little more than where it is."""
    image = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(image).ellipse((30 + shift, 30, 66 + shift, 66), fill=colour)
    return np.asarray(image)


def jpeg(picture: NDArray[np.uint8], quality: int = 60) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = Image.fromarray(picture).resize((48, 48), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((96, 96), Image.Resampling.BICUBIC))


def prints(**pictures: NDArray[np.uint8]) -> Prints:
    return take_prints(np.stack(list(pictures.values())), range(len(pictures)), list(pictures))


def twins(asked: Prints, own: Prints, **clusters: str) -> dict[str, list[tuple[str, bool]]]:
    found = PictureIndex(own).twins(asked, clusters)
    return {key: [(twin.found, twin.exact) for twin in some] for key, some in found.items()}


def test_hash_is_that_of_the_cosine_transform() -> None:
    picture = photo(3)
    grey = Image.fromarray(picture).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(grey, dtype=np.float64), norm="ortho")[:8, :8]
    bits = (low > np.median(low)).ravel()
    assert int(perceptual_hash(picture)) == sum(1 << n for n in np.flatnonzero(bits).tolist())


def test_even_picture_has_one_hash_whatever_its_colour() -> None:
    even = [perceptual_hash(np.full((96, 96, 3), level, np.uint8)) for level in (1, 77, 255)]
    assert len(set(even)) == 1


def test_copy_is_exact_and_another_file_of_it_near() -> None:
    own = prints(one=photo(1), two=photo(2), three=photo(3))
    asked = prints(same=photo(2), saved=jpeg(photo(2)), small=resized(photo(2)), new=photo(4))
    assert twins(asked, own) == {
        "same": [("two", True)],
        "saved": [("two", False)],
        "small": [("two", False)],
    }


def test_flat_drawings_with_one_hash_are_told_apart_by_their_thumbnails() -> None:
    red, brown = drawing(0, "#d00000"), drawing(0, "#702000")
    assert np.bitwise_count(perceptual_hash(red) ^ perceptual_hash(brown)) <= MAX_DISTANCE
    assert twins(prints(a=red), prints(b=brown)) == {}
    assert twins(prints(a=red), prints(b=jpeg(red))) == {"a": [("b", False)]}


def test_picture_of_coco_is_known_by_its_number() -> None:
    own = prints(**{"s/train2014/COCO_train2014_000000000009.jpg": photo(1)})
    later = prints(**{"s/coco/train2017/000000000009.jpg": photo(1)})
    other = prints(**{"s/train2014_mine/000000000009.jpg": photo(1)})
    asked = prints(a=photo(5))
    assert twins(asked, own, a="coco/9") == {"a": [(own.keys[0], True)]}
    assert twins(asked, later, a="coco/9") == {"a": [(later.keys[0], True)]}
    assert twins(asked, other, a="coco/9") == twins(asked, own, a="coco/90") == {}
    assert twins(asked, own, a="b/9") == {}


hashes = st.integers(0, 2**64 - 1)
flips = st.lists(st.integers(0, 63), max_size=10)


@given(st.lists(hashes, min_size=1, max_size=4), st.lists(st.tuples(st.integers(0, 3), flips)))
def test_lookup_finds_what_comparing_all_hashes_finds(
    own: list[int], near: list[tuple[int, list[int]]]
) -> None:
    asked = own + [own[n % len(own)] ^ sum(1 << bit for bit in set(bits)) for n, bits in near]
    a, b = np.array(asked, dtype=np.uint64), np.array(own, dtype=np.uint64)

    def of(values: NDArray[np.uint64], side: str) -> Prints:
        names = [f"{side}{n}" for n in range(len(values))]
        digests = [name.encode() for name in names]
        return Prints(names, digests, values, np.zeros((len(values), 768), np.uint8))

    found = PictureIndex(of(b, "b")).twins(of(a, "a"), {})
    pairs = {(key, twin.found, twin.distance) for key, some in found.items() for twin in some}
    distance = np.bitwise_count(a[:, None] ^ b[None])
    assert pairs == {
        (f"a{i}", f"b{j}", int(distance[i, j])) for i, j in np.argwhere(distance <= MAX_DISTANCE)
    }


@pytest.mark.parametrize("bit", range(64))
def test_lookup_finds_the_farthest_pair_that_only_one_band_can_find(bit: int) -> None:
    apart = sum(0b11 << 16 * band for band in range(4) if band != bit // 16) | 1 << bit
    one, two = (
        Prints([name], [name.encode()], np.array([value], np.uint64), np.zeros((1, 768), np.uint8))
        for name, value in (("one", 0), ("two", apart))
    )
    assert twins(one, two) == {"one": [("two", False)]}


# --- stage -----------------------------------------------------------------------------------


def _finished(folder: Path, *files: Path) -> Path:
    write_record(folder, stage="s", identity={}, code="0", inputs={}, outputs=list(files))
    return folder


def _images(folder: Path, name: str, **pictures: NDArray[np.uint8]) -> Path:
    write_pictures(folder / PICTURES, pictures.values(), 96)
    write_parquet(folder / INDEX, photo_index(name, list(pictures)))
    return _finished(folder, folder / PICTURES, folder / INDEX)


def _table(folder: Path, file: str, rows: Iterable[dict[str, Any]], table: Any) -> Path:
    write_parquet(folder / file, conform(pd.DataFrame(list(rows)), table, file))
    return _finished(folder, folder / file)


def _example(number: int, asked: str, answer: str, image: str = "") -> dict[str, Any]:
    turns = [{"user": asked, "assistant": answer}]
    own = {"id": f"s/{number}", "source": "s", "modality": "vision" if image else "text"}
    return {**own, "image": image, "turns": turns, "style": "free", "concept": ""}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A text source and a vision source, and a benchmark of each kind, with planted copies."""
    lettered = {"form": "letter", "options": ["Lima", "Quito"], "golds": ["A"]}
    texts = [
        {"question": LONG, "part": "test"},
        {"question": f"{LONG} Give its name.", "part": "test"},
        {"question": "What is the capital of Peru?", "part": "dev"},
        {"question": "Which of these cities is larger?", "part": "test"},
    ]
    items = [
        {"id": f"t/{n}", "benchmark": "t", "cluster": f"t{n}", "image": "", "category": ""}
        | {"pair": "", **lettered, **text}
        for n, text in enumerate(texts)
    ]
    seen = [
        {"id": f"v/{n}", "benchmark": "v", "part": "test", "cluster": f"v{n}", "image": f"v/{n}"}
        | {"question": "What is shown in the middle?", "options": ["a", "b"], "gold": "a"}
        | {"category": ""}
        for n in range(3)
    ]
    text = [
        _example(0, f"Answer.\n{LONG}", "the Elbe"),
        _example(1, "What is the capital of Peru?", "Lima"),
        _example(2, "Which of these cities is larger?", "Rome"),
    ]
    shown = [
        _example(3, "What is shown in the middle?", "b", "p/0"),
        _example(4, "Describe the picture.", "a thing", "p/1"),
    ]
    return Job(
        "overlap",
        {
            "sources": {"s": {"images": None}, "p": {"images": "p"}, "stage1:p": {"images": "p"}},
            "benchmarks": {"t": {"images": None}, "v": {"images": "v"}},
        },
        "0",
        tmp_path / "out",
        {
            "source:s": _table(tmp_path / "s", "examples.parquet", text, EXAMPLES),
            "source:p": _table(tmp_path / "p", "examples.parquet", shown, EXAMPLES),
            "items:t": _table(tmp_path / "t", "items.parquet", items, SET_ITEMS),
            "items:v": _table(tmp_path / "v", "items.parquet", seen, ITEMS),
            "images:p": _images(
                tmp_path / "ip", "p", **{"0": photo(1), "1": jpeg(photo(2)), "unused": photo(3)}
            ),
            "images:v": _images(
                tmp_path / "iv", "v", **{"0": photo(1), "1": photo(2), "2": photo(3)}
            ),
        },
    )


def test_stage_lists_every_planted_item_with_its_evidence(job: Job) -> None:
    overlap(job)
    matches = pd.read_parquet(job.out / "items.parquet")
    told = ["item", "source", "kind", "match", "found", "evidence"]
    rows = [tuple(row) for row in matches[told].itertuples(index=False)]
    assert [row for row in rows if row[1] == "s"] == [
        ("t/0", "s", "text", "exact", "s/0", "whole question"),
        ("t/1", "s", "text", "near", "s/0", "62% of its 13-grams"),
        ("t/2", "s", "text", "exact", "s/1", "whole question"),
    ]
    assert [row[:5] for row in rows if row[1] == "p"] == [
        ("v/0", "p", "image", "exact", "p/0"),
        ("v/0", "p", "text", "exact", "s/3"),
        ("v/1", "p", "image", "near", "p/1"),
    ]
    # A stage 1 that names pictures shows all of its image set.
    assert [row[0] for row in rows if row[1] == "stage1:p"] == ["v/0", "v/1", "v/2"]


def test_stage_counts_items_of_each_kind_and_any_once(job: Job) -> None:
    overlap(job)
    pairs = pd.read_csv(job.out / "pairs.csv").set_index(["source", "benchmark", "part"])
    assert len(pairs) == 3 * 3
    assert pairs.loc[("s", "t", "test")].tolist() == pytest.approx([3, 1, 1, 0, 0, 2 / 3], 1e-5)
    assert pairs.loc[("s", "t", "dev")].tolist() == [1, 1, 0, 0, 0, 1]
    assert pairs.loc[("p", "v", "test")].tolist() == pytest.approx([3, 1, 0, 1, 1, 2 / 3], 1e-5)
    assert pairs.loc[("p", "t", "test")].tolist() == [3, 0, 0, 0, 0, 0]
