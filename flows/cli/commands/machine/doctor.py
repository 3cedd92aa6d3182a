"""`leeway doctor`: check this machine, or with `s3` an object store, for what Leeway needs."""

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
from rich.table import Table

import flows
from flows.cli.console import screen, table
from flows.stack.local_stack import answers, configured, free_port, running
from tasks.compact import is_built
from tasks.errors import Error, SpecError
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import find_project, home, known_projects, projects_folder, read_spec
from tasks.spec.private_home import readable_by_others
from tasks.user_code.confinement import landlock_version

if TYPE_CHECKING:
    from tasks.ingest.sources.s3_capabilities import Property
    from tasks.ingest.sources.s3_client import Addressing

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_GB = 2
INSTALL = "`pip install -r requirements.lock`"
PORTS = {"LEEWAY_PREFECT_PORT": 4200, "LEEWAY_MLFLOW_PORT": 5000}


def examine_machine() -> int:
    """Print one line for each check; return the number of failed ones."""
    console, failed = screen(), 0
    for passed, text in _checks():
        failed += not passed
        console.print(f"[{'green' if passed else 'red'}]{'ok  ' if passed else 'FAIL'}[/] {terminal(text)}")
    return failed


def examine_store(uri: str, endpoint: str | None = None, addressing: Addressing = "auto") -> int:
    """Test the properties of an S3 store that Leeway relies on and print them; return how many required ones it lacks.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`; test objects are written below a new prefix in it, and removed.
    endpoint : str, optional
        Address of an S3-compatible store; Amazon S3 by default.
    addressing : 'auto', 'path' or 'virtual'
        Where a request names the bucket.

    Raises
    ------
    SourceError
        When the uri is not that of a store, or nothing can be written there.
    Unreachable
        When the store does not answer.
    """
    from tasks.ingest.sources.open_source import split_s3
    from tasks.ingest.sources.s3_capabilities import Store, probed

    console = screen()
    properties = probed(Store(*split_s3(uri), endpoint, addressing), token_hex(4))
    console.print(_property_table(properties))
    missing = [one for one in properties if one.needed and not one.holds]
    for one in (one for one in properties if not one.holds):
        console.print(f"{'[red]lacks[/]' if one.needed else '[yellow]note[/] '} {one.name}: {terminal(one.instead)}")
    if not missing:
        console.print(f"[green]ok[/]    {terminal(uri)} has all properties that Leeway needs")
    return len(missing)


def _property_table(properties: list[Property]) -> Table:
    shown = table("property", "needed", "holds", "seen")
    for one in properties:
        holds = "[green]yes[/]" if one.holds else f"[{'red' if one.needed else 'yellow'}]no[/]"
        shown.add_row(one.name, "yes" if one.needed else "no", holds, terminal(one.seen))
    return shown


def _checks() -> Iterator[tuple[bool, str]]:
    python = sys.version_info
    yield python >= MINIMUM_PYTHON, f"Python {python.major}.{python.minor}.{python.micro} (3.11 or newer)"
    yield from _packages()
    yield True, _evaluator()
    yield True, _confinement()
    yield _one_owner_of_names()
    where = _home()
    yield _writable(where)
    free_gb = shutil.disk_usage(_existing(where)).free / 1e9
    yield free_gb > MINIMUM_FREE_GB, f"{free_gb:.0f} GB free at {where} (more than {MINIMUM_FREE_GB})"
    yield _servers(where)
    for name in known_projects():
        yield _project(name)


def _packages() -> Iterator[tuple[bool, str]]:
    """Compare the installed packages with the versions that Leeway requires."""
    try:
        required = [Requirement(text) for text in requires("leeway") or []]
    except PackageNotFoundError:
        yield False, "leeway itself is not installed; run `pip install --no-deps -e .` in its folder"
        return
    needed = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    faults = [text for one in needed if (text := _mismatch(one))]
    yield from ((False, text) for text in faults)
    if not faults:
        shown = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow", "scikit-learn", "pandas"))
        yield True, f"{counted(len(needed), 'package')} as required: {shown}, ..."


def _evaluator() -> str:
    """Return what evaluates trees and linear models: onnxruntime gives the same answers, several times slower."""
    if is_built():
        return "trees and linear models are evaluated in C"
    return (
        "trees and linear models are evaluated by onnxruntime; for several times the speed, install Leeway again with "
        "a C compiler and the headers of Python (python3-dev)"
    )


def _confinement() -> str:
    """Return what keeps a project's own code from secrets that are not in its environment."""
    if version_of_kernel := landlock_version():
        return f"the kernel hides keys and other processes from the own code of projects (Landlock {version_of_kernel})"
    return (
        "the own code of projects has no secret in its environment, but can read the keys of the home and other "
        "processes of this user, because the kernel has no Landlock; see infra/README.md"
    )


def _one_owner_of_names() -> tuple[bool, str]:
    """Look for packages with the names of ours in other places of Python's path."""
    own = Path(flows.__file__).parents[1]
    others = [
        str(Path(place, name))
        for place in dict.fromkeys(sys.path)
        for name in ("flows", "tasks")
        if Path(place, name, "__init__.py").is_file() and not Path(place).samefile(own)
    ]
    if not others:
        return True, f"the packages flows and tasks are those of Leeway, in {own}"
    found = f"{' and '.join(others)} on Python's path have names of Leeway's packages, in {own}"
    return False, f"{found}; install Leeway in an environment of its own, and leave that folder out of PYTHONPATH"


def _mismatch(required: Requirement) -> str:
    try:
        installed = version(required.name)
    except PackageNotFoundError:
        return f"{required.name} is not installed; run {INSTALL}"
    fits = required.specifier.contains(installed, prereleases=True)
    return "" if fits else f"{required.name} is {installed}; expected {required.specifier}: run {INSTALL}"


def _home() -> Path:
    names = known_projects()
    return home(find_project(names[0])) if names else home(projects_folder() / "none" / "project.yaml")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _writable(where: Path) -> tuple[bool, str]:
    nearest = _existing(where)
    created = "" if nearest == where else " (created when needed)"
    writable = os.access(nearest, os.W_OK)
    if not writable:
        return False, f"{nearest} is not writable; set LEEWAY_HOME"
    warning = readable_by_others(where)
    return True, f"state is kept in {where}{created}{f'; {warning}' if warning else ''}"


def _servers(where: Path) -> tuple[bool, str]:
    try:
        endpoints = configured() or running(where)
        if endpoints is None:
            ports = " and ".join(_port(variable, preferred) for variable, preferred in PORTS.items())
            return True, f"no servers are running; `leeway up` would use ports {ports} on 127.0.0.1"
    except Error as error:
        return False, str(error)
    addresses = f"Prefect {endpoints.prefect_ui} and MLflow {endpoints.mlflow}"
    return (True, addresses) if answers(endpoints) else (False, f"{addresses} do not both answer")


def _port(variable: str, preferred: int) -> str:
    port = free_port(variable, preferred)
    return str(port) if port == preferred or os.environ.get(variable) else f"{port} ({preferred} is taken)"


def _project(name: str) -> tuple[bool, str]:
    try:
        spec = read_spec(find_project(name))
    except SpecError as error:
        others = len(error.faults) - 1
        more = f", and {counted(others, 'more fault')}: `leeway check {name}`" if others else ""
        return False, f"project {name}: {error.faults[0]}{more}"
    return True, f"project {spec.project}, owner {spec.scope.owner}"
