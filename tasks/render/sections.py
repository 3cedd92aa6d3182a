"""What a screen is made of: questions with sentences, and tables of plain text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows under headings; every cell is text as it came, to be escaped by whoever shows it."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One question a reader has: sentences, and perhaps a table."""

    title: str
    lines: tuple[str, ...] = ()
    table: ReportTable | None = None
