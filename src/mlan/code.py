"""A digest of what a stage's code means, used as a rerun trigger.

The digest covers the stage's script and every `mlan` module that it imports, directly or not.
It is taken over the syntax tree without docstrings, positions and formatting, so that a
comment, a docstring or a formatter changes nothing, and it is equal on Python 3.11 to 3.13.
A file beside a module that has its name and another ending (`page.html` of `page.py`) is data of
the module: its bytes count. Config models are left out: the values a stage uses are its
parameters already.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# Names, descriptions and validation messages; values reach a stage through its parameters.
OUTSIDE = ("mlan.config", "mlan.errors")
# The package root holds the version, which every record states by itself.
_ROOT = "mlan"
# Fields that exist only in some Python versions or carry no meaning.
_IGNORED = {"type_params", "type_comment", "kind", "ctx", "type_ignores"}


def code_digest(script: Path) -> str:
    """Return 16 hex digits for a script and the `mlan` modules below it."""
    own = hashlib.sha256(_meaning(script).encode())
    for module in sorted(used_modules(script)):
        own.update(f"\0{module}\0{_meaning(module_file(module))}".encode())
        for data in data_files(module):
            own.update(f"\0{data.name}\0".encode() + data.read_bytes())
    return own.hexdigest()[:16]


def used_modules(script: Path) -> set[str]:
    """Return the dotted names of all `mlan` modules that a script imports, transitively."""
    found: set[str] = set()
    todo = list(_imports(script))
    while todo:
        module = todo.pop()
        if module in found or module == _ROOT or _is_outside(module):
            continue
        found.add(module)
        todo += _imports(module_file(module))
    return found


def _is_outside(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in OUTSIDE)


def module_file(module: str) -> Path:
    """Return the file of a dotted `mlan` module name."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def data_files(module: str) -> list[Path]:
    """Return the files that a module reads as its data, by name: `<module>.*`, no Python."""
    file = module_file(module)
    found = file.parent.glob(f"{file.stem}.*")
    return sorted(path for path in found if path.suffix not in (".py", ".pyc", ".pyi"))


def _exists(module: str) -> bool:
    return module_file(module).exists()


@cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {n for n in names if n.split(".")[0] == "mlan" and _exists(n)}
    parents = {".".join(n.split(".")[:i]) for n in ours for i in range(1, n.count(".") + 1)}
    return frozenset(ours | parents)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _meaning(path: Path) -> str:
    return _dump(_tree(path))


def _dump(node: object) -> str:
    if isinstance(node, ast.AST):
        parts = []
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                value = [child for child in value if not _is_silent(child, node)]
            if field in _IGNORED or value is None or value == []:
                continue
            parts.append(f"{field}={_dump(value)}")
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    return repr(node)


def _is_silent(node: object, parent: ast.AST) -> bool:
    """Docstrings, also those under a field: a string that stands alone as a statement.

    And the empty text that Python 3.12 adds to a nested format such as `{x:{width}}`.
    """
    if isinstance(parent, ast.JoinedStr):
        return isinstance(node, ast.Constant) and node.value == ""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
