"""`leeway doctor`: what about this machine would get in the way."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.stack import answers, configured, free_port, running
from tasks.errors import Error
from tasks.spec import find_project, home, known_projects, projects_folder, read_spec

OLDEST = (3, 11)
LEAST_FREE_GB = 2
PACKAGES = ("prefect", "mlflow", "great-expectations", "deltalake", "scikit-learn", "onnxruntime", "pandas", "boto3")


def examine_machine() -> int:
    """Print a line a check; return how many failed."""
    console, failed = Console(), 0
    for good, text in _checks():
        failed += not good
        console.print(f"[{'green' if good else 'red'}]{'ok  ' if good else 'FAIL'}[/] {escape(text)}")
    return failed


def _checks() -> Iterator[tuple[bool, str]]:
    python = sys.version_info
    yield python >= OLDEST, f"Python {python.major}.{python.minor}.{python.micro} (3.11 or newer)"
    for name in PACKAGES:
        yield _package(name)
    where = _home()
    yield _writable(where)
    free_gb = shutil.disk_usage(_existing(where)).free / 1e9
    yield free_gb > LEAST_FREE_GB, f"{free_gb:.0f} GB free at {where} (more than {LEAST_FREE_GB})"
    yield _servers(where)
    for name in known_projects():
        yield _project(name)


def _package(name: str) -> tuple[bool, str]:
    try:
        return True, f"{name} {version(name)}"
    except PackageNotFoundError:
        return False, f"{name} is not installed; run `make demo` or `pip install -r requirements.lock`"


def _home() -> Path:
    names = known_projects()
    return home(find_project(names[0])) if names else home(projects_folder() / "none" / "project.yaml")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _writable(where: Path) -> tuple[bool, str]:
    nearest = _existing(where)
    return os.access(nearest, os.W_OK), f"state is kept in {where}" + (
        "" if nearest == where else " (made when needed)"
    )


def _servers(where: Path) -> tuple[bool, str]:
    try:
        found = configured() or running(where)
    except Error as error:
        return False, str(error)
    if found is None:
        ports = free_port("LEEWAY_PREFECT_PORT", 4200), free_port("LEEWAY_MLFLOW_PORT", 5000)
        return True, f"no servers run; `leeway up` would use ports {ports[0]} and {ports[1]} of 127.0.0.1"
    return answers(found), f"Prefect {found.prefect_ui} and MLflow {found.mlflow}"


def _project(name: str) -> tuple[bool, str]:
    try:
        spec = read_spec(find_project(name))
    except Error as error:
        return False, f"project {name}: {error}"
    return True, f"project {spec.project}, owner {spec.scope.owner}"
