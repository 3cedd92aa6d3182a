"""Checks the newest delivery of a landing zone as the next night will, and stores nothing of it."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.console import Console

from flows.workspace import open_lake
from tasks import clock
from tasks.errors import DataError
from tasks.features import with_features
from tasks.ingest import DeliverySource, LandingZone, StoredObject, Unplaced, landed, open_source
from tasks.ingest.delta.delta_source import DeltaSource
from tasks.ingest.delta.open_delta import open_delta
from tasks.ingest.privacy import KeyOf
from tasks.ingest.tables.open_table import Folders, open_table
from tasks.ingest.tables.table_source import TableSource
from tasks.ingest.task import DeliveryReader, pseudonym_key
from tasks.lake import deliveries
from tasks.records import Landed, Unread, ValidatedDelivery
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, home
from tasks.validate.task import verdicts

SHOWN = 10


class Newest(NamedTuple):
    """The newest delivery of a landing zone, its objects and their source, and how many deliveries there are."""

    source: DeliverySource
    objects: list[StoredObject]
    landed: Landed
    files: int


def newest_delivery(
    spec: ProjectSpec, path: Path, zone: LandingZone, console: Console, extracts: Path
) -> Generator[str, None, Newest | None]:
    """Yield what is never ingested of one landing zone; return the newest delivery, if there is any.

    Parameters
    ----------
    path : Path
        The path of project.yaml.
    extracts : Path
        A folder for what is read from a database.
    """
    source, moment = _source(spec, path, zone, extracts), clock.now()
    until = date.max if spec.source.arrival == "filename" else clock.tonight(spec.schedule.time_zone)
    listing = {stored.key: stored for stored in source.list()}
    arrivals = landed(listing.values(), zone.kind, spec, until, moment, zone.table)
    links = [Unplaced(key, "link_not_followed") for key in source.unfollowed()]
    yield from _first(
        [f"{zone.uri}/{file.key} is never ingested: {_words(file.reason)}" for file in (*arrivals.unplaced, *links)]
    )
    for waiting in _first([f"{zone.uri}/{file.key} waits: {_words(file.reason)}" for file in arrivals.waiting]):
        console.print(f"[yellow]note[/]  {terminal(waiting)}")
    if isinstance(source, DeltaSource) and source.taken and not listing:
        console.print(f"[green]ok[/]    {zone.kind}: nothing is new in {terminal(zone.uri)}")
        return None
    if isinstance(source, TableSource) and source.last is not None and not listing:
        console.print(f"[green]ok[/]    {zone.kind}: nothing is new in {terminal(zone.uri)} since {source.last.read}")
        return None
    if not arrivals.landed:
        yield f"nothing has landed in {zone.uri}; expected {zone.kind} as {zone.files.format} files"
        return None
    newest = arrivals.landed[-1]
    return Newest(source, [listing[key] for key in newest.parts or (newest.key,)], newest, len(arrivals.landed))


def _source(spec: ProjectSpec, path: Path, zone: LandingZone, extracts: Path) -> DeliverySource:
    """Return a landing zone; a table is read from where the last night has stopped."""
    if zone.files.database is None and zone.files.format != "delta":
        return open_source(zone.uri, path.parent, spec.source, zone.files)
    lake, folders = open_lake(home(path)), Folders(path.parent, extracts)
    taken = deliveries(lake, spec.project)
    if zone.files.format == "delta":
        return open_delta(zone, spec, taken, folders, clock.now())
    return open_table(zone, spec, lake, taken, folders, clock.now())


def checked_delivery(spec: ProjectSpec, path: Path, newest: Newest, console: Console) -> Iterator[str]:
    """Yield what is wrong with a delivery, by the steps of a night: read, made private, and validated.

    Parameters
    ----------
    path : Path
        The path of project.yaml.
    """
    with tempfile.TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as folder:
        reader = DeliveryReader(spec, _key(spec, path), Path(folder) / "landed", path.parent)
        with reader.fetched(newest.source, newest.objects, newest.landed) as (_, read):
            delivery = read()
        if isinstance(delivery, Unread):
            yield f"{newest.landed.key} cannot be read: {delivery.detail} ({delivery.reason})"
            return
        (checked,) = verdicts([delivery], spec, path.parent, Path(folder) / "checked")
        yield from _verdict(checked, newest.files, console)
        if newest.landed.kind == "rows" and spec.row_function and not spec.features.tables:
            yield from _failing_function(spec, path.parent, _first_accepted(checked))


def _key(spec: ProjectSpec, path: Path) -> bytes | KeyOf:
    """Return the key of the pseudonyms that the next night uses."""
    if not spec.privacy.pseudonymise:
        return b""
    lake = open_lake(home(path))
    return pseudonym_key(lake, spec, is_new=not deliveries(lake, spec.project).revisions)


def _first_accepted(checked: ValidatedDelivery) -> pd.DataFrame:
    """Return accepted rows: of a delivery on disk, the first chunk."""
    if checked.chunks is None:
        return checked.accepted
    first = next(checked.chunks.accepted(), None)
    return checked.accepted if first is None else first.to_pandas()


def _failing_function(spec: ProjectSpec, folder: Path, rows: pd.DataFrame) -> Iterator[str]:
    """Yield how the feature function is not pure on accepted rows."""
    try:
        with_features(rows, spec.row_function, folder, spec)
    except DataError as error:
        yield str(error)


def _verdict(checked: ValidatedDelivery, files: int, console: Console) -> Iterator[str]:
    key, kind = checked.landed.key, checked.landed.kind
    refused = checked.verdict == "quarantined" or checked.rows_refused > 0
    if refused:
        yield f"{key}: {checked.verdict.replace('_', ' ')}, {checked.rows_refused} of {checked.rows_in} {kind} refused"
        yield from _first(
            [f"{key}: {finding.message}" for finding in checked.findings if finding.severity == "critical"]
        )
    else:
        size = counted(checked.rows_in, kind.removesuffix("s"))
        console.print(
            f"[green]ok[/]    {kind}: {counted(files, 'file')}; the newest, {terminal(key)}, passes with {size}"
        )
    notes = [finding.message for finding in checked.findings if not refused or finding.severity != "critical"]
    for text in _first(notes):
        console.print(f"[yellow]note[/]  {terminal(text)}")


def _first(texts: Sequence[str]) -> list[str]:
    more = [f"and {len(texts) - SHOWN} more like these"] if len(texts) > SHOWN else []
    return [*texts[:SHOWN], *more]


def _words(reason: str) -> str:
    return reason.replace("_", " ")
