"""The page in a browser: sorted by keyboard, on a phone, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.page.browser import CHROMIUM, Browser, browser
from tests.report.page.example import EVIL

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")

FIRST_COLUMN = (
    "[...document.querySelectorAll('#rows-scores tbody tr')].map(r => r.cells[{}].innerText)"
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def opened(one: Browser, study_folder: Path) -> Browser:
    one.call("Emulation.setEmulatedMedia", features=[])
    one.size(1280, 900)
    one.open(study_folder / "report.html")
    return one


def test_page_asks_for_nothing_and_no_text_of_data_runs(
    opened: Browser, study_folder: Path
) -> None:
    assert opened.requests() == [(study_folder / "report.html").resolve().as_uri()]
    assert opened.complaints() == []
    assert not any("dialog" in str(event.get("method")).lower() for event in opened.events)
    assert opened.run("document.querySelector('.flip .question').textContent").endswith(EVIL)


def test_table_is_sorted_by_keyboard_by_number_with_absent_ones_last(opened: Browser) -> None:
    column = FIRST_COLUMN.format(3)
    assert opened.run(column) == ["9 ± 3", "–", "11"]
    opened.run("document.querySelectorAll('#rows-scores th button')[3].focus()")
    opened.press("Enter")
    assert opened.run(column) == ["9 ± 3", "11", "–"]
    opened.press("Enter")
    assert opened.run(column) == ["11", "9 ± 3", "–"]
    heading = "document.querySelectorAll('#rows-scores thead th')[{}].getAttribute('aria-sort')"
    assert [opened.run(heading.format(n)) for n in (0, 3)] == ["none", "descending"]


def test_first_tab_offers_the_way_past_the_navigation(opened: Browser) -> None:
    opened.press("Tab")
    assert opened.run("document.activeElement.className") == "skip"
    assert opened.run("document.activeElement.getBoundingClientRect().left") >= 0
    opened.press("Enter")
    assert opened.run("location.hash") == "#main"


def test_link_into_a_folded_part_unfolds_it(opened: Browser) -> None:
    assert opened.run("document.getElementById('items-flag').open") is False
    opened.run("location.hash = 'items-flag'")
    opened.run("new Promise(done => setTimeout(done, 50))")
    for _ in range(50):
        if opened.run("document.getElementById('items-flag').open"):
            break
    assert opened.run("document.getElementById('items-flag').open") is True


def test_pictures_and_figures_are_decoded(opened: Browser) -> None:
    opened.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    sizes = opened.run("[...document.images].map(i => i.naturalWidth)")
    assert len(sizes) > 10
    assert min(sizes) > 0


def test_phone_scrolls_tables_and_not_the_page(opened: Browser, study_folder: Path) -> None:
    opened.size(390, 844, phone=True)
    opened.open(study_folder / "report.html")
    opened.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert opened.run("document.documentElement.scrollWidth") == 390
    claims = "getComputedStyle(document.querySelector('.claims td')).display"
    assert opened.run(claims) == "block"


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_contrast_by_day_and_night(opened: Browser, dark: bool) -> None:
    if dark:
        opened.dark()
    pairs = opened.run(
        "['p.lead', '.note', '.badge.supported', '.badge.undecided', '.badge.post-hoc', 'a', "
        "'.warnings li'].map(s => { const e = document.querySelector('main ' + s); let g = e; "
        "const c = x => getComputedStyle(x).backgroundColor; "
        "while (g.parentElement && c(g) === 'rgba(0, 0, 0, 0)') g = g.parentElement; "
        "return [getComputedStyle(e).color, c(g)]; })"
    )
    assert len(pairs) == 7
    for ink, ground in pairs:
        assert _contrast(ink, ground) >= 4.5, (ink, ground)  # WCAG 2.2, 1.4.3
    assert (_luminance(pairs[0][1]) < 0.1) is dark


def _luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as WCAG 2.2 defines it."""
    parts = [int(x) / 255 for x in colour.removeprefix("rgb(").removesuffix(")").split(", ")]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_paper_has_no_navigation_and_unfolds_what_belongs_there(opened: Browser) -> None:
    opened.call("Emulation.setEmulatedMedia", media="print")
    shown = "getComputedStyle(document.querySelector({!r})).display"
    assert opened.run(shown.format("nav")) == "none"
    assert opened.run(shown.format(".lead")) == "block"
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelector('.claims details').open") is True
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run("document.querySelector('.claims details').open") is False
    opened.call("Emulation.setEmulatedMedia", media="")
    assert opened.printed().startswith(b"%PDF")
