import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlan.config.data import ImageSet
from mlan.data.albums import Folder
from mlan.data.emoji import drawn_twice, picture_file
from mlan.data.image_store import Picture, write_pictures
from mlan.data.images import View, build_index, count_pictures, draw, draw_all
from mlan.data.photos import PADDING, load_square
from mlan.data.scenes import COLOURS, POSITIONS
from mlan.errors import DataError

SIZE = 96


def _pictures(index: pd.DataFrame, images: ImageSet, concepts: pd.DataFrame) -> list[Picture]:
    return list(draw_all(index, images, concepts, SIZE))


def _only(index: pd.DataFrame, scene: str, concept: str) -> pd.DataFrame:
    return index[(index["scene"] == scene) & (index["concept"] == concept)]


def _centre(picture: Picture) -> tuple[float, float]:
    """Centre of the pixels that are not white, as fractions across and down."""
    down, across = np.nonzero((picture < 250).any(axis=2))
    return across.mean() / SIZE, down.mean() / SIZE


def test_index_has_the_expected_pictures_and_keys(
    small: pd.DataFrame, small_index: pd.DataFrame
) -> None:
    # 24 objects and 24 countries x 3 views; objects x 2 scenes x (6 colours + 4 positions).
    assert len(small_index) == 48 * 3 + 24 * 2 * 10
    assert list(small_index["row"]) == list(range(len(small_index)))
    assert {
        "train/object/cat/v0",
        "train/object/cat/colour-red-1",
        "train/object/cat/position-left-0",
        "train/country/china/v2",
    } <= set(small_index["image"])


def test_counted_pictures_are_those_of_the_index(
    image_set: ImageSet, small_index: pd.DataFrame
) -> None:
    for scene in ("plain", "colour", "position"):
        found = len(_only(small_index, scene, "object/cat"))
        assert count_pictures("object", scene, image_set) == found
    assert count_pictures("country", "colour", image_set) == 0
    assert count_pictures("word", "plain", image_set) == 0


@pytest.mark.parametrize("style", ["twemoji", "noto"])
def test_ground_of_a_colour_scene_is_that_colour(style: str, small: pd.DataFrame) -> None:
    images = ImageSet(style=style)
    index = _only(build_index("test", images, small), "colour", "object/cat")
    for picture, colour in zip(_pictures(index, images, small), index["value"], strict=True):
        assert tuple(picture[0, 0]) == COLOURS[colour]
        assert tuple(picture[-1, -1]) == COLOURS[colour]


@pytest.mark.parametrize("style", ["twemoji", "noto"])
def test_object_of_a_position_scene_is_on_that_side(style: str, small: pd.DataFrame) -> None:
    images = ImageSet(style=style, scenes=3)
    whole = build_index("test", images, small)
    index = whole[whole["scene"] == "position"]
    for picture, value in zip(_pictures(index, images, small), index["value"], strict=True):
        across, down = _centre(picture)
        distances = {"left": across, "right": 1 - across, "top": down, "bottom": 1 - down}
        assert min(distances, key=distances.__getitem__) == value
        assert distances[value] < 0.4
    assert set(index["value"]) == set(POSITIONS)


def test_first_view_is_clean_and_the_others_differ(
    small: pd.DataFrame, small_index: pd.DataFrame, image_set: ImageSet
) -> None:
    clean, *others = _pictures(_only(small_index, "plain", "object/cat"), image_set, small)
    assert (clean[0] == 255).all()
    assert (clean[:, 0] == 255).all()
    assert all((clean != other).any() for other in others)
    assert (others[0] != others[1]).any()


def test_flags_are_never_mirrored(small: pd.DataFrame) -> None:
    images = ImageSet(style="twemoji", views=12)
    index = _only(build_index("many", images, small), "plain", "country/china")
    for picture in _pictures(index, images, small):
        yellow = (picture[..., 0] > 200) & (picture[..., 1] > 160) & (picture[..., 2] < 120)
        red = (picture[..., 0] > 150) & (picture[..., 1] < 90)
        assert np.nonzero(yellow)[1].mean() < np.nonzero(red)[1].mean()


