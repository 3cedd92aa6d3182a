"""Showing a night where people look: an artifact on the Prefect run, a point in MLflow, the project's report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect import runtime
from prefect.artifacts import create_markdown_artifact

from flows.house import House
from tasks.lake import Entry, entries
from tasks.registry.names import CHAMPION
from tasks.report import night_markdown, page

EPOCH = date(1970, 1, 1)
REPORT = "report.html"


def publish(house: House, entry: Entry, record: Sequence[Entry]) -> None:
    """Publish one night's entry, and the whole record with it."""
    text = night_markdown(house.spec, entry)
    if runtime.flow_run.id:
        create_markdown_artifact(text, key=f"{house.project}-why", description=f"{entry.night}: {entry.action}")
    numbers = _series(entry)
    if numbers:
        house.registry.log_metrics(house.project, "monitoring", numbers, step=(entry.night - EPOCH).days, at=entry.time)
    write_report(house, record)


def write_report(house: House, record: Sequence[Entry] | None = None) -> str:
    """Write the project's page anew from the record, read if it is not given; return where it is."""
    known = entries(house.lake, house.project) if record is None else record
    content = page(house.spec, known, house.registry.aliases(house.project).get(CHAMPION))
    return house.lake.put(house.project, REPORT, content.encode())


def _series(entry: Entry) -> dict[str, float]:
    """Return the night's numbers for a chart over time."""
    details: dict[str, Any] = entry.details
    numbers = {"rows": float(details["rows"]), "quarantined": float(details["quarantined"])}
    if details["moved"]:
        numbers["worst_strain"] = details["moved"][0]["strain"]
    if "performance" in details:
        seen = details["performance"]
        numbers |= {
            "error": seen["loss"]["value"],
            "error_promised": seen["loss"]["expected"],
            "bias": seen["bias"]["value"],
        }
    return numbers
