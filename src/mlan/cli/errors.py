"""The command line's manner of failing: one line per mistake on stderr, exit code 1."""

from __future__ import annotations

import sys
from typing import Any

import typer

from mlan.errors import MlanError


class PlainTyper(typer.Typer):
    """A Typer app that never shows a traceback or a usage panel for a user's mistake."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; ends the process."""
        try:
            status = super().__call__(*args, **{**kwargs, "standalone_mode": False})
        except MlanError as error:
            fail(error)
        except BrokenPipeError:
            sys.exit(0)  # the reader, `head` perhaps, has enough
        except Exception as error:
            # The parser's own errors; typer keeps its classes to itself.
            if type(error).__name__ == "NoArgsIsHelpError":
                print(error)
                sys.exit(0)
            if type(error).__name__ == "Abort":
                sys.exit(130)
            if not hasattr(error, "format_message"):
                raise
            fail(MlanError(_usage(error)))
        sys.exit(status if isinstance(status, int) else 0)


def fail(error: MlanError) -> None:
    """Print every mistake on its own line and end the process with exit code 1."""
    for line in error.lines:
        print(f"mlan: {line}", file=sys.stderr)
    sys.exit(1)


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    where = f"; see `{context.command_path} --help`" if context else ""
    return f"{str(error.format_message()).rstrip('.')}{where}"
