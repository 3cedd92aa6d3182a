"""What a page is made of, whether it is shown as HTML, as markdown or in a terminal: sections with tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.render.safe_text import Markdown, markdown


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows under headings; a cell is text as it came, and is escaped where it is shown."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One question a reader has: sentences, and perhaps a table."""

    title: str
    lines: tuple[str, ...] = ()
    table: ReportTable | None = None


def markdown_table(heads: Sequence[object], rows: Iterable[Sequence[object]], *, limit: int | None = None) -> list[str]:
    """Return the lines of a markdown table; a cell that is `Markdown` already is not escaped again.

    Parameters
    ----------
    limit : int, optional
        Longest cell, in characters.

    Examples
    --------
    >>> markdown_table(("row", "label"), [("a<b", Markdown("**1**"))])
    ['| row | label |', '| --- | --- |', '| a&#60;b | **1** |']
    """
    lines = [heads, (Markdown("---"),) * len(heads), *rows]
    return [f"| {' | '.join(markdown(cell, limit) for cell in line)} |" for line in lines]


def markdown_section(section: Section) -> list[str]:
    """Return a section as lines of markdown; an address in it is text, because it may be one that was delivered.

    Examples
    --------
    >>> markdown_section(Section("Does it hurt?", ("no",)))
    ['## Does it hurt?', '', '- no']
    """
    lines = [f"## {markdown(section.title)}", "", *(f"- {markdown(line)}" for line in section.lines)]
    if section.table is None:
        return lines
    return lines + ([""] if section.lines else []) + markdown_table(section.table.heads, section.table.rows)
