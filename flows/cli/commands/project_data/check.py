"""`leeway check`: validate the spec, the contract, the source and the newest delivery, and report all faults."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError
from rich.console import Console

from flows.cli.console import screen
from tasks import clock
from tasks.errors import ContractError, DataError, Error, SpecError, nearest
from tasks.features import declaration_fault, function_at, with_features
from tasks.ingest import (
    DeliverySource,
    LandingZone,
    StoredObject,
    Unplaced,
    Unreadable,
    delivery,
    fetched,
    landed,
    landing_zones,
    open_source,
    secret,
)
from tasks.records import Landed, ValidatedDelivery
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, find_project, read_spec
from tasks.spec.find_project import FILE, known_projects
from tasks.spec.project_spec import Contract, Source
from tasks.spec.reading.yaml_document import UnreadableError, read_document
from tasks.validate import read_suite
from tasks.validate.task import verdicts

SHOWN = 10


class Newest(NamedTuple):
    """The newest delivery of a landing zone, its objects and their source, and how many deliveries there are."""

    source: DeliverySource
    objects: list[StoredObject]
    landed: Landed
    files: int


Block = TypeVar("Block", bound=BaseModel)


def check_project(project: str, *, run: bool = False) -> int:
    """Print one line for each check; return the number of faults.

    Parameters
    ----------
    run : bool
        Whether the project's own code is run: its feature function is tried on the newest delivery. Otherwise its text
        is read, so that a project can be checked without trusting it.
    """
    console, path = screen(), find_project(project)
    name, count = path.resolve().parent.name, 0
    with console.status("checking the spec, the contract and the newest delivery"):
        for text in _faults(path, console, run=run):
            count += 1
            console.print(f"[red]wrong[/] {terminal(text)}")
    ready = f"{name} is ready: `leeway run nightly {name}`, or `leeway up`"
    console.print(f"{name}: {counted(count, 'fault')}" if count else ready)
    return count


def _faults(path: Path, console: Console, *, run: bool) -> Iterator[str]:
    """Yield what is wrong; print what is right."""
    try:
        spec = read_spec(path)
    except SpecError as error:
        yield from error.faults
        yield from _faults_around(path)
        return
    console.print(f"[green]ok[/]    {terminal(str(path))}: the spec can be used")
    for reference in sorted({channel.to for channel in spec.notifications}):
        if not os.environ.get(reference.removeprefix("env:")):
            yield f"notifications go to {reference}, but that variable is not set"
    unusable = [*_unusable_suite(spec, path.parent, console), *_missing_function(spec, path.parent, run=run)]
    yield from unusable
    if spec.features.function and not run:
        console.print("[yellow]note[/]  features.function was read, not run; `--run` tries it on the newest delivery")
    yield from _unknown_upstream(spec, path.resolve().parent)
    for zone in landing_zones(spec):
        try:
            landed_there = yield from _newest_delivery(spec, path.parent, zone, console)
            if landed_there is not None and not unusable:
                yield from _checked(spec if run else _without_function(spec), path.parent, zone, landed_there, console)
        except SpecError as error:
            yield from error.faults
        except Error as error:
            yield str(error)


def _unusable_suite(spec: ProjectSpec, folder: Path, console: Console) -> list[str]:
    """Return the faults of the project's suite."""
    try:
        suite = read_suite(folder / spec.contract.suite, spec)
    except ContractError as error:
        return str(error).splitlines()
    console.print(f"[green]ok[/]    {terminal(spec.contract.suite)}: {counted(len(suite.expectations), 'expectation')}")
    return []


def _faults_around(path: Path) -> Iterator[str]:
    """Yield faults of the files around an unusable spec, as far as its valid blocks name them."""
    try:
        data = read_document(path.read_text(encoding="utf-8-sig")).data
    except (OSError, UnicodeDecodeError, UnreadableError):
        return
    contract, source = _block(Contract, data.get("contract", {})), _block(Source, data.get("source"))
    if contract and not (path.parent / contract.suite).is_file():
        yield f"{path.parent / contract.suite} does not exist; expected the project's Great Expectations suite"
    for uri in (source.uri, source.label.uri) if source else ():
        if uri is None or source is None:
            continue
        try:
            if not open_source(uri, path.parent, source).list():
                yield f"nothing has landed in {uri}"
        except Error as error:
            yield str(error)


