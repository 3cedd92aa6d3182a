"""`leeway doctor`: what about this machine, or with `s3` about a store, would get in the way."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from rich.markup import escape
from rich.table import Table

from flows.cli.console import screen
from flows.stack.local_stack import answers, configured, free_port, running
from tasks.errors import Error, SpecError
from tasks.spec import find_project, home, known_projects, projects_folder, read_spec

if TYPE_CHECKING:
    from tasks.ingest.sources.s3_capabilities import Property
    from tasks.ingest.sources.s3_client import Addressing

OLDEST = (3, 11)
LEAST_FREE_GB = 2
INSTALL = "`pip install -r requirements.lock`"
PORTS = {"LEEWAY_PREFECT_PORT": 4200, "LEEWAY_MLFLOW_PORT": 5000}


def examine_machine() -> int:
    """Print a line a check; return how many failed."""
    console, failed = screen(), 0
    for good, text in _checks():
        failed += not good
        console.print(f"[{'green' if good else 'red'}]{'ok  ' if good else 'FAIL'}[/] {escape(text)}")
    return failed


def examine_store(uri: str, endpoint: str | None = None, addressing: Addressing = "auto") -> int:
    """Try what Leeway relies on in an S3 store, and print a table; return how much of what it needs is lacking.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`: tried below a prefix of its own in there, and removed again.
    endpoint : str, optional
        Address of an S3-compatible store; Amazon's when left out.
    addressing : 'auto', 'path' or 'virtual'
        Where the bucket stands in a request.

    Raises
    ------
    SourceError
        When the uri is none of a store, or nothing can be written there.
    Unreachable
        When the store does not answer.
    """
    from tasks.ingest.sources.open_source import split_s3
    from tasks.ingest.sources.s3_capabilities import Store, probed

    console = screen()
    found = probed(Store(*split_s3(uri), endpoint, addressing), token_hex(4))
    console.print(_table(found))
    lacking = [each for each in found if each.needed and not each.holds]
    for each in (each for each in found if not each.holds):
        console.print(f"{'[red]lacks[/]' if each.needed else '[yellow]note[/] '} {each.name}: {escape(each.instead)}")
    if not lacking:
        console.print(f"[green]ok[/]    {escape(uri)} has what Leeway needs")
    return len(lacking)


def _table(found: list[Property]) -> Table:
    table = Table(show_edge=False)
    for heading in ("property", "needed", "holds", "seen"):
        table.add_column(heading)
    for each in found:
        holds = "[green]yes[/]" if each.holds else f"[{'red' if each.needed else 'yellow'}]no[/]"
        table.add_row(each.name, "yes" if each.needed else "no", holds, escape(each.seen))
    return table


def _checks() -> Iterator[tuple[bool, str]]:
    python = sys.version_info
    yield python >= OLDEST, f"Python {python.major}.{python.minor}.{python.micro} (3.11 or newer)"
    yield from _packages()
    where = _home()
    yield _writable(where)
    free_gb = shutil.disk_usage(_existing(where)).free / 1e9
    yield free_gb > LEAST_FREE_GB, f"{free_gb:.0f} GB free at {where} (more than {LEAST_FREE_GB})"
    yield _servers(where)
    for name in known_projects():
        yield _project(name)


def _packages() -> Iterator[tuple[bool, str]]:
    """Compare what is installed with what Leeway asks for: its limits are versions that were seen to break."""
    try:
        asked = [Requirement(text) for text in requires("leeway") or []]
    except PackageNotFoundError:
        yield False, "leeway itself is not installed; run `pip install --no-deps -e .` in its folder"
        return
    needed = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong = [text for each in needed if (text := _unfit(each))]
    yield from ((False, text) for text in wrong)
    if not wrong:
        shown = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow", "scikit-learn", "pandas"))
        yield True, f"{len(needed)} packages as asked for: {shown}, ..."


def _unfit(asked: Requirement) -> str:
    try:
        found = version(asked.name)
    except PackageNotFoundError:
        return f"{asked.name} is not installed; run {INSTALL}"
    fits = asked.specifier.contains(found, prereleases=True)
    return "" if fits else f"{asked.name} is {found}; expected {asked.specifier}: run {INSTALL}"


def _home() -> Path:
    names = known_projects()
    return home(find_project(names[0])) if names else home(projects_folder() / "none" / "project.yaml")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _writable(where: Path) -> tuple[bool, str]:
    nearest = _existing(where)
    made = "" if nearest == where else " (made when needed)"
    good = os.access(nearest, os.W_OK)
    return good, f"state is kept in {where}{made}" if good else f"{nearest} cannot be written; set LEEWAY_HOME"


def _servers(where: Path) -> tuple[bool, str]:
    try:
        found = configured() or running(where)
        if found is None:
            ports = " and ".join(_port(variable, preferred) for variable, preferred in PORTS.items())
            return True, f"no servers run; `leeway up` would use ports {ports} of 127.0.0.1"
    except Error as error:
        return False, str(error)
    where_they_are = f"Prefect {found.prefect_ui} and MLflow {found.mlflow}"
    return (True, where_they_are) if answers(found) else (False, f"{where_they_are} do not both answer")


def _port(variable: str, preferred: int) -> str:
    port = free_port(variable, preferred)
    return str(port) if port == preferred or os.environ.get(variable) else f"{port} ({preferred} is taken)"


def _project(name: str) -> tuple[bool, str]:
    try:
        spec = read_spec(find_project(name))
    except SpecError as error:
        more = f", and {len(error.faults) - 1} more: `leeway check {name}`" if len(error.faults) > 1 else ""
        return False, f"project {name}: {error.faults[0]}{more}"
    return True, f"project {spec.project}, owner {spec.scope.owner}"
