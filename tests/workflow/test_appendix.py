"""The page as the engine makes it, and the engine's own report of it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlan.records import checked
from mlan.report.draw import FIGURES, TABLES, UNRECORDED
from tests.report.page.browser import CHROMIUM, browser
from tests.workflow.engine import Engine


def test_study_ends_with_a_page_covered_by_its_record(engine: Engine) -> None:
    page = checked(engine.results("page", "report.html")).read_bytes()
    assert page == engine.results("report.html").read_bytes()
    assert page.startswith(b"<!doctype html>")
    for name in (b"data", b"recipe", b"compute"):
        assert b'id="table-%b"' % name in page


def test_deleted_page_is_made_again_and_nothing_else(engine: Engine) -> None:
    page = engine.results("report.html")
    content = page.read_bytes()
    page.unlink()
    try:
        assert engine.planned() == {"page": 1}
    finally:
        page.write_bytes(content)


@pytest.fixture(scope="module")
def appendix(finished: Engine) -> Path:
    """The engine's own report of the finished study."""
    done = finished.run("--report", "appendix.html")
    assert done.returncode == 0, done.stderr[-2000:]
    return finished.folder / "appendix.html"


def test_appendix_lists_the_page_and_every_figure_and_table_by_name(appendix: Path) -> None:
    shown = [entry["labels"] for entry in _shown(appendix).values()]
    names = {kind: [own[kind] for own in shown if kind in own] for kind in ("figure", "table")}
    measured = UNRECORDED[0].keys(), UNRECORDED[1].keys()
    assert sorted(names["figure"]) == sorted([*FIGURES, *measured[0]])
    assert sorted(names["table"]) == sorted([*TABLES, *measured[1]])
    assert {"figure": "sweep", "shows": "Score against text share"} in shown
    assert [own["page"] for own in shown if "page" in own] == ["report"]


def test_appendix_holds_what_it_lists(appendix: Path) -> None:
    for place, entry in _shown(appendix).items():
        kind, _, content = entry["data_uri"].partition(";")
        own = {".svg": "image/svg+xml", ".csv": "text/csv", ".html": "text/html"}
        assert kind == f"data:{own[Path(place).suffix]}"
        held = base64.b64decode(content.partition("base64,")[2])
        assert held == (appendix.parent / place).read_bytes()


def test_appendix_loads_nothing_from_elsewhere(appendix: Path) -> None:
    text = appendix.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=[\"']?(https?:)?//", text)
    assert not re.search(r"@import|\burl\([\"']?(https?:)?//", text)


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_appendix_opens_in_a_browser_without_a_request(appendix: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as one:
        one.open(appendix)
        one.run("app.showCategory('Figures')")
        assert "score_vs_tokens\tScore against tokens" in one.run("document.body.innerText")
        assert one.requests() == [appendix.resolve().as_uri()]
        assert one.complaints() == []


def test_mark_for_the_appendix_reruns_nothing(engine: Engine) -> None:
    rules = engine.folder / "rules" / "report.smk"
    text = rules.read_text(encoding="utf-8")
    assert text.count("report(") == 3
    plain = "def plain(path, **marks):\n    return path\n\n\n"
    rules.write_text(plain + text.replace("report(", "plain("), encoding="utf-8")
    assert engine.planned() == {}


def _shown(appendix: Path) -> dict[str, dict[str, Any]]:
    """What the report holds by path, with labels and content."""
    (line,) = re.findall(r"^ *var results = (\{.*\});?$", appendix.read_text(), re.MULTILINE)
    found: dict[str, dict[str, Any]] = json.loads(line)
    return found
