"""Report: the record in, pages for people out: a night's `why`, and the project's one page."""

from tasks.report.night import night_markdown
from tasks.report.numbers import night_numbers
from tasks.report.page import page
from tasks.report.parts import Section, Table
from tasks.report.text import visible
from tasks.report.waits import Wait, waits
from tasks.report.why import Why, why_lines

__all__ = [
    "Section",
    "Table",
    "Wait",
    "Why",
    "night_markdown",
    "night_numbers",
    "page",
    "visible",
    "waits",
    "why_lines",
]
