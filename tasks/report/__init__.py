"""Report: the record in, pages for people out: a night's `why`, and the project's one page."""

from tasks.render.safe_text import visible
from tasks.render.sections import ReportTable, Section
from tasks.report.explanation import Why, why_lines
from tasks.report.night_markdown import night_markdown
from tasks.report.night_numbers import night_numbers
from tasks.report.pending_actions import Wait, waits
from tasks.report.project_page import page

__all__ = [
    "ReportTable",
    "Section",
    "Wait",
    "Why",
    "night_markdown",
    "night_numbers",
    "page",
    "visible",
    "waits",
    "why_lines",
]
