"""The page as a file: nothing from outside, nothing unescaped, every link leads somewhere."""

from __future__ import annotations

import hashlib
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mlan
from mlan.errors import DataError, IntegrityError
from mlan.records import checked, read_record, write_json
from mlan.report.page.basis import basis
from mlan.report.page.stage import page
from mlan.report.summary import Summary
from mlan.stage import Job
from tests.report.page.example import CELLS, EVIL, again, page_job

_VOID = {"meta", "link", "img", "br", "line", "circle"}


class Seen(HTMLParser):
    """Everything that a test asks of a page: elements with attributes, ids, text by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.unbalanced: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def values(self, attribute: str) -> list[str]:
        """Values of an attribute, whatever carries it."""
        return [found[attribute] for _, found in self.elements if attribute in found]

    def of(self, tag: str) -> list[dict[str, str]]:
        """Attributes of all elements of a kind."""
        return [found for name, found in self.elements if name == tag]


@pytest.fixture(scope="module")
def seen(html: str) -> Seen:
    return Seen(html)


def test_page_loads_nothing_from_anywhere(seen: Seen, html: str) -> None:
    assert seen.values("src")
    assert all(value.startswith("data:image/") for value in seen.values("src"))
    assert all(value.startswith("#") or value == "data:," for value in seen.values("href"))
    assert not re.search(r"url\(|@import|https?://", re.sub(r"data:image/[^\"]+", "", html))


def test_policy_knows_the_one_script_and_style_by_their_hashes(seen: Seen, html: str) -> None:
    policy = next(m["content"] for m in seen.of("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("script", "style"):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(found) == 1
        own = b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{own}'" in policy
    assert not [name for _, own in seen.elements for name in own if name.startswith("on")]
    assert not seen.values("style")


def test_ids_are_unique_and_every_link_leads_to_one(seen: Seen) -> None:
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in seen.values("href") if value.startswith("#")} <= set(ids)


def test_elements_close_in_order(seen: Seen) -> None:
    assert seen.unbalanced == []
    assert seen.open == []


def test_hostile_texts_of_data_stay_texts(seen: Seen, html: str) -> None:
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    said = "".join(text for _, text in seen.texts)
    assert said.count("<script>alert(1)</script>") > 50  # questions, options, answers, CSV, claims
    assert EVIL in said


def test_tables_have_captions_and_headings_and_images_have_texts(seen: Seen) -> None:
    tags = [tag for tag, _ in seen.elements]
    assert tags.count("table") == tags.count("caption") == tags.count("thead") > 5
    assert all(found.get("scope") for found in seen.of("th"))
    assert all(found["alt"] for found in seen.of("img"))
    assert [found["lang"] for found in seen.of("html")] == ["en"]
    assert len(seen.of("h1")) == 1


def test_answer_and_verdicts_come_first_then_what_was_not_tested_is_said(html: str) -> None:
    text = re.sub(r"<[^>]+>", " ", html.split("<main", 1)[1])
    order = [
        "same, 100\xa0% text is the best share: every other one tried is worse.",
        "With answers chosen by likelihood, none of the 2 text shares tried can be told",
        "Text average",
        "Of 3 claims: 1 supported, 1 undecided and 1 not run.",
        "Text is not worse on vision.",
        "Experiment token_cap; 1 further claim. It cannot show large models.",
        "The verdicts",
        "Margins were chosen late.",
        "adjusted together",
        "Figures",
        "Items that flipped",
        "Equal tokens. Cells: capped.",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_answer_says_whether_other_weights_change_the_best_share(html: str) -> None:
    said = (
        "With benchmarks weighed equally or by signal, the vision average is highest at 0 % (equal "
        "weights) or 100 % (by signal). This answer and all claims weigh them equally; "
        '<a href="#table-sensitivity">the weights</a>.'
    )
    assert html.index('id="answer"') < html.index(said) < html.index('id="verdicts"')
    assert "Averages under other weights" in html.split('id="table-sensitivity"', 1)[1][:100]


def test_scores_and_claims_lead_back_to_runs_with_command_plan_and_code(
    html: str, study_folder: Path
) -> None:
    scores = html.split('id="rows-scores"', 1)[1].split("</thead>", 1)[0]
    assert all(f'href="#cell-{cell}"' in scores for cell in CELLS)
    assert f'href="#cell-{CELLS[0]}"' in html.split('id="claim-on_par"', 1)[1].split("</tr>", 1)[0]
    back = html.split(f'id="cell-{CELLS[1]}"', 1)[1]
    plan = read_record(study_folder / "cells" / CELLS[1] / "seed1" / "mixture")["outputs"]
    for fact in (f"CELL={CELLS[1]} SEED=1", plan["plan.parquet"], "c" * 16):
        assert fact in back


def test_answer_marks_claims_that_are_tested_on_other_seeds(html: str) -> None:
    lines = html.split('id="answer"', 1)[1].split("</section>", 1)[0]
    assert "claimed: above −3 (on other seeds)." in lines
    row = html.split('id="claim-on_par"', 1)[1].split("</tr>", 1)[0]
    assert '<span class="badge post-hoc">on other seeds</span>' in row


def test_columns_say_supervised_tokens_and_that_a_price_makes_a_utility(html: str) -> None:
    assert "learnt" not in html
    assert html.count("of supervised tokens") == 2
    assert "score of the highest (utility with a price), %" in html


@pytest.mark.parametrize("section", ["not-tested", "way-back"])
def test_commands_say_that_a_study_of_another_folder_goes_by_its_path(
    html: str, section: str
) -> None:
    own = html.split(f'<section id="{section}">', 1)[1].split("<section", 1)[0]
    assert "one that lies elsewhere goes by its path." in own


def test_figure_that_nobody_announced_is_shown_with_its_numbers(html: str) -> None:
    assert html.index('id="figure-sweep"') < html.index('id="figure-brand_new"')
    assert "<b>Brand new.</b>" in html


def test_measured_times_stand_under_cost_though_no_record_names_them(
    html: str, study_folder: Path
) -> None:
    named = read_record(study_folder / "report")["outputs"]
    assert not {"figures/cost.svg", "tables/compute.csv"} & set(named)
    own = html.split('<section id="cost">', 1)[1].split("</section>", 1)[0]
    assert 'id="figure-cost"' in own
    assert '<td class="number">59.1</td>' in own
    assert "no record vouches" in own
    assert html.count('id="figure-cost"') == 1


def test_page_tells_version_code_day_and_commit(tmp_path: Path) -> None:
    job = page_job(tmp_path)
    page(job)
    assert f"mlan {mlan.__version__}, code of this page {'0' * 16}." in job_html(job)
    start = {"day": "2026-11-28", "commit": f"{'ab' * 20}+"}
    write_json(tmp_path / "state" / "start.json", start)
    page(job)
    told = "study last started on 2026-11-28 from commit abababababab with changes."
    assert f"mlan {mlan.__version__}, code of this page {'0' * 16}; {told}" in job_html(job)


def job_html(job: Job) -> str:
    return (job.out / "report.html").read_text(encoding="utf-8")


def test_captions_of_scores_say_of_how_much(summary_of: Callable[..., Summary]) -> None:
    summary = summary_of()
    said = "an average and 80 items a benchmark, 3 seeds; 95 % intervals cover seeds and items."
    assert basis(summary) == f"400 to 480 items {said}"
    for (group, key), rows in summary.interval_rows.items():
        if (group, key.scorer) == ("text average", "label_logit"):
            for row in rows:
                row["n"] = 800
    assert basis(summary) == f"400 to 800 items {said}"


def test_page_is_covered_by_a_record_and_its_copy_is_equal(study_folder: Path) -> None:
    inside = checked(study_folder / "page" / "report.html").read_bytes()
    assert inside == (study_folder / "report.html").read_bytes()
    assert len(inside) < 5_000_000


def test_same_study_gives_the_same_bytes(study_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(study_folder, tmp_path / "small")
    page(page_job(tmp_path / "small"))
    files = [p.relative_to(study_folder) for p in study_folder.rglob("*") if p.is_file()]
    for name in files:
        if name != Path("page/run.json"):
            assert (tmp_path / "small" / name).read_bytes() == (study_folder / name).read_bytes()


def test_study_without_claims_says_so(tmp_path: Path) -> None:
    page(page_job(tmp_path, evidence=False))
    html = (tmp_path / "report.html").read_text()
    assert "This study has not computed a recommended share." in html
    assert "This study has no claims" in html
    assert "weighed equally" not in html


def test_pair_without_answers_says_so(tmp_path: Path) -> None:
    job = page_job(tmp_path, pair=[])
    page(job)
    assert "There are no two scored cells to compare." in (tmp_path / "report.html").read_text()


def test_claims_without_a_column_are_one_clear_line(tmp_path: Path) -> None:
    job = page_job(tmp_path)
    path = tmp_path / "evidence" / "claims.csv"
    path.write_text(path.read_text().replace("verdict", "opinion", 1))
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        page(job)
    again(tmp_path / "evidence", "claims", {})
    with pytest.raises(DataError, match=r"claims\.csv: column 'verdict' is missing; run"):
        page(job)


def test_columns_of_numbers_are_told_from_columns_of_words(html: str) -> None:
    scores = html.split('id="rows-scores"', 1)[1]
    head = scores.split("</thead>", 1)[0]
    assert head.count('class="number"') == 3
    assert '<td class="number">–</td>' in scores
