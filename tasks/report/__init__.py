"""Report: the record in, pages for people out: why a night was decided as it was, and the project's page."""

from tasks.render.sections import ReportTable, Section
from tasks.report.charts.distribution_file import distributions_from_json, distributions_to_json
from tasks.report.charts.night_figures import champion_changes
from tasks.report.explanation import Why, why_lines
from tasks.report.night_markdown import night_markdown
from tasks.report.night_numbers import night_numbers
from tasks.report.overview_page import ProjectOverview, overview_page
from tasks.report.pending_actions import PendingAction, pending_actions
from tasks.report.project_page import page
from tasks.report.quality_tables import metric_words

__all__ = [
    "PendingAction",
    "ProjectOverview",
    "ReportTable",
    "Section",
    "Why",
    "champion_changes",
    "distributions_from_json",
    "distributions_to_json",
    "metric_words",
    "night_markdown",
    "night_numbers",
    "overview_page",
    "page",
    "pending_actions",
    "why_lines",
]
