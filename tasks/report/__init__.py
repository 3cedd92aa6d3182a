"""Report: the record in, pages for people out: a night's `why`, and the project's one page."""

from tasks.report.night import night_markdown
from tasks.report.page import page

__all__ = ["night_markdown", "page"]
