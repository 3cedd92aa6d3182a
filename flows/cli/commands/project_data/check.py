"""`leeway check`: validate the spec, the contract, the source and the newest delivery, and report all faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from rich.console import Console

from flows.cli.commands.project_data.check_agreement import agreement_faults
from flows.cli.commands.project_data.check_delivery import checked_delivery, newest_delivery
from flows.cli.console import print_json, screen
from tasks.errors import ContractError, DataError, Error, SpecError, nearest
from tasks.features import require_function
from tasks.ingest import landing_zones, open_source
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.score import AnswerTable, DeltaAnswers, answer_destination
from tasks.spec import ProjectSpec, find_project, projects_folder, read_spec
from tasks.spec.field_types import NAME_IN_WORDS
from tasks.spec.find_project import FILE, known_projects, misnamed_projects
from tasks.spec.landing_sections.database_section import is_database
from tasks.spec.project_spec import Contract, Source
from tasks.spec.reading.yaml_document import UnreadableError, read_document
from tasks.user_code.on_request.served_code import served_function
from tasks.user_code.user_modules import declaration_fault
from tasks.validate import read_suite

Block = TypeVar("Block", bound=BaseModel)


@dataclass(frozen=True)
class CheckScope:
    """What is checked.

    Attributes
    ----------
    run : bool
        Whether the project's own code is run: its feature function is tried on the newest delivery. Otherwise its text
        is read, so that a project can be checked without trusting it.
    only_files : bool
        Whether only the files of the project are read: not what has landed, nor the lake and the registry.
    """

    run: bool = False
    only_files: bool = False


def check_every_project(scope: CheckScope, *, as_json: bool = False) -> int:
    """Check all known projects, as `check_project` does each; return the number of faults.

    Raises
    ------
    SpecError
        There is no project.
    """
    names, misnamed = known_projects(), [_misnamed(name) for name in misnamed_projects()]
    if not (names or misnamed):
        raise SpecError([f"there is no project in {projects_folder()}; `leeway init DATA` creates one"])
    if as_json:
        found = {name: list(_faults(find_project(name), Console(quiet=True), scope)) for name in names}
        shown = [{"project": name, "faults": faults} for name, faults in found.items()]
        print_json(shown + [{"project": None, "faults": [fault]} for fault in misnamed])
        return sum(map(len, found.values())) + len(misnamed)
    for fault in misnamed:
        screen().print(f"[red]wrong[/] {terminal(fault)}")
    return len(misnamed) + sum(check_project(name, scope) for name in names)


def _misnamed(name: str) -> str:
    return f"the folder {projects_folder() / name} has a spec, but no name of a project; expected {NAME_IN_WORDS}"


def check_project(project: str, scope: CheckScope, *, as_json: bool = False) -> int:
    """Print one line for each check, or only the faults as JSON; return the number of faults."""
    console, path = screen(), find_project(project)
    name, count = path.resolve().parent.name, 0
    if as_json:
        faults = list(_faults(path, Console(quiet=True), scope))
        print_json({"project": name, "faults": faults})
        return len(faults)
    with console.status("checking the spec, the contract and the newest delivery"):
        for text in _faults(path, console, scope):
            count += 1
            console.print(f"[red]wrong[/] {terminal(text)}")
    if scope.only_files and not count:
        console.print(f"{name}: no fault in its files; what lands was not read")
        return 0
    ready = f"{name} is ready: `leeway run nightly {name}`, or `leeway up`"
    console.print(f"{name}: {counted(count, 'fault')}" if count else ready)
    return count


def _faults(path: Path, console: Console, scope: CheckScope) -> Iterator[str]:
    """Yield what is wrong; print what is right."""
    try:
        spec = read_spec(path)
    except SpecError as error:
        yield from error.faults
        yield from _faults_around(path, only_files=scope.only_files)
        return
    console.print(f"[green]ok[/]    {terminal(str(path))}: the spec can be used")
    unusable = [*_unusable_suite(spec, path.parent, console), *_missing_function(spec, path.parent, run=scope.run)]
    yield from unusable
    yield from _unknown_upstream(spec, path.resolve().parent)
    if not scope.only_files:
        yield from _faults_outside(spec, path, console, run=scope.run, is_usable=not unusable)


def _faults_outside(spec: ProjectSpec, path: Path, console: Console, *, run: bool, is_usable: bool) -> Iterator[str]:
    """Yield what is wrong outside the project's files: in variables, the lake, the registry and the landing zones."""
    for reference in sorted({channel.to for channel in spec.notifications}):
        if not os.environ.get(reference.removeprefix("env:")):
            yield f"notifications go to {reference}, but that variable is not set"
    if (note := _not_tried(spec, run=run)) is not None:
        console.print(f"[yellow]note[/]  features.function was {note}")
    spec = yield from agreement_faults(spec, path, console)
    yield from _unusable_output(spec, path.parent, console)
    with TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as extracts:
        for zone in landing_zones(spec):
            try:
                newest = yield from newest_delivery(spec, path, zone, console, Path(extracts))
                if newest is not None and is_usable:
                    yield from checked_delivery(spec if run else _without_function(spec), path, newest, console)
            except SpecError as error:
                yield from error.faults
            except Error as error:
                yield str(error)


