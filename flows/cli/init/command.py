"""`leeway init`: from a person's own data to a project that can be run, with every guess said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.cli.console import screen
from flows.cli.init.data_sample import DataSample, project_name, read_given
from tasks.errors import SpecError
from tasks.ingest import landed, open_source
from tasks.ingest.sources.stored_objects import is_delivery, is_safe
from tasks.records import Checked, Delivery
from tasks.spec import projects_folder, read_spec
from tasks.spec.docs.json_schema import schema_text
from tasks.spec.find_project import FILE, checked_name
from tasks.spec.infer import InferredProject, infer_spec
from tasks.validate import check_all, read_suite

SUITE = "expectations.json"
SCHEMA = "spec.schema.json"
LANDING = "landing"
FINDINGS_SHOWN = 3
FILES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class InitPlan:
    """Where a new project goes: its folder, the data it starts from, and the landing place its spec names."""

    data: Path
    folder: Path
    uri: str
    copy: Path | None = None


def init_project(data: Path, *, time: str, label: str, id_columns: list[str] | None, project: str | None) -> int:
    """Write a project's spec and suite from its data, then check the data against them.

    A folder is named as the landing place and stays where it is; a single file is copied into one.

    Returns
    -------
    int
        How many deliveries do not pass what was written; 0 is a project that can be run.

    Raises
    ------
    SpecError
        When the project exists, the columns do not, or no first spec can be written from the data.
    """
    console, data = screen(), data.expanduser()
    plan = planned(data, checked_name(project or project_name(data)))
    with console.status("reading the data"):
        given = read_given(data)
        rows = given.rows([time, label, *(id_columns or [])])
        inferred = infer_spec(
            rows,
            project=plan.folder.name,
            uri=plan.uri,
            fmt=given.fmt,
            time=time,
            label=label,
            id_columns=id_columns,
            arrival=given.arrival,
            written=given.written.unusual(),
        )
    with console.status("writing it, and checking that the data passes"), _all_or_nothing() as made:
        write(plan, inferred, made)
        faults = list(failing(plan, given))
    for text in given.uncommon(rows):
        console.print(f"[yellow]note[/]    column {escape(text)} is not in every file; it is left out")
    _tell(console, plan, given, inferred)
    return _conclude(console, plan, faults)


def planned(data: Path, name: str) -> InitPlan:
    """Return where a project goes, or refuse a place that is taken."""
    folder = projects_folder() / name
    taken = [path for path in (folder / FILE, folder / SUITE) if path.exists()]
    if taken:
        raise SpecError(
            [f"{taken[0]} exists, and is never overwritten; give another name with --project, or remove it first"]
        )
    if data.is_dir():
        inside, root = data.resolve(), folder.resolve()
        if root.is_relative_to(inside):
            raise SpecError(
                [f"{folder}, where the project would be, is inside the data; move the data to {folder / LANDING}"]
            )
        uri = inside.relative_to(root).as_posix() if inside.is_relative_to(root) else inside.as_posix()
        return InitPlan(data, folder, uri)
    landing = folder / LANDING
    if landing.exists():
        raise SpecError(
            [f"{landing} exists; put the file there yourself, then give the folder: `leeway init {landing} ...`"]
        )
    usual = is_delivery(data.name) and is_safe(data.name)
    key = data.name if usual else f"{name}{''.join(data.suffixes[-2:])}"
    return InitPlan(data, folder, LANDING, landing / key)


def write(plan: InitPlan, inferred: InferredProject, made: list[Path]) -> None:
    """Write the project's files, the spec last (what has no spec is no project yet); note in `made` what is new."""
    _make_folder(plan.copy.parent if plan.copy else plan.folder, made)
    if plan.copy is not None:
        made.append(plan.copy)
        shutil.copyfile(plan.data, plan.copy)
    texts = {
        plan.folder / SUITE: json.dumps(inferred.expectations, indent=2, ensure_ascii=False) + "\n",
        plan.folder.parent / SCHEMA: schema_text(),
        plan.folder / FILE: inferred.yaml_text,
    }
    for path, text in texts.items():
        if path.name == SCHEMA and path.exists():
            continue
        with path.open("x", encoding="utf-8") as file:
            made.append(path)
            file.write(text)


def failing(plan: InitPlan, given: DataSample) -> Iterator[str]:
    """Check every delivery that was read as a night would, with what stands in the written files; yield what fails."""
    spec = read_spec(plan.folder / FILE)
    arrivals = landed(open_source(spec.source.uri, plan.folder, spec.source).list(), "rows", spec, date.max)
    keys = {each.key: each for each in arrivals.landed}
    yield from (f"{lost.key} would never be taken in: {lost.reason.replace('_', ' ')}" for lost in arrivals.unplaced)
    yield from given.unreadable
    renamed = plan.copy.name if plan.copy else None
    deliveries = [Delivery(each.batch_id, keys[renamed or each.key], each.frame) for each in given.files]
    for checked in check_all(deliveries, spec, read_suite(plan.folder / spec.contract.suite, spec)):
        if len(checked.refused) or checked.verdict != "accepted":
            yield _failure(checked)


def _failure(checked: Checked) -> str:
    reasons = [each.message for each in checked.findings if each.severity == "critical"]
    said = "; ".join(reasons[:FINDINGS_SHOWN])
    return f"{checked.landed.key}: {len(checked.refused)} of {checked.rows_in} rows refused: {said}"


@contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """Give a list for what is made; remove that, and only that, when the rest fails."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path, made: list[Path]) -> None:
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir()
            made.append(each)


def _tell(console: Console, plan: InitPlan, given: DataSample, inferred: InferredProject) -> None:
    spec, rows = inferred.spec, sum(len(each.frame) for each in given.files)
    read = len(given.files) + len(given.unreadable)
    which = f"the newest {read} of {given.found} files" if read < given.found else _files(given.found)
    console.print(f"[bold]read[/]    {which}, {rows:,} rows as {given.fmt}, from {escape(str(plan.data))}")
    if plan.copy is not None:
        console.print(f"[bold]copied[/]  {escape(str(plan.copy))}: deliveries to come land beside it")
    else:
        console.print(f"[bold]named[/]   {escape(str(plan.data))} as the landing place; nothing was copied")
    console.print(f"[bold]wrote[/]   {escape(str(plan.folder / FILE))}: {len(spec.features.columns)} features")
    held = len(inferred.expectations["expectations"])
    console.print(f"[bold]wrote[/]   {escape(str(plan.folder / SUITE))}: {held} expectations")
    for text in (f"the {name} is {value!r}: so the data is written" for name, value in given.written.unusual().items()):
        console.print(f"[yellow]guessed[/] {escape(text)}")
    for text in inferred.guesses:
        console.print(f"[yellow]guessed[/] {escape(text)}")


def _conclude(console: Console, plan: InitPlan, faults: list[str]) -> int:
    name = plan.folder.name
    for text in faults[:FILES_SHOWN]:
        console.print(f"[red]wrong[/]   {escape(text)}")
    if len(faults) > FILES_SHOWN:
        console.print(f"[red]wrong[/]   and {len(faults) - FILES_SHOWN} more deliveries")
    if faults:
        console.print(f"{name} is written, but not every delivery passes; correct it, then `leeway check {name}`")
    else:
        console.print("[green]ok[/]      every row passes what was written")
        console.print(f"next: correct the guesses in {plan.folder / FILE}, then `leeway check {name}` and `leeway up`")
    return len(faults)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
