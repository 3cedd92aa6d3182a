"""The tasks of the labeling queue: read the queue from the lake, write answers to the landing zone of labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from tasks.dataset.degree_in_force import spec_in_force
from tasks.dataset.feature_assembly import feature_values
from tasks.dataset.hidden_answers import are_audited, were_hidden
from tasks.dataset.known_rows import consented_rows
from tasks.labeling_queue.label_delivery import LandingFile
from tasks.labeling_queue.review_queue import prediction_columns, queue
from tasks.labeling_queue.shown_pictures import MOST, refused_pictures, unsure_pictures
from tasks.lake import Deliveries, Filter, Lake, LandingFolder, active_rows, deliveries, read_entries
from tasks.logs import line, logger
from tasks.render.png_picture import ShownPicture, picture_address
from tasks.spec import ProjectSpec

PICTURE_DAYS = 14
ReadFile: TypeAlias = Callable[[str], bytes | None]
"""From the name of a file to its content; None where it cannot be read."""


@dataclass(frozen=True)
class Queue:
    """The rows that wait, the same rows as they were accepted, and the ids of all rows that were ever deferred."""

    waiting: pd.DataFrame
    rows: pd.DataFrame
    asked: frozenset[str]


def waiting_rows(lake: Lake, spec: ProjectSpec) -> Queue:
    """Return the queue of a project; no one is shown rows without consent."""
    spec = spec_in_force(spec, read_entries(lake, spec.project, "night", "degree"))
    batches, project = deliveries(lake, spec.project), spec.project
    served: list[Filter] = [("role", "=", "champion")]
    columns = ["row_id", "event_date", *prediction_columns(spec), "deferred", "time"]
    answered = active_rows(lake, project, "predictions", batches, columns=columns, where=served)
    audited, hidden = are_audited(answered, spec.automation), were_hidden(answered, spec.automation)
    deferred = answered[audited | answered["deferred"].astype("boolean").fillna(value=False).to_numpy(bool)]
    labelled = active_rows(lake, project, "labels", batches, columns=["row_id"])["row_id"]
    if spec.decisions is not None:
        labelled = pd.concat([labelled, feature_values(lake, project, spec.decisions_table)["entity"]])
    waiting = queue(deferred, labelled, spec)
    blind = waiting["row_id"].isin(answered.loc[hidden, "row_id"])
    for name in waiting.columns.intersection(prediction_columns(spec)):
        waiting[name] = waiting[name].where(~blind)
    rows = consented_rows(_rows(lake, spec, batches, waiting), spec)
    if spec.privacy.consent is not None:
        waiting = waiting[waiting["row_id"].isin(rows["row_id"])].reset_index(drop=True)
    logger().info(line("queue_read", asked=deferred["row_id"].nunique(), waiting=len(waiting)))
    return Queue(waiting, rows, frozenset(deferred["row_id"]))


def _rows(lake: Lake, spec: ProjectSpec, batches: Any, waiting: pd.DataFrame) -> pd.DataFrame:
    if waiting.empty:
        return pd.DataFrame({"row_id": pd.Series(dtype="str")})
    days: Sequence[Filter] = [
        ("event_date", ">=", min(waiting["event_date"])),
        ("event_date", "<=", max(waiting["event_date"])),
    ]
    rows = active_rows(lake, spec.project, "rows", batches, where=days)
    return rows[rows["row_id"].isin(waiting["row_id"])]


def deliver_labels(file: LandingFile, spec: ProjectSpec, folder: Path) -> str:
    """Write answers to the landing zone of labels and return the address; a file appears complete, then its marker.

    Parameters
    ----------
    folder : Path
        The folder of project.yaml, which a relative address is resolved against.

    Raises
    ------
    Unreachable
        The landing zone does not respond.
    """
    uri = spec.source.label.uri or ""
    landing = LandingFolder(uri, spec, folder, os.environ)
    landing.write(
        [(key, content) for key, content in ((file.key, file.content), (file.marker, b"")) if key is not None]
    )
    logger().info(line("answers_delivered", bytes=len(file.content), key=file.key))
    return f"{uri.rstrip('/')}/{file.key}"


def shown_pictures(lake: Lake, spec: ProjectSpec, night: date, read: ReadFile) -> list[ShownPicture]:
    """Return at most 20 rows of the last two weeks with their pictures: first the refused ones, then the unsure ones.

    None where `privacy` is set: reports then show no values of rows.

    Parameters
    ----------
    read : callable
        Reads the file of a row.
    """
    if spec.source.files is None or spec.privacy.is_set:
        return []
    batches, since = deliveries(lake, spec.project), night - timedelta(days=PICTURE_DAYS)
    refused = [one for one in batches.latest() if one.kind == "rows" and one.rows_quarantined and since < one.arrival]
    found: list[tuple[str, str, str]] = []
    for batch in sorted(refused, key=lambda one: (one.arrival, one.key), reverse=True)[:MOST]:
        stored = lake.read(spec.project, "quarantine", where=[("batch_id", "=", batch.batch_id)])
        found += refused_pictures(stored, spec)
    found += _unsure(lake, spec, batches, since)
    return [ShownPicture(row, why, _address(read(name))) for row, why, name in found[:MOST]]


def _unsure(lake: Lake, spec: ProjectSpec, batches: Deliveries, since: date) -> Iterator[tuple[str, str, str]]:
    recent: list[Filter] = [("event_date", ">", since)]
    champion: list[Filter] = [("role", "=", "champion"), *recent]
    columns = ["row_id", "event_date", "deferred", "time"]
    answered = active_rows(lake, spec.project, "predictions", batches, columns=columns, where=champion)
    if answered.empty:
        return
    labelled = active_rows(lake, spec.project, "labels", batches, columns=["row_id"])["row_id"]
    named = ["row_id", *spec.file_columns[:1]]
    rows = active_rows(lake, spec.project, "rows", batches, columns=named, where=recent)
    yield from unsure_pictures(answered, labelled, rows, spec)


def _address(content: bytes | None) -> str | None:
    return None if content is None else picture_address(content)