def test_pictures_are_the_same_alone_as_among_others(
    small: pd.DataFrame, small_index: pd.DataFrame, image_set: ImageSet
) -> None:
    whole = _pictures(small_index.head(60), image_set, small)
    alone = _pictures(small_index.iloc[[37]], image_set, small)
    assert (whole[37] == alone[0]).all()


def test_drawing_gives_known_bytes(small: pd.DataFrame, image_set: ImageSet) -> None:
    index = build_index("train", image_set, small).head(12)
    content = b"".join(p.tobytes() for p in _pictures(index, image_set, small))
    assert hashlib.sha256(content).hexdigest()[:16] == "a9f15de3b1ab9563"


def test_a_view_can_be_drawn_at_any_size() -> None:
    emoji = Image.new("RGBA", (72, 72), (255, 0, 0, 255))
    picture = draw(emoji, View(scale=0.5, across=1.0, down=0.0), 32)
    assert picture.shape == (32, 32, 3)
    assert tuple(picture[0, 31]) == (255, 0, 0)
    assert tuple(picture[31, 0]) == (255, 255, 255)


def test_both_styles_find_emoji_with_and_without_selector() -> None:
    for emoji in ("1F418", "2708-FE0F", "0023-FE0F-20E3", "1F1EB-1F1F7"):
        assert picture_file("twemoji", emoji) is not None
    assert drawn_twice("1F418")
    assert picture_file("noto", "FFFFF") is None
    assert not drawn_twice("FFFFF")


def test_concept_without_picture_is_an_error(small: pd.DataFrame, image_set: ImageSet) -> None:
    broken = small.assign(emoji="FFFFF")
    index = build_index("train", image_set, broken).head(1)
    with pytest.raises(DataError) as error:
        _pictures(index, image_set, broken)
    assert error.value.lines == (
        "concept 'object/cat': emoji FFFFF has no picture in style 'twemoji'; run `make install`",
    )


def test_stored_pictures_load_with_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (11, 32, 32, 3), dtype=np.uint8)
    assert write_pictures(tmp_path / "images.npy", iter(pictures), 32) == 11
    loaded = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert (loaded == pictures).all()
    assert write_pictures(tmp_path / "none.npy", [], 32) == 0
    assert np.load(tmp_path / "none.npy").shape == (0, 32, 32, 3)


def test_failed_drawing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a picture is uint8"):
        write_pictures(tmp_path / "images.npy", [np.zeros((8, 8, 3), np.uint8)], 32)
    assert list(tmp_path.iterdir()) == []


def test_photos_are_padded_to_a_square_with_the_mean_colour(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), (10, 200, 30)).save(tmp_path / "wide.png")
    other = load_square(tmp_path / "wide.png", 40, (122, 116, 104))
    assert other is not None
    assert tuple(other[0, 20]) == (122, 116, 104)
    picture = load_square(tmp_path / "wide.png", 40)
    assert picture is not None
    assert tuple(picture[0, 20]) == PADDING
    assert tuple(picture[20, 20]) == (10, 200, 30)


def test_photos_are_turned_as_their_exif_tag_says(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is at the right
    image.save(tmp_path / "turned.jpg", exif=exif)
    picture = load_square(tmp_path / "turned.jpg", 40)
    assert picture is not None
    assert (picture[20, 20] < 10).all()
    assert (picture[2, 20] < 10).all()
    assert abs(int(picture[20, 2][0]) - PADDING[0]) < 10


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_photos_of_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / "photo.tiff")
    picture = load_square(tmp_path / "photo.tiff", 8)
    assert picture is not None
    assert picture.shape == (8, 8, 3)
    assert (picture == 255).all()


def test_damaged_missing_and_outside_photos_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(folder / "whole.png")
    content = (folder / "whole.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "secret.png").write_bytes(content)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert load_square(folder / "cut.png", 32) is None
    assert Folder(folder).problem("whole.png") == ""
    assert Folder(folder).problem("none.png") == "image missing"
    assert Folder(folder).problem("link.png") == "image outside the image folder"
