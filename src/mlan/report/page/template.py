"""The markup of the page: one template, one style sheet, one script, all within the file.

The policy in the page's head lets a browser load nothing from anywhere and run no script but the
page's own, told by its hash; every text that comes from data is escaped. Not here: what is said.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

import mlan

_FOLDER = Path(__file__).parent
_NAME = "template.html"


def render(parts: Mapping[str, Any]) -> str:
    """Return the page for the names that the template uses; it fails for one that is missing."""
    source, style, script = (_text(f"template.{kind}") for kind in ("html", "css", "js"))
    environment = Environment(
        loader=DictLoader({_NAME: source}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(_NAME).render(
        **parts,
        version=mlan.__version__,
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )
    return f"{page.lstrip()}\n"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    """What a content security policy knows an inline script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
