"""The page as the engine makes it, and the engine's own report of it."""

from __future__ import annotations

from mlan.records import checked
from tests.workflow.engine import Engine


def test_study_ends_with_a_page_covered_by_its_record(engine: Engine) -> None:
    page = checked(engine.results("page", "report.html")).read_bytes()
    assert page == engine.results("report.html").read_bytes()
    assert page.startswith(b"<!doctype html>")


def test_deleted_page_is_made_again_and_nothing_else(engine: Engine) -> None:
    page = engine.results("report.html")
    content = page.read_bytes()
    page.unlink()
    try:
        assert engine.planned() == {"page": 1}
    finally:
        page.write_bytes(content)


def test_engine_writes_its_own_report_with_the_page_in_it(engine: Engine) -> None:
    done = engine.run("--report", "appendix.html")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Adding report.html" in done.stderr
    assert (engine.folder / "appendix.html").stat().st_size > 10**6
