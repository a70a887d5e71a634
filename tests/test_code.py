"""The code digest follows meaning: neither formatting nor words, every operator and constant."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlan import code
from mlan.code import code_digest, used_modules

REPOSITORY = Path(__file__).parents[1]
SCRIPTS = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
BASE = '''"""Module."""
from dataclasses import dataclass

SIZES = ("a", 'b')


@dataclass(frozen=True)
class Point:
    """A point."""

    x: float
    """Across."""
    y: float = 1.0


def area(points, scale=2):
    """Return it."""
    total = sum(p.x * p.y for p in points)
    if total > 3:
        return total * scale
    return None
'''


def digest(folder: Path, text: str, name: str = "script.py") -> str:
    """The digest of a script; every call has a path of its own, as digests are remembered."""
    path = folder / f"{len(list(folder.iterdir()))}" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return code_digest(path)


def edited(old: str, new: str) -> str:
    assert BASE.count(old) >= 1, old
    return BASE.replace(old, new, 1)


SAME = {
    "comment": edited("    total =", "    # why\n    total ="),
    "trailing comment": edited("scale\n", "scale  # why\n"),
    "module docstring": edited('"""Module."""\n', ""),
    "class docstring": edited('"""A point."""', '"""Another text."""'),
    "function docstring": edited('    """Return it."""\n', ""),
    "attribute docstring": edited('"""Across."""', '"""Along."""'),
    "quotes": edited("""("a", 'b')""", """('a', "b")"""),
    "line breaks": edited("(\"a\", 'b')", '(\n    "a",\n    "b",\n)'),
    "trailing comma": edited("(points, scale=2)", "(points, scale=2,)"),
    "parentheses": edited("total * scale", "(total) * (scale)"),
    "blank lines": edited("    if total", "\n\n    if total"),
    "joined string": edited('"a"', '"" "a"'),
    "unicode prefix": edited('"a"', 'u"a"'),
    "number spelling": edited("1.0", "1."),
    "indentation": BASE.replace("    ", "  "),
    "line ends": BASE.replace("\n", "\r\n"),
}
OTHER = {
    "operator": edited("total * scale", "total + scale"),
    "comparison": edited("total > 3", "total >= 3"),
    "constant": edited("> 3", "> 4"),
    "text constant": edited('"a"', '"c"'),
    "type of a constant": edited("> 3", "> 3.0"),
    "default": edited("scale=2", "scale=3"),
    "default of a field": edited("y: float = 1.0", "y: float"),
    "renamed variable": BASE.replace("total", "whole"),
    "annotation": edited("x: float", "x: int"),
    "decorator": edited("(frozen=True)", ""),
    "order of statements": edited("    x: float\n    ", "    y: float\n    x: float\n    "),
    "lost return value": edited("    return None\n", ""),
    "swapped arguments": edited("(points, scale=2)", "(scale, points=2)"),
    "negation": edited("if total", "if not total"),
    "none for nothing": edited("return None", "return"),
    "tuple of one": edited("(\"a\", 'b')", '("a",)'),
    "import": edited("import dataclass", "import dataclass, field"),
    "text in place of an f-string": edited("'b'", "f'b'"),
}


@pytest.mark.parametrize("case", SAME)
def test_edit_without_meaning_keeps_the_digest(tmp_path: Path, case: str) -> None:
    assert SAME[case] != BASE
    assert digest(tmp_path, SAME[case]) == digest(tmp_path, BASE)


@pytest.mark.parametrize("case", OTHER)
def test_edit_of_meaning_changes_the_digest(tmp_path: Path, case: str) -> None:
    assert ast.dump(ast.parse(OTHER[case])) != ast.dump(ast.parse(BASE))
    assert digest(tmp_path, OTHER[case]) != digest(tmp_path, BASE)


def test_digest_does_not_depend_on_place_or_name(tmp_path: Path) -> None:
    assert digest(tmp_path, BASE) == digest(tmp_path, BASE, name="other.py")
    assert len(digest(tmp_path, BASE)) == 16


# --- imports ---------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `mlan` of its own, with a script that uses a part of it."""
    files = {
        "__init__.py": "VERSION = 1\n",
        "errors.py": "MESSAGE = 1\n",
        "config/__init__.py": "from mlan.config import data\n",
        "config/data.py": "from mlan import behind_config\n",
        "behind_config.py": "VALUE = 1\n",
        "near.py": "from mlan.part.deep import thing\n",
        "part/__init__.py": "ROOT = 1\n",
        "part/deep.py": "import mlan.errors\nfrom mlan.config.data import x\nthing = 1\n",
        "late.py": "VALUE = 1\n",
        "later.py": "from mlan import late\n",
        "configure.py": "VALUE = 1\n",
        "unused.py": "VALUE = 1\n",
        "script.py": "import os\nimport mlan.near\n\n\ndef f():\n"
        "    from mlan.later import late\n    import mlan.configure as c\n    return late, c\n",
    }
    root = tmp_path / "mlan"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code, "PACKAGE", root)
    _forget()
    yield root
    _forget()


