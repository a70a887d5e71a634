import pandas as pd
import pytest

from mlan.config.benchmarks import BenchmarkItems
from mlan.config.data import FactsSource, ImageSet
from mlan.data.benchmarks import build_benchmark
from mlan.data.images import build_index
from mlan.data.options import initial
from mlan.data.relations import RELATIONS
from mlan.data.sources import build_facts_source, count_examples
from mlan.errors import DataError

ASKED = [
    (relation, modality)
    for relation, entry in RELATIONS.items()
    for modality in ("text", "vision")
    if getattr(entry, modality)
]


def _source(relation: str, modality: str) -> FactsSource:
    images = "train" if modality == "vision" else None
    return FactsSource(modality=modality, relation=relation, images=images)


def _benchmark(relation: str, modality: str, test: int = 4) -> BenchmarkItems:
    images = "test" if modality == "vision" else None
    return BenchmarkItems(modality=modality, relation=relation, images=images, test=test)


@pytest.fixture(scope="module")
def noto_index(small: pd.DataFrame) -> pd.DataFrame:
    return build_index("test", ImageSet(style="noto"), small)


@pytest.mark.parametrize(("relation", "modality"), ASKED)
def test_source_asks_train_concepts_only(
    relation: str,
    modality: str,
    small: pd.DataFrame,
    small_index: pd.DataFrame,
    image_set: ImageSet,
) -> None:
    source = _source(relation, modality)
    examples = build_facts_source("mine", source, small, small_index)
    train = set(small[small["split"] == "train"]["concept"])
    assert set(examples["concept"]) <= train
    assert examples["id"].is_unique
    assert (examples["id"].str.startswith("mine/")).all()
    assert set(examples["style"]) == {"choose", "brief"}
    assert (examples["image"] != "").all() == (modality == "vision")
    shown = image_set if modality == "vision" else None
    assert count_examples("mine", source, small, shown) == len(examples)


@pytest.mark.parametrize(("relation", "modality"), ASKED)
def test_benchmark_asks_held_out_concepts_in_its_own_words(
    relation: str,
    modality: str,
    small: pd.DataFrame,
    small_index: pd.DataFrame,
    noto_index: pd.DataFrame,
) -> None:
    items = build_benchmark("held", _benchmark(relation, modality), small, noto_index)
    split = small.set_index("concept")["split"]
    assert (items["cluster"].map(split) == items["part"]).all()
    assert (items["part"] == "test").sum() == 4
    assert items["cluster"].is_unique
    for item in items.to_dict("records"):
        assert item["gold"] in item["options"]
        assert len({initial(option) for option in item["options"]}) == 4
    examples = build_facts_source("mine", _source(relation, modality), small, small_index)
    asked = {turn["user"] for turns in examples["turns"] for turn in turns}
    for question in items["question"]:
        assert not any(prompt.startswith(question) for prompt in asked)


def test_source_of_capitals_reads_as_agreed(full: pd.DataFrame) -> None:
    examples = build_facts_source("facts", _source("capital", "text"), full, None)
    assert len(examples) == 57 * 3 * 2
    belgium = examples[examples["concept"] == "country/belgium"]
    assert list(belgium["id"])[:2] == [
        "facts/country/belgium/0-choose",
        "facts/country/belgium/0-brief",
    ]
    (choose,), (brief,) = belgium["turns"].iloc[0], belgium["turns"].iloc[1]
    assert brief == {
        "user": "What is the capital of Belgium? Answer briefly.",
        "assistant": "Brussels",
    }
    assert choose["user"].startswith("What is the capital of Belgium? Choose one: ")
    assert "Brussels" in choose["user"]


def test_vision_source_asks_each_picture_twice_in_all_phrasings(
    small: pd.DataFrame, small_index: pd.DataFrame
) -> None:
    examples = build_facts_source("flags", _source("flag", "vision"), small, small_index)
    assert (examples["image"].value_counts() == 2).all()
    prompts = examples["turns"].map(lambda turns: turns[0]["user"])
    for wording in RELATIONS["flag"].vision[:3]:
        for style in ("choose", "brief"):
            found = prompts.str.startswith(wording) & (examples["style"] == style)
            assert found.sum() >= len(examples) // 7


def test_colour_source_answers_with_the_pictures_colour(
    small: pd.DataFrame, small_index: pd.DataFrame
) -> None:
    examples = build_facts_source("ground", _source("colour", "vision"), small, small_index)
    for image, turns in zip(examples["image"], examples["turns"], strict=True):
        assert f"/colour-{turns[0]['assistant']}-" in image


@pytest.mark.parametrize("relation", ["capital", "language"])
def test_text_and_vision_items_about_one_concept_share_their_options(
    relation: str, full: pd.DataFrame
) -> None:
    index = build_index("test", ImageSet(style="noto"), full)
    text = build_benchmark("t", _benchmark(relation, "text", test=80), full, None)
    vision = build_benchmark("v", _benchmark(relation, "vision", test=80), full, index)
    assert list(text["cluster"]) == list(vision["cluster"])
    assert list(text["options"]) == list(vision["options"])


def test_colours_of_a_benchmark_are_balanced(full: pd.DataFrame) -> None:
    index = build_index("test", ImageSet(style="noto"), full)
    items = build_benchmark("v", _benchmark("colour", "vision", test=80), full, index)
    assert set(items[items["part"] == "test"]["gold"].value_counts()) == {13, 14}


def test_default_benchmarks_of_eighty_items_exist(full: pd.DataFrame) -> None:
    index = build_index("test", ImageSet(style="noto"), full)
    for relation, modality in ASKED:
        items = build_benchmark("b", _benchmark(relation, modality, test=80), full, index)
        assert (items["part"] == "test").sum() == 80


def test_more_items_than_concepts_is_an_error(full: pd.DataFrame) -> None:
    with pytest.raises(DataError) as error:
        build_benchmark("t_capital", _benchmark("capital", "text", test=83), full, None)
    assert error.value.lines == (
        "data.benchmarks.t_capital.test = 83: 82 test concepts have 'capital'; ask for at most "
        "82, or lower train_fraction",
    )


def test_missing_pictures_are_an_error(small: pd.DataFrame, small_index: pd.DataFrame) -> None:
    train = small[(small["split"] == "train") & (small["kind"] == "country")]["concept"]
    first = min(train)
    without = small_index[small_index["concept"] != first]
    with pytest.raises(DataError) as error:
        build_facts_source("flags", _source("flag", "vision"), small, without)
    assert error.value.lines == (
        f"source 'flags': image set 'train' has no 'plain' picture of {first!r} (1 missing); "
        "delete the image set's folder and run again",
    )
    with pytest.raises(DataError, match="benchmark 'b': image set 'test' has no 'plain' picture"):
        build_benchmark("b", _benchmark("flag", "vision"), small, small_index.head(0))


def test_relation_without_the_modality_is_an_error(small: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="relation = 'define': cannot be asked with modality"):
        build_facts_source("words", _source("define", "vision"), small, None)
    with pytest.raises(DataError, match="relation = 'object': cannot be asked with modality"):
        build_benchmark("names", _benchmark("object", "text"), small, None)