def _unusable_output(spec: ProjectSpec, folder: Path, console: Console) -> list[str]:
    """Return why answers cannot be written to the table that the spec names, if it names one; nothing is written."""
    try:
        answers = answer_destination(spec, folder, os.environ)
        if isinstance(answers, AnswerTable | DeltaAnswers):
            console.print(f"[green]ok[/]    scoring.output: {terminal(answers.described())}")
    except Error as error:
        return [f"scoring.output: {error}"]
    return []


def _not_tried(spec: ProjectSpec, *, run: bool) -> str | None:
    """Return why the feature function is not tried on the newest delivery; None if it is, or there is none."""
    if spec.features.function is None:
        return None
    if not run:
        return "read, not run; `--run` tries it on the newest delivery"
    tables = "imported, and not tried: it may need values of the feature tables, which a night joins to the rows"
    return tables if spec.features.tables else None


def _unusable_suite(spec: ProjectSpec, folder: Path, console: Console) -> list[str]:
    """Return the faults of the project's suite."""
    try:
        suite = read_suite(folder / spec.contract.suite, spec)
    except ContractError as error:
        return str(error).splitlines()
    console.print(f"[green]ok[/]    {terminal(spec.contract.suite)}: {counted(len(suite.expectations), 'expectation')}")
    return []


def _faults_around(path: Path, *, only_files: bool) -> Iterator[str]:
    """Yield faults of the files around an unusable spec, as far as its valid blocks name them."""
    try:
        data = read_document(path.read_text(encoding="utf-8-sig")).data
    except (OSError, UnicodeDecodeError, UnreadableError):
        return
    contract, source = _block(Contract, data.get("contract", {})), _block(Source, data.get("source"))
    if contract and not (path.parent / contract.suite).is_file():
        yield f"{path.parent / contract.suite} does not exist; expected the project's Great Expectations suite"
    for uri in (source.uri, source.label.uri) if source and not only_files else ():
        if uri is None or source is None or is_database(uri):
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
    """Yield why the project's own feature function, or a metric of its own, cannot be found, or imported."""
    for own in (metric.use for metric in spec.metrics if metric.is_own):
        if (fault := declaration_fault(own, folder)) is not None:
            yield f"metrics names {own!r}, but {fault}"
    if spec.features.online_function:
        try:
            served_function(spec, folder)
        except DataError as error:
            yield str(error)
    if spec.features.function and not run:
        if (fault := declaration_fault(spec.features.function, folder)) is not None:
            yield f"features.function is {spec.features.function!r}, but {fault}"
        return
    try:
        if spec.features.function:
            require_function(spec.features.function, folder)
    except SpecError as error:
        yield from error.faults