def _block(kind: type[Block], data: object) -> Block | None:
    try:
        return kind.model_validate(data)
    except ValidationError:
        return None


def _newest_delivery(
    spec: ProjectSpec, folder: Path, zone: LandingZone, console: Console
) -> Generator[str, None, Newest | None]:
    """Yield what is never ingested of one landing zone; return the newest delivery, if there is any."""
    source, moment = open_source(zone.uri, folder, spec.source, zone.files), clock.now()
    until = date.max if spec.source.arrival == "filename" else clock.tonight(spec.schedule.time_zone)
    listing = {stored.key: stored for stored in source.list()}
    arrivals = landed(listing.values(), zone.kind, spec, until, moment, zone.table)
    links = [Unplaced(key, "link_not_followed") for key in source.unfollowed()]
    yield from _first(
        [f"{zone.uri}/{file.key} is never ingested: {_words(file.reason)}" for file in (*arrivals.unplaced, *links)]
    )
    for waiting in _first([f"{zone.uri}/{file.key} waits: {_words(file.reason)}" for file in arrivals.waiting]):
        console.print(f"[yellow]note[/]  {terminal(waiting)}")
    if not arrivals.landed:
        yield f"nothing has landed in {zone.uri}; expected {zone.kind} as {zone.files.format} files"
        return None
    newest = arrivals.landed[-1]
    return Newest(source, [listing[key] for key in newest.parts or (newest.key,)], newest, len(arrivals.landed))


def _checked(spec: ProjectSpec, folder: Path, zone: LandingZone, newest: Newest, console: Console) -> Iterator[str]:
    """Validate a delivery in the steps of a night; nothing is written."""
    batch_id, contents = fetched(newest.source, newest.objects, None)
    read = delivery(contents, batch_id, newest.landed, spec, secret(spec.privacy, os.environ))
    if isinstance(read, Unreadable):
        yield f"{newest.landed.key} cannot be read as {zone.files.format}: {read.detail} ({read.reason})"
        return
    (checked,) = verdicts([read], spec, folder)
    yield from _verdict(checked, newest.files, console)
    if zone.kind == "rows" and len(checked.accepted):
        yield from _failing_function(spec, folder, checked.accepted)


def _words(reason: str) -> str:
    return reason.replace("_", " ")


def _unknown_upstream(spec: ProjectSpec, folder: Path) -> Iterator[str]:
    """Yield the upstream projects that exist neither next to this one nor in the projects folder."""
    neighbours = (path.parent.name for path in folder.parent.glob(f"*/{FILE}"))
    known = sorted({*neighbours, *known_projects()} - {spec.project})
    for upstream in spec.upstream:
        if upstream.project not in known:
            name, hint = upstream.project, nearest(upstream.project, known)
            yield f"upstream names {name!r}, no known project; known: {', '.join(known) or 'none yet'}{hint}"


def _without_function(spec: ProjectSpec) -> ProjectSpec:
    """Return a spec that runs no code of the project."""
    return spec.model_copy(update={"features": spec.features.model_copy(update={"function": None})})


def _missing_function(spec: ProjectSpec, folder: Path, *, run: bool) -> Iterator[str]:
    """Yield why the project's own feature function cannot be found, or imported."""
    if spec.features.function and not run:
        if (fault := declaration_fault(spec.features.function, folder)) is not None:
            yield f"features.function is {spec.features.function!r}, but {fault}"
        return
    try:
        if spec.features.function:
            function_at(spec.features.function, folder)
    except SpecError as error:
        yield from error.faults


def _failing_function(spec: ProjectSpec, folder: Path, rows: pd.DataFrame) -> Iterator[str]:
    """Yield how the feature function is not pure on accepted rows."""
    try:
        with_features(rows, spec.features.function, folder)
    except DataError as error:
        yield str(error)


def _verdict(checked: ValidatedDelivery, files: int, console: Console) -> Iterator[str]:
    key, kind = checked.landed.key, checked.landed.kind
    refused = bool(checked.verdict == "quarantined" or len(checked.refused))
    if refused:
        yield f"{key}: {checked.verdict.replace('_', ' ')}, {len(checked.refused)} of {checked.rows_in} {kind} refused"
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
