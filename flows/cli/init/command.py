"""`leeway init`: create a project from a user's data, and print every guess that was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from flows.cli.console import screen
from flows.cli.init.data_sample import DataSample, project_name, read_given
from flows.cli.init.delta_rows import GivenDelta
from flows.cli.init.table_sample import GivenTable
from flows.stack.deployments import refresh_prefect_yaml
from tasks import clock
from tasks.errors import SpecError
from tasks.ingest import landed, open_source
from tasks.ingest.sources.stored_objects import StoredObject, is_delivery, is_safe
from tasks.records import Delivery, ValidatedDelivery
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import projects_folder, read_spec
from tasks.spec.docs.json_schema import schema_text
from tasks.spec.find_project import FILE, checked_name
from tasks.spec.infer import InferredProject, infer_spec
from tasks.spec.landing_sections.database_section import Database
from tasks.spec.own_names import apart
from tasks.validate import check_all, read_suite

SUITE = "expectations.json"
SCHEMA = "spec.schema.json"
LANDING = "landing"
REASONS_SHOWN = 3
FAULTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class InitPlan:
    """The files of a new project: its folder, the data it starts from, and the landing zone its spec names."""

    data: Path | str
    folder: Path
    uri: str
    copy: Path | None = None
    database: Database | None = None


def init_project(
    data: Path | GivenTable | GivenDelta, *, time: str, label: str, id_columns: list[str] | None, project: str | None
) -> int:
    """Write a project's spec and suite from its data, then validate the data against them.

    A folder or a table becomes the landing zone and is not moved; a single file is copied into a new landing zone.

    Returns
    -------
    int
        The number of deliveries that do not pass; 0 means that the project can be run.

    Raises
    ------
    SpecError
        When the project exists already, a column does not exist, or no spec can be inferred from the data.
    """
    console, needed = screen(), [time, label, *(id_columns or [])]
    with console.status("reading the data"):
        if isinstance(data, GivenTable):
            plan = planned_table(data, checked_name(project or data.project))
            sample, listed = data.read(clock.now(), frozenset(needed))
        elif isinstance(data, GivenDelta):
            plan = planned(data.folder, checked_name(project or data.project))
            sample, listed = data.read(clock.now())
        else:
            plan = planned(data.expanduser(), checked_name(project or project_name(data.expanduser())))
            sample, listed = read_given(data.expanduser()), None
        rows = sample.rows(needed)
        inferred = infer_spec(
            rows,
            project=plan.folder.name,
            uri=plan.uri,
            fmt="delta" if isinstance(data, GivenDelta) else sample.fmt,
            time=time,
            label=label,
            id_columns=id_columns,
            arrival=sample.arrival,
            written=sample.dialect.unusual(),
            database=plan.database,
        )
    with console.status("writing the project and validating the data"), _all_or_nothing() as created:
        write(plan, inferred, created)
        faults = list(failing(plan, sample, listed))
    refresh_prefect_yaml(plan.folder.parent)
    for text in sample.uncommon(rows):
        console.print(f"[yellow]note[/]    column {terminal(text)} is missing in some files and is left out")
    _report(console, plan, sample, inferred)
    return _conclude(console, plan, faults)


def planned_table(given: GivenTable, name: str) -> InitPlan:
    """Return the files of a new project with its rows in a table, or refuse a folder that is in use."""
    where = f"{given.database.table} in {given.uri}"
    return InitPlan(where, _unused(name), given.uri, database=given.database)


def _unused(name: str) -> Path:
    folder = projects_folder() / name
    taken = [path for path in (folder / FILE, folder / SUITE) if path.exists()]
    if taken:
        raise SpecError(
            [f"{taken[0]} exists and is never overwritten; give another name with --project, or remove it first"]
        )
    return folder


def planned(data: Path, name: str) -> InitPlan:
    """Return the files of a new project, or refuse a folder that is in use."""
    folder = _unused(name)
    if data.is_dir():
        source, root = data.resolve(), folder.resolve()
        if root.is_relative_to(source):
            raise SpecError(
                [f"the project's folder {folder} would be inside the data; move the data to {folder / LANDING}"]
            )
        uri = source.relative_to(root).as_posix() if source.is_relative_to(root) else source.as_posix()
        return InitPlan(data, folder, uri)
    landing = folder / LANDING
    if landing.exists():
        raise SpecError([f"{landing} exists; move the file there, then give the folder: `leeway init {landing} ...`"])
    usual = is_delivery(data.name) and is_safe(data.name)
    key = data.name if usual else f"{name}{''.join(data.suffixes[-2:])}"
    return InitPlan(data, folder, LANDING, landing / key)


def write(plan: InitPlan, inferred: InferredProject, created: list[Path]) -> None:
    """Write the project's files, the spec last (a folder without one is no project); add new files to `created`."""
    _make_folder(plan.copy.parent if plan.copy else plan.folder, created)
    if plan.copy is not None:
        created.append(plan.copy)
        shutil.copyfile(Path(plan.data), plan.copy)
    texts = {
        plan.folder / SUITE: json.dumps(inferred.expectations, indent=2, ensure_ascii=False) + "\n",
        plan.folder / FILE: inferred.yaml_text,
    }
    created += write_schema(plan.folder.parent)
    for path, text in texts.items():
        with path.open("x", encoding="utf-8") as file:
            created.append(path)
            file.write(text)


