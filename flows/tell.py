"""Showing a night where people look: an artifact on the Prefect run, a point in MLflow, the project's report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from prefect import runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.house import House
from tasks.lake import Entry, entries
from tasks.notify.task import tell
from tasks.registry.names import CHAMPION
from tasks.report import night_markdown, night_numbers, page, why_lines

EPOCH = date(1970, 1, 1)
REPORT = "report.html"
SERIES = "monitoring"


def publish(house: House, entry: Entry, record: Sequence[Entry]) -> None:
    """Publish one night's entry, and the whole record with it; tell whoever wants to know."""
    house.registry.log_metrics(
        house.project, SERIES, night_numbers(entry), step=(entry.night - EPOCH).days, at=entry.time
    )
    write_report(house, record)
    if runtime.flow_run.id:
        text = night_markdown(house.spec, entry, record)
        create_markdown_artifact(text, key=f"{house.project}-why", description=f"{entry.night}: {entry.action}")
        link = house.registry.text_link(house.project, SERIES, REPORT)
        create_link_artifact(link, key=f"{house.project}-report", link_text="report")
    tell(house.lake, house.spec, entry, record, why_lines(entry, house.spec, record).text())


def write_report(house: House, record: Sequence[Entry] | None = None) -> str:
    """Write the project's page anew from the record, read if it is not given; return where it is.

    It lies in the lake, and in MLflow beside the project's series, where it opens in the browser.
    """
    known = entries(house.lake, house.project) if record is None else record
    champion = house.registry.aliases(house.project).get(CHAMPION)
    content = page(house.spec, known, champion, {"MLflow": f"{house.registry.url}/#/models/{house.project}"})
    house.registry.put_text(house.project, SERIES, REPORT, content)
    return house.lake.put(house.project, REPORT, content.encode())
