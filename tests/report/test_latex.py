"""A table as LaTeX: nothing is interpreted, and no table is wider than the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.report.latex import latex, to_latex
from mlan.report.tables import Table
from tests.report.small_table import SMALL

WORDS = st.text("abc_- ", min_size=1, max_size=80)


def test_latex_escapes_every_special_sign() -> None:
    assert latex(r"a_b & 5 % $x$ #1 {y} ~ ^ \z") == (
        r"a\_b \& 5 \% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )
    assert latex("41 ± 3 † –") == r"41 $\pm$ 3 $\dagger$ --"
    assert latex("<.001 > 2") == "$<$.001 $>$ 2"  # else signs of another alphabet in OT1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-2.0 to -.5", "$-$2.0 to $-$.5"),
        ("(-12.6 to 8.5)", "($-$12.6 to 8.5)"),
        ("1e-05", "1e-05"),
        ("2026-01-02", "2026-01-02"),
        ("non-inferiority", "non-inferiority"),
    ],
)
def test_latex_minus_is_no_hyphen(text: str, written: str) -> None:
    assert latex(text) == written


def test_to_latex_is_a_booktabs_table() -> None:
    lines = to_latex(SMALL, "small").splitlines()
    assert r"\caption{A \& B}\label{tab:small}" in lines
    assert r"\begin{tabular}{lrr}" in lines
    first = lines.index(r"a\_b $\dagger$ & 123,456 & 41 $\pm$ 3 \\")
    assert lines[first - 1] == r"\midrule"
    assert lines[first + 1 : first + 4] == [r"\midrule", r"x|y & 80 & -- \\", r"\bottomrule"]


def test_to_latex_without_rows_has_no_rules() -> None:
    empty = Table("None.", ("name", "n"), (), "Empty: nothing was compared.", words=1)
    assert to_latex(empty, "none").splitlines() == [
        r"\begin{table*}",
        r"\caption{None.}\label{tab:none}",
        r"\par\smallskip{\footnotesize Empty: nothing was compared.}",
        r"\end{table*}",
    ]


def test_to_latex_longer_than_a_page_breaks_and_repeats_its_heading() -> None:
    long = Table("Long.", ("key", "value"), tuple((f"k{i}", "1") for i in range(60)), "", words=1)
    text = to_latex(long, "long")
    assert text.count("key & value") == 2
    assert r"\endfirsthead" in text
    assert r"\endhead" in text
    assert r"\begin{longtable}{lr}" in text
    assert "table*" not in text


def test_to_latex_in_small_print_where_that_suffices() -> None:
    rows = (("a" * 60, "b" * 60),)
    text = to_latex(Table("Wide.", ("one", "two"), rows, "", words=2), "wide")
    assert r"\scriptsize" in text
    assert r"\begin{tabular}{ll}" in text


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4))
def test_to_latex_wide_columns_share_the_line(rows: list[tuple[str, str, str]]) -> None:
    header = ("first " * 10, "second " * 10, "third " * 10)  # 60 and 70 letters: too wide
    text = to_latex(Table("Wide.", header, tuple(rows), "", words=2), "wide")
    parts = [float(part) for part in re.findall(r"dimexpr ([\d.]+)\\linewidth", text)]
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(1, abs=2e-4)
    assert text.count("raggedleft") == 1
    assert all(part > 0.03 for part in parts)