def write_schema(projects: Path) -> list[Path]:
    """Write the schema of specs next to the projects, unless it is there; return the file if it was written."""
    path = projects / SCHEMA
    if path.exists():
        return []
    path.write_text(schema_text(), encoding="utf-8")
    return [path]


def failing(plan: InitPlan, sample: DataSample, listed: StoredObject | None) -> Iterator[str]:
    """Validate every delivery of the sample as a night does, with the written files; yield the faults.

    Parameters
    ----------
    listed : StoredObject or None
        What was read of a table; None where the sample is of files.
    """
    spec = read_spec(plan.folder / FILE)
    objects = [listed] if listed else open_source(spec.source.uri, plan.folder, spec.source).list()
    arrivals = landed(objects, "rows", spec, date.max)
    arrived = {file.key: file for file in arrivals.landed}
    yield from (f"{file.key} is never ingested: {file.reason.replace('_', ' ')}" for file in arrivals.unplaced)
    yield from sample.unreadable
    renamed = plan.copy.name if plan.copy else None
    deliveries = [
        Delivery(file.batch_id, arrived[renamed or file.key], file.frame.rename(columns=apart(file.frame.columns)))
        for file in sample.files
    ]
    for checked in check_all(deliveries, spec, read_suite(plan.folder / spec.contract.suite, spec)):
        if len(checked.refused) or checked.verdict != "accepted":
            yield _failure(checked)


def _failure(checked: ValidatedDelivery) -> str:
    reasons = [finding.message for finding in checked.findings if finding.severity == "critical"]
    refused = f"{len(checked.refused):,} of {counted(checked.rows_in, 'row')} refused"
    return f"{checked.landed.key}: {refused}: {'; '.join(reasons[:REASONS_SHOWN])}"


@contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """Give a list for the files that are created; remove these, and only these, when the block fails."""
    created: list[Path] = []
    try:
        yield created
    except BaseException:
        for path in reversed(created):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path, created: list[Path]) -> None:
    for parent in reversed([folder, *folder.parents]):
        if not parent.exists():
            parent.mkdir()
            created.append(parent)


def _report(console: Console, plan: InitPlan, sample: DataSample, inferred: InferredProject) -> None:
    spec, rows = inferred.spec, sum(len(file.frame) for file in sample.files)
    read, total = len(sample.files) + len(sample.unreadable), counted(sample.file_count, "file")
    which = f"the newest {read} of {total}" if read < sample.file_count else total
    console.print(f"[bold]read[/]    {which}, {counted(rows, 'row')} as {sample.fmt}, from {terminal(str(plan.data))}")
    if plan.copy is not None:
        console.print(f"[bold]copied[/]  {terminal(str(plan.copy))}: put later deliveries next to it")
    else:
        console.print(f"[bold]linked[/]  {terminal(str(plan.data))} is the landing zone; nothing was copied")
    console.print(
        f"[bold]wrote[/]   {terminal(str(plan.folder / FILE))}: {counted(len(spec.features.columns), 'feature')}"
    )
    rules = counted(len(inferred.expectations["expectations"]), "expectation")
    console.print(f"[bold]wrote[/]   {terminal(str(plan.folder / SUITE))}: {rules}")
    dialect = [f"the {name} is {value!r}, as in the data" for name, value in sample.dialect.unusual().items()]
    for text in [*dialect, *inferred.guesses]:
        console.print(f"[yellow]guessed[/] {terminal(text)}")


def _conclude(console: Console, plan: InitPlan, faults: list[str]) -> int:
    name = plan.folder.name
    for text in faults[:FAULTS_SHOWN]:
        console.print(f"[red]wrong[/]   {terminal(text)}")
    if len(faults) > FAULTS_SHOWN:
        console.print(f"[red]wrong[/]   and {counted(len(faults) - FAULTS_SHOWN, 'more delivery', 'more deliveries')}")
    if faults:
        console.print(f"{name} is created, but not every delivery passes; correct it, then run `leeway check {name}`")
    else:
        console.print("[green]ok[/]      every row passes the spec and the expectations")
        console.print(
            f"next: correct the guesses in {plan.folder / FILE}, then run `leeway check {name}` and `leeway up`"
        )
    return len(faults)
