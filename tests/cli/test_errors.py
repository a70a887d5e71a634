from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlan.cli import doctor
from mlan.cli.words import count, duration
from tests.cli.example import call


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("plan tinny", "study = 'tinny': unknown study; did you mean 'tiny'?"),
        ("status tiny --seeds 5", "seeds = '5': not a seed of the study; allowed: first, 0, 1"),
        (
            "status tiny --experiments sweeep",
            "experiments = 'sweeep': unknown experiment; did you mean 'sweep'?",
        ),
        (
            "show plan text5 --study tiny",
            "cell = 'text5': no such cell; did you mean 'text50'?",
        ),
        (
            "show plan untuned --study tiny",
            "cell = 'untuned': is not tuned, so it has no plan",
        ),
        (
            "show plan text50 7 --study tiny",
            "seed = 7: cell 'text50' has no such seed; allowed: 0, 1",
        ),
        (
            "show diff text0 text50 --study tiny",
            "cell 'text0', seed 0: not scored yet; see `mlan status`",
        ),
        ("status tiny --sed 1", "No such option: --sed"),
        ("show plan", "Missing argument 'cell'"),
    ],
)
def test_mistake_is_one_line_and_exit_code_1(
    project: Path, capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    assert call(*words.split()) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith(f"mlan: {line}")


def test_mistakes_in_the_study_are_one_line_each(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "config" / "tiny.yaml"
    text = path.read_text().replace("mixture.text_share", "mixture.text_shar")
    path.write_text(text)

    assert call("plan", "tiny") == 1

    assert capsys.readouterr().err == (
        "mlan: config/tiny.yaml: experiments.sweep: mixture.text_shar: unknown recipe key "
        "'text_shar'; did you mean 'text_share'?\n"
    )


def test_command_outside_the_project_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert call("status") == 1

    assert capsys.readouterr().err == (
        f"mlan: no folder config here ({tmp_path}); go to the one with the Snakefile\n"
    )


def test_help_loads_no_table_library() -> None:
    script = (
        "import sys; from mlan.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: assert not {'pandas', 'numpy', 'pydantic'} & set(sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert "doctor" in done.stdout


def test_doctor_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))

    assert doctor._packages() == doctor.Finding(
        "packages", "missing: no-such-package", "run `make install`"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "1 h 30 min")]
)
def test_duration_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_count_groups_thousands() -> None:
    assert [count(n) for n in (7, 1234, 1234567)] == ["7", "1 234", "1 234 567"]
