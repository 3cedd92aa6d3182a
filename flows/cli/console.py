"""Where commands print: the terminal's width for a person, at most 120 characters a line in a pipe or a log."""

from __future__ import annotations

import json
import os
import textwrap
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

PIPE_WIDTH = 120


class PipeConsole(Console):
    """Prints without colours and wraps between words only: a path or an address is never broken."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts wrapped to the width of the console, and anything else, such as a table, as rich does."""
        if not objects or not all(isinstance(text, str) for text in objects):
            super().print(*objects, **options)
            return
        text = " ".join(objects)
        plain = Text.from_markup(text, emoji=False).plain if options.pop("markup", True) else text
        whole = options.pop("soft_wrap", False)  # the caller wants one line, such as a link to copy
        lines = [line if whole else wrapped(line, self.width) for line in plain.split("\n")]
        super().print("\n".join(lines), markup=False, soft_wrap=True, **options)


def screen(*, stderr: bool = False) -> Console:
    """Return the console a command prints on: for a terminal, or for a pipe, without colours.

    The variable COLUMNS sets another width.
    """
    console = Console(stderr=stderr, highlight=False, emoji=False)
    if console.is_terminal:
        return console
    columns = os.environ.get("COLUMNS", "")
    return PipeConsole(stderr=stderr, highlight=False, width=int(columns) if columns.isdecimal() else PIPE_WIDTH)


def table(*headings: str | Column) -> Table:
    """Return an empty table without a frame; cells that are too long are folded, never cut."""
    shown = Table(show_edge=False)
    for heading in headings:
        column = heading if isinstance(heading, Column) else Column(heading)
        shown.add_column(column.header, justify=column.justify, overflow="fold")
    return shown


def print_json(content: Any) -> None:
    """Print JSON, for other programs; a number that JSON has no text for, such as infinity, is null.

    >>> print_json({"distance": float("inf")})
    {
      "distance": null
    }
    """
    plain = json.loads(json.dumps(content, ensure_ascii=False, default=str), parse_constant=lambda _constant: None)
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False))


def wrapped(line: str, width: int) -> str:
    r"""Return a line folded between words; the lines that follow are indented by two more spaces.

    Examples
    --------
    >>> wrapped("  the lake is in /var/lib/leeway/lake", 16)
    '  the lake is in\n    /var/lib/leeway/lake'
    """
    indent = line[: len(line) - len(line.lstrip())] + "  "
    folded = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(folded)
