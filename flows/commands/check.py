"""`leeway check`: the spec, the contract, the source and the newest delivery of each kind; everything wrong, at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tasks import clock
from tasks.errors import Error, SpecError
from tasks.features import with_features
from tasks.ingest import Unreadable, delivered, landed, open_source, secret
from tasks.records import Checked, Kind
from tasks.spec import ProjectSpec, find_project, read_spec
from tasks.validate import check as check_rows
from tasks.validate import check_labels, read_suite

FINDINGS_SHOWN = 10


def check_project(project: str) -> int:
    """Print a line a check; return how many found something wrong."""
    console, path = Console(), find_project(project)
    spec = read_spec(path)
    console.print(f"[green]ok[/]    {escape(str(path))}: the spec can be used")
    wrong = 0
    for text in _faults(spec, path.parent, console):
        wrong += 1
        console.print(f"[red]wrong[/] {escape(text)}")
    console.print(
        f"{spec.project}: {wrong} found wrong"
        if wrong
        else f"{spec.project} is ready: `leeway run nightly {spec.project}`"
    )
    return wrong


def _faults(spec: ProjectSpec, folder: Path, console: Console) -> Iterator[str]:
    """Yield what is wrong; say what is right on the way."""
    for reference in {channel.to for channel in spec.notifications}:
        if not os.environ.get(reference.removeprefix("env:")):
            yield f"notifications go to {reference}, but that variable is not set"
    try:
        read_suite(folder / spec.contract.suite, spec)
        console.print(f"[green]ok[/]    {spec.contract.suite}: Great Expectations takes the suite")
    except Error as error:
        yield str(error)
        return
    places: list[tuple[Kind, str | None]] = [("rows", spec.source.uri), ("labels", spec.source.label.uri)]
    for kind, uri in places:
        if uri is None:
            continue
        try:
            yield from _newest(spec, folder, kind, uri, console)
        except SpecError as error:
            yield from error.faults
        except Error as error:
            yield str(error)


def _newest(spec: ProjectSpec, folder: Path, kind: Kind, uri: str, console: Console) -> Iterator[str]:
    """Check the newest delivery of one landing place as a night would; nothing is written."""
    place = open_source(uri, folder, spec.source)
    far = date.max if spec.source.arrival == "filename" else clock.tonight(spec.schedule.time_zone)
    arrivals = landed(place.list(), kind, spec, far)
    for lost in arrivals.unplaced:
        yield f"{uri}/{lost.key} would never be taken in: {lost.reason.replace('_', ' ')}"
    if not arrivals.landed:
        yield f"nothing has landed in {uri}; expected {kind} as {spec.source.format} files"
        return
    newest = arrivals.landed[-1]
    read = delivered(place.read(newest.key), newest, spec, secret(spec.privacy, os.environ))
    if isinstance(read, Unreadable):
        yield f"{newest.key} cannot be read as {spec.source.format}: {read.detail} ({read.reason})"
        return
    suite = read_suite(folder / spec.contract.suite, spec)
    checked = check_rows(read, spec, suite) if kind == "rows" else check_labels(read, spec, suite)
    if kind == "rows":
        with_features(checked.accepted, spec.features.function, folder)
    yield from _verdict(checked, len(arrivals.landed), console)


def _verdict(checked: Checked, landed_count: int, console: Console) -> Iterator[str]:
    key = checked.landed.key
    if checked.verdict == "quarantined" or len(checked.refused):
        reasons = "; ".join(finding.message for finding in checked.findings[:FINDINGS_SHOWN])
        yield f"{key}: {checked.verdict}, {len(checked.refused)} of {checked.rows_in} rows refused: {reasons}"
        return
    console.print(
        f"[green]ok[/]    {checked.landed.kind}: {landed_count} files; {escape(key)} passes with {checked.rows_in} rows"
    )
    for finding in checked.findings[:FINDINGS_SHOWN]:
        console.print(f"[yellow]note[/]  {escape(finding.message)}")
