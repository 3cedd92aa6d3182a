"""Showing a night where people look: an artifact on the Prefect run, a point in MLflow, the project's report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from prefect import runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.workspace import Workspace
from tasks.features import Leak
from tasks.lake import Entry, read_entries
from tasks.logs import line, logger
from tasks.notify.task import tell_task
from tasks.records import Checked
from tasks.registry.mlflow_names import CHAMPION
from tasks.report import night_markdown, night_numbers, page, why_lines
from tasks.validate import LabelReport, label_markdown, validation_markdown, validation_page
from tasks.validate.verdict.large_delivery import LargeChecked

EPOCH = date(1970, 1, 1)
REPORT = "report.html"
VALIDATION = "validation.html"
SERIES = "monitoring"


def publish(workspace: Workspace, entry: Entry, record: Sequence[Entry]) -> None:
    """Publish one night's entry, and the whole record with it; tell whoever wants to know."""
    workspace.registry.log_metrics(
        workspace.project, SERIES, night_numbers(entry), step=(entry.night - EPOCH).days, at=entry.time
    )
    write_report(workspace, record)
    if runtime.flow_run.id:
        text = night_markdown(workspace.spec, entry, record)
        create_markdown_artifact(text, key=f"{workspace.project}-why", description=f"{entry.night}: {entry.action}")
        link = workspace.registry.text_link(workspace.project, SERIES, REPORT)
        create_link_artifact(link, key=f"{workspace.project}-report", link_text="report")
    tell_task(workspace.lake, workspace.spec, entry, record, why_lines(entry, workspace.spec, record).text())


def show_verdicts(workspace: Workspace, night: date, checked: Sequence[Checked | LargeChecked]) -> None:
    """Show what the contract said of a night's deliveries: a page in the lake, an artifact on the run."""
    workspace.lake.put(workspace.project, VALIDATION, validation_page(workspace.project, checked, night).encode())
    if runtime.flow_run.id:
        text = validation_markdown(checked, night)
        create_markdown_artifact(text, key=f"{workspace.project}-validation", description=f"what landed up to {night}")


def show_labels(workspace: Workspace, report: LabelReport, leaked: Sequence[Leak]) -> None:
    """Show what a training's labels look like, and which columns know them before they are known."""
    for leak in leaked:
        logger().warning(line("column_leaks", column=leak.column, why=leak.why))
    if runtime.flow_run.id:
        text = "\n".join([label_markdown(report), *(f"- **{leak.column}** leaks: {leak.why}" for leak in leaked)])
        create_markdown_artifact(text, key=f"{workspace.project}-labels", description="consistency of the labels")


def write_report(workspace: Workspace, record: Sequence[Entry] | None = None) -> str:
    """Write the project's page anew from the record, read if it is not given; return where it is.

    It lies in the lake, and in MLflow beside the project's series, where it opens in the browser.
    """
    known = read_entries(workspace.lake, workspace.project) if record is None else record
    champion = workspace.registry.aliases(workspace.project).get(CHAMPION)
    content = page(
        workspace.spec, known, champion, {"MLflow": f"{workspace.registry.url}/#/models/{workspace.project}"}
    )
    workspace.registry.put_text(workspace.project, SERIES, REPORT, content)
    return workspace.lake.put(workspace.project, REPORT, content.encode())
