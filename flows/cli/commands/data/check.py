"""`leeway check`: the spec, the contract, the source and the newest delivery of each kind; all faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.markup import escape

from flows.cli.console import screen
from tasks import clock
from tasks.errors import ContractError, DataError, Error, SpecError, nearest
from tasks.features import function_at, with_features
from tasks.ingest import Unreadable, delivered, landed, open_source, secret
from tasks.records import Checked, Kind
from tasks.spec import ProjectSpec, find_project, read_spec
from tasks.spec.find_project import FILE, known_projects
from tasks.spec.project_spec import Contract, Source
from tasks.spec.reading.yaml_document import UnreadableError, read_document
from tasks.validate import Suite, check_labels, read_suite
from tasks.validate import check as check_rows

SHOWN = 10
Part = TypeVar("Part", bound=BaseModel)


def check_project(project: str) -> int:
    """Print a line a check; return how many found something wrong."""
    console, path = screen(), find_project(project)
    name, wrong = path.resolve().parent.name, 0
    with console.status("checking the spec, the contract and the newest delivery"):
        for text in _faults(path, console):
            wrong += 1
            console.print(f"[red]wrong[/] {escape(text)}")
    console.print(
        f"{name}: {wrong} found wrong" if wrong else f"{name} is ready: `leeway run nightly {name}`, or `leeway up`"
    )
    return wrong


def _faults(path: Path, console: Console) -> Iterator[str]:
    """Yield what is wrong; say what is right on the way."""
    try:
        spec = read_spec(path)
    except SpecError as error:
        yield from error.faults
        yield from _around(path)
        return
    console.print(f"[green]ok[/]    {escape(str(path))}: the spec can be used")
    for reference in sorted({channel.to for channel in spec.notifications}):
        if not os.environ.get(reference.removeprefix("env:")):
            yield f"notifications go to {reference}, but that variable is not set"
    suite = Suite(path.parent / spec.contract.suite)
    try:
        suite = read_suite(suite.path, spec)
        console.print(f"[green]ok[/]    {escape(spec.contract.suite)}: {len(suite.expectations)} expectations")
    except ContractError as error:
        yield from str(error).splitlines()
    yield from _unfound_function(spec, path.parent)
    yield from _unknown_upstream(spec, path.resolve().parent)
    places: list[tuple[Kind, str | None]] = [("rows", spec.source.uri), ("labels", spec.source.label.uri)]
    for kind, uri in places:
        if uri is None:
            continue
        try:
            yield from _newest(spec, suite, kind, uri, console)
        except SpecError as error:
            yield from error.faults
        except Error as error:
            yield str(error)


def _around(path: Path) -> Iterator[str]:
    """Yield what is seen to be wrong around a spec that cannot be used, by those of its blocks that can."""
    try:
        data = read_document(path.read_text(encoding="utf-8-sig")).data
    except (OSError, UnicodeDecodeError, UnreadableError):
        return
    contract, source = _part(Contract, data.get("contract", {})), _part(Source, data.get("source"))
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


def _part(kind: type[Part], data: object) -> Part | None:
    try:
        return kind.model_validate(data)
    except ValidationError:
        return None


def _newest(spec: ProjectSpec, suite: Suite, kind: Kind, uri: str, console: Console) -> Iterator[str]:
    """Check the newest delivery of one landing place as a night would; nothing is written."""
    folder = suite.path.parent
    place = open_source(uri, folder, spec.source)
    far = date.max if spec.source.arrival == "filename" else clock.tonight(spec.schedule.time_zone)
    arrivals = landed(place.list(), kind, spec, far)
    lost = [f"{uri}/{each.key} would never be taken in: {each.reason.replace('_', ' ')}" for each in arrivals.unplaced]
    yield from _few(lost)
    if not arrivals.landed:
        fmt = spec.source.format if kind == "rows" else spec.source.label.format
        yield f"nothing has landed in {uri}; expected {kind} as {fmt} files"
        return
    newest = arrivals.landed[-1]
    read = delivered(place.read(newest.key), newest, spec, secret(spec.privacy, os.environ))
    if isinstance(read, Unreadable):
        yield f"{newest.key} cannot be read as {spec.source.format}: {read.detail} ({read.reason})"
        return
    checked = check_rows(read, spec, suite) if kind == "rows" else check_labels(read, spec, suite)
    yield from _verdict(checked, len(arrivals.landed), console)
    if kind == "rows" and len(checked.accepted):
        yield from _failing_function(spec, folder, checked.accepted)


def _unknown_upstream(spec: ProjectSpec, folder: Path) -> Iterator[str]:
    """Yield the projects upstream that are neither beside this one nor where projects are found by name."""
    beside = (path.parent.name for path in folder.parent.glob(f"*/{FILE}"))
    known = sorted({*beside, *known_projects()} - {spec.project})
    for each in spec.upstream:
        if each.project not in known:
            hint = nearest(each.project, known)
            yield f"upstream names {each.project!r}, no known project; known: {', '.join(known) or 'none yet'}{hint}"


def _unfound_function(spec: ProjectSpec, folder: Path) -> Iterator[str]:
    """Yield why the project's own feature function cannot be had."""
    try:
        if spec.features.function:
            function_at(spec.features.function, folder)
    except SpecError as error:
        yield from error.faults


def _failing_function(spec: ProjectSpec, folder: Path, rows: pd.DataFrame) -> Iterator[str]:
    """Yield how the feature function fails on accepted rows; that it cannot be had is said elsewhere."""
    try:
        with_features(rows, spec.features.function, folder)
    except SpecError:
        return
    except DataError as error:
        yield str(error)
    except Exception as error:  # noqa: BLE001 - a person's own function may raise anything
        yield f"features.function {spec.features.function!r} fails on {len(rows)} accepted rows: {error!r}"


def _verdict(checked: Checked, files: int, console: Console) -> Iterator[str]:
    key, kind = checked.landed.key, checked.landed.kind
    refused = bool(checked.verdict == "quarantined" or len(checked.refused))
    if refused:
        yield f"{key}: {checked.verdict.replace('_', ' ')}, {len(checked.refused)} of {checked.rows_in} {kind} refused"
        yield from _few([f"{key}: {each.message}" for each in checked.findings if each.severity == "critical"])
    else:
        found = f"{files:,} file{'s' if files > 1 else ''}"
        console.print(
            f"[green]ok[/]    {kind}: {found}; the newest, {escape(key)}, passes with {checked.rows_in:,} {kind}"
        )
    notes = [each.message for each in checked.findings if not refused or each.severity != "critical"]
    for text in _few(notes):
        console.print(f"[yellow]note[/]  {escape(text)}")


def _few(texts: Sequence[str]) -> list[str]:
    more = [f"and {len(texts) - SHOWN} more like these"] if len(texts) > SHOWN else []
    return [*texts[:SHOWN], *more]
