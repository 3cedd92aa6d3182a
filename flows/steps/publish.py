"""Publish a night: an artifact on the Prefect run, a point in MLflow, the project's report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from prefect import get_client, runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.utilities.urls import url_for

from flows.workspace import Workspace
from tasks.features import Leak
from tasks.ingest import open_source
from tasks.labeling_queue.task import shown_pictures
from tasks.lake import read_entries
from tasks.logs import line, logger
from tasks.notify.task import send_notifications_task
from tasks.records import Entry, NightEntry, ValidatedDelivery, WindowDistributions
from tasks.registry import Series
from tasks.render.png_picture import ShownPicture
from tasks.report import (
    distributions_from_json,
    distributions_to_json,
    night_markdown,
    night_numbers,
    page,
    why_lines,
)
from tasks.validate import LabelReport, label_markdown, validation_markdown, validation_page

EPOCH = date(1970, 1, 1)
REPORT = "report.html"
VALIDATION = "validation.html"
DISTRIBUTIONS = "distributions.json"
SHOWING_ROWS = (VALIDATION, REPORT, DISTRIBUTIONS)
"""What shows values of rows: erased with them, and written again by the next night."""
SERIES = "monitoring"
PICTURE_BYTES = 2**16


def publish(
    workspace: Workspace,
    entry: NightEntry,
    record: Sequence[Entry],
    champion: int | None,
    distributions: WindowDistributions | None = None,
) -> None:
    """Publish one night's entry, with the report of the whole record, and send the notifications that are due.

    Parameters
    ----------
    distributions : WindowDistributions, optional
        The night's inputs next to the reference; without them, the report keeps those of an earlier night.
    """
    if distributions is not None:
        workspace.lake.put(workspace.project, DISTRIBUTIONS, distributions_to_json(distributions))
    series = workspace.registry.series(workspace.project, SERIES)
    series.log_metrics(night_numbers(entry), step=(entry.night - EPOCH).days, at=entry.time)
    _write_report(workspace, series, record, champion)
    if runtime.flow_run.id:
        text = night_markdown(workspace.spec, entry, record)
        create_markdown_artifact(text, key=f"{workspace.project}-why", description=f"{entry.night}: {entry.action}")
        create_link_artifact(series.link(REPORT), key=f"{workspace.project}-report", link_text="report")
        show_version(workspace, champion, f"the champion on {entry.night}")
    why = why_lines(entry, workspace.spec, record).text()
    send_notifications_task(workspace.lake, workspace.spec, entry, record, why)


def run_link() -> str:
    """Return the address of this flow run in Prefect; empty outside of a run, or where no address is known.

    It begins with PREFECT_UI_URL, which Prefect derives from PREFECT_API_URL where it is not set.
    """
    return url_for("flow-run", obj_id=runtime.flow_run.id) or "" if runtime.flow_run.id else ""


def name_run(name: str) -> None:
    """Name the run in the Prefect UI after its outcome."""
    if runtime.flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(runtime.flow_run.id), name=name)


def show_version(workspace: Workspace, number: int | None, what: str) -> None:
    """Link the Prefect run to a version's page in MLflow; outside of a run, and without a version, do nothing."""
    if runtime.flow_run.id and number is not None:
        link, key = workspace.registry.link(workspace.project, number), f"{workspace.project}-version"
        create_link_artifact(link, key=key, link_text=f"version {number}", description=what)


def show_verdicts(workspace: Workspace, night: date, checked: Sequence[ValidatedDelivery]) -> None:
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


def write_report(workspace: Workspace) -> str:
    """Write the project's page again from the decision record; return its location in the lake.

    The page is in the lake, and in MLflow with the project's series, where it opens in the browser.
    """
    record = read_entries(workspace.lake, workspace.project)
    champions = workspace.champion_record(record).champions()
    series = workspace.registry.series(workspace.project, SERIES)
    return _write_report(workspace, series, record, champions[0].number if champions else None)


def _write_report(workspace: Workspace, series: Series, record: Sequence[Entry], champion: int | None) -> str:
    links = {"MLflow": workspace.registry.model_link(workspace.project), "run in Prefect": run_link()}
    drawn = distributions_from_json(workspace.lake.get(workspace.project, DISTRIBUTIONS))
    content = page(workspace.spec, record, champion, links, drawn, _pictures(workspace, record))
    series.put_text(REPORT, content)
    return workspace.lake.put(workspace.project, REPORT, content.encode())


def _pictures(workspace: Workspace, record: Sequence[Entry]) -> list[ShownPicture]:
    """Return the pictures of rows that a person looks at; none where they cannot be read: no night fails for them."""
    spec, nights = workspace.spec, [entry.night for entry in record if isinstance(entry, NightEntry)]
    if spec.source.files is None or not nights:
        return []
    try:
        store = open_source(spec.source.uri, workspace.folder, spec.source)

        def read(name: str) -> bytes | None:
            content = store.read_file(name, PICTURE_BYTES)
            return content if isinstance(content, bytes) else None

        return shown_pictures(workspace.lake, spec, nights[-1], read)
    except Exception as error:  # noqa: BLE001 - whatever a picture is, the night is decided
        logger().warning(line("pictures_left_out", why=error))
        return []
