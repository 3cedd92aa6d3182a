"""Text of unknown origin made fit for markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

LONGEST = 300
FORBIDDEN = str.maketrans(
    {
        "|": "\\|",
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
        "`": "'",
        "[": "\\[",
        "]": "\\]",
        "*": "\\*",
        "_": "\\_",
        "!": "\\!",
        "\n": " ",
        "\r": " ",
    }
)


def cell(value: object) -> str:
    r"""Return a value that can stand in markdown, also in a table, whatever the data held.

    >>> cell("<b>|x"), cell("[me](http://x)")
    ('&lt;b&gt;\\|x', '\\[me\\](http://x)')
    """
    text = str(value)
    return (text if len(text) <= LONGEST else text[: LONGEST - 1] + "…").translate(FORBIDDEN)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table.

    >>> list(table(("row", "label"), [("a<b", 1)]))
    ['| row | label |', '|---|---|', '| a&lt;b | 1 |']
    """
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(map(cell, row))} |"