def _forget() -> None:
    for remembered in (code._imports, code._tree, code._meaning):
        remembered.cache_clear()


def test_used_modules_are_those_imported_directly_or_not_also_in_functions(package: Path) -> None:
    assert used_modules(package / "script.py") == {
        "mlan.near",
        "mlan.part",
        "mlan.part.deep",
        "mlan.later",
        "mlan.late",
        "mlan.configure",
    }


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("near.py", True),
        ("part/__init__.py", True),
        ("part/deep.py", True),
        ("late.py", True),
        ("configure.py", True),
        ("unused.py", False),
        ("__init__.py", False),
        ("errors.py", False),
        ("config/__init__.py", False),
        ("config/data.py", False),
        ("behind_config.py", False),
    ],
)
def test_edit_of_a_module_counts_where_it_is_used(package: Path, module: str, counts: bool) -> None:
    before = code_digest(package / "script.py")
    path = package / module
    path.write_text(f"{path.read_text()}NEW = 2\n")
    _forget()
    assert (code_digest(package / "script.py") != before) is counts


def test_file_of_a_modules_name_counts_with_it_and_no_other_file_does(package: Path) -> None:
    before = code_digest(package / "script.py")
    (package / "other.html").write_text("<p>")
    (package / "unused.html").write_text("<p>")
    assert code_digest(package / "script.py") == before
    (package / "part" / "deep.html").write_text("<p>")
    with_data = code_digest(package / "script.py")
    (package / "part" / "deep.html").write_text("<b>")
    assert len({before, with_data, code_digest(package / "script.py")}) == 3


# --- the real scripts ------------------------------------------------------------------------

# Imports what is slow once, then each script in a child of its own.
_LOADED = """
import json, os, runpy, sys
from transformers import AutoModel, LlavaConfig, LlavaForConditionalGeneration, LlamaModel
import pandas, peft, pyarrow.parquet, safetensors.torch, tokenizers, torch, yaml
assert not any(name.split(".")[0] == "mlan" for name in sys.modules)
for script in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        runpy.run_path(script, run_name="imported")
        print(json.dumps([script, sorted(n for n in sys.modules if n.split(".")[0] == "mlan")]))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, script
"""


def test_used_modules_of_each_script_are_those_that_python_loads() -> None:
    out = subprocess.run(
        [sys.executable, "-c", _LOADED, *map(str, SCRIPTS)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
    )
    assert out.returncode == 0, out.stderr[-2000:]
    loaded = dict(json.loads(line) for line in out.stdout.splitlines())
    assert len(loaded) == len(SCRIPTS) > 0
    for script in SCRIPTS:
        decides = {m for m in loaded[str(script)] if not m.startswith("mlan.config")}
        decides -= {"mlan", "mlan.errors"}
        # Imported only when it is needed, so a mere load does not show it.
        late = {"mlan.hub.failures"} - decides
        assert used_modules(script) - late == decides, script.name


def test_no_import_is_of_a_kind_that_the_digest_overlooks() -> None:
    for path in [*SCRIPTS, *(REPOSITORY / "src").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative"
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert not called.endswith(("__import__", "import_module")), f"{path}: by a text"


def test_every_stage_has_a_digest_of_its_own() -> None:
    assert len({code_digest(script) for script in SCRIPTS}) == len(SCRIPTS)


_OTHER_PYTHONS = [
    path
    for version in ("3.11", "3.12", "3.13")
    if sys.version_info[:2] != tuple(map(int, version.split(".")))
    for path in [
        *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
        *filter(None, [shutil.which(f"python{version}")]),
    ][:1]
]


@pytest.mark.skipif(not _OTHER_PYTHONS, reason="no other supported Python on this machine")
def test_digests_are_equal_on_other_pythons_with_the_standard_library_alone(
    tmp_path: Path,
) -> None:
    base = tmp_path / "base.py"
    strings = 'f"{SIZES!r:>{9}} {1:.2f}{{}}" f"{area:}" "" f"{area=}"\n'
    base.write_text(f"{BASE}\nX = {strings}\nmatch 1:\n    case int(): ...\n", encoding="utf-8")
    here = {str(script): code_digest(script) for script in [*SCRIPTS, base]}
    program = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY / 'src')!r}); import mlan.code as c; "
        "print(*(c.code_digest(c.Path(s)) for s in sys.argv[1:]))"
    )
    for python in _OTHER_PYTHONS:
        out = subprocess.run(
            [str(python), "-I", "-S", "-c", program, *here],
            capture_output=True,
            text=True,
            check=False,
        )
        assert out.returncode == 0, f"{python}: {out.stderr[-1000:]}"
        assert dict(zip(here, out.stdout.split(), strict=True)) == here, str(python)
