"""What `leeway doctor` looks at on this machine: each check says what it found, and the way out of what is wrong."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

import flows
from flows.cli.commands.service.served_projects import packages_behind
from flows.stack.endpoints import Endpoints
from flows.stack.local_stack import configured, endpoints_of, free_port
from flows.stack.process_registry import read_note, supervisor_of
from flows.stack.supervisor import healthy
from tasks.compact import is_built
from tasks.errors import Error, SpecError
from tasks.render.values import counted
from tasks.spec import find_project, home, known_projects, projects_folder, read_spec
from tasks.spec.private_home import readable_by_others
from tasks.user_code.confined.confinement import landlock_version

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_GB = 2
INSTALL = "`pip install -r requirements.lock`"
PORTS = {"LEEWAY_PREFECT_PORT": 4200, "LEEWAY_MLFLOW_PORT": 5000}


@dataclass(frozen=True, slots=True)
class Sound:
    """A check that found nothing wrong."""

    seen: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a check found, and the command or setting that helps; `fails` is False for what only could be better."""

    seen: str
    way_out: str
    fails: bool = True


Found = Iterator[Sound | Wrong]


def machine_findings() -> Found:
    """Yield what each check of this machine found."""
    for check in CHECKS:
        yield from check()


def _python() -> Found:
    found, least = sys.version_info, ".".join(map(str, MINIMUM_PYTHON))
    seen = f"Python {found[0]}.{found[1]}.{found[2]} ({least} or newer)"
    if found >= MINIMUM_PYTHON:
        yield Sound(seen)
    else:
        yield Wrong(seen, f"install Leeway in an environment of a newer one: `python{least} -m venv .venv`")


def _packages() -> Found:
    """Compare the installed packages with the versions that Leeway requires."""
    try:
        required = [Requirement(text) for text in requires("leeway") or []]
    except PackageNotFoundError:
        yield Wrong("leeway itself is not installed", "run `pip install --no-deps -e .` in its folder")
        return
    needed = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    faults = [text for one in needed if (text := _mismatch(one))]
    yield from (Wrong(text, f"run {INSTALL}") for text in faults)
    if not faults:
        shown = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow", "scikit-learn", "pandas"))
        yield Sound(f"{counted(len(needed), 'package')} as required: {shown}, ...")


def _mismatch(required: Requirement) -> str:
    try:
        installed = version(required.name)
    except PackageNotFoundError:
        return f"{required.name} is not installed"
    fits = required.specifier.contains(installed, prereleases=True)
    return "" if fits else f"{required.name} is {installed}; expected {required.specifier}"


def _evaluator() -> Found:
    """Look for what evaluates trees and linear models: onnxruntime gives the same answers, several times slower."""
    if is_built():
        yield Sound("trees and linear models are evaluated in C")
    else:
        yield Wrong(
            "trees and linear models are evaluated by onnxruntime, several times slower than in C",
            "install a C compiler and the headers of Python (`apt-get install gcc python3-dev`), then Leeway again",
            fails=False,
        )


def _confinement() -> Found:
    """Look for what keeps a project's own code from secrets that are not in its environment."""
    if of_kernel := landlock_version():
        yield Sound(f"the kernel hides keys and other processes from the own code of projects (Landlock {of_kernel})")
    else:
        yield Wrong(
            "the own code of projects has no secret in its environment, but can read the keys of the home and other "
            "processes of this user, because the kernel has no Landlock",
            "use Linux 5.13 or newer with `landlock` in its `lsm=` parameter, or run only code that you trust",
            fails=False,
        )


def _one_owner_of_names() -> Found:
    """Look for packages with the names of ours in other places of Python's path."""
    own = Path(flows.__file__).parents[1]
    others = [
        str(Path(place, name))
        for place in dict.fromkeys(sys.path)
        for name in ("flows", "tasks")
        if Path(place, name, "__init__.py").is_file() and not Path(place).samefile(own)
    ]
    if not others:
        yield Sound(f"the packages flows and tasks are those of Leeway, in {own}")
    else:
        yield Wrong(
            f"{' and '.join(others)} on Python's path have names of Leeway's packages, in {own}",
            "install Leeway in an environment of its own, and leave that folder out of PYTHONPATH",
        )


def _home() -> Path:
    names = known_projects()
    return home(find_project(names[0])) if names else home(projects_folder() / "none" / "project.yaml")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _state() -> Found:
    where = _home()
    nearest = _existing(where)
    created = "" if nearest == where else " (created when needed)"
    if not os.access(nearest, os.W_OK):
        yield Wrong(f"{nearest} is not writable", "set LEEWAY_HOME to a folder that is")
    elif readable_by_others(where) is not None:
        seen = f"state is kept in {where}, which other users can read"
        yield Wrong(seen, f"run `chmod -R go= {where}`", fails=False)
    else:
        yield Sound(f"state is kept in {where}{created}")


def _space() -> Found:
    where = _home()
    free_gb = shutil.disk_usage(_existing(where)).free / 1e9
    seen = f"{free_gb:.0f} GB free at {where} (more than {MINIMUM_FREE_GB})"
    if free_gb > MINIMUM_FREE_GB:
        yield Sound(seen)
    else:
        yield Wrong(seen, "`leeway upkeep PROJECT` removes what is not needed; LEEWAY_HOME may be on another disk")


def _servers() -> Found:
    where = _home()
    try:
        foreign = configured()
        note = read_note(where)
        if foreign is not None:
            unset = "start them, or unset PREFECT_API_URL and MLFLOW_TRACKING_URI to have `leeway up` start some"
            yield _answering(foreign, unset)
        elif note is not None and supervisor_of(where) is not None:
            yield _answering(endpoints_of(where, note), "wait for half a minute after a start; `leeway logs` shows why")
        else:
            ports = " and ".join(_port(variable, preferred) for variable, preferred in PORTS.items())
            yield Sound(f"no servers are running; `leeway up` would use ports {ports} on 127.0.0.1")
    except Error as error:
        yield Wrong(str(error), "correct that variable, or unset it")


def _answering(endpoints: Endpoints, way_out: str) -> Sound | Wrong:
    silent = [f"{name} at {url}" for name, url in endpoints.health.items() if not healthy(url)]
    if silent:
        return Wrong(f"found no answer of {' and '.join(silent)}", way_out)
    return Sound(f"Prefect {endpoints.prefect_ui} and MLflow {endpoints.mlflow}")


def _port(variable: str, preferred: int) -> str:
    port = free_port(variable, preferred)
    return str(port) if port == preferred or os.environ.get(variable) else f"{port} ({preferred} is taken)"


def _projects() -> Found:
    for name in known_projects():
        try:
            spec = read_spec(find_project(name))
        except SpecError as error:
            more = f", and {counted(len(error.faults) - 1, 'more fault')}" if len(error.faults) > 1 else ""
            seen = f"project {name}: {error.faults[0]}{more}"
            yield Wrong(seen, f"correct its project.yaml; `leeway check {name}` shows everything that is wrong")
        else:
            yield Sound(f"project {spec.project}, owner {spec.scope.owner}")


def _served() -> Found:
    """Look for projects that are served with another version than their champion."""
    try:
        for project, seen in packages_behind(_home()):
            way_out = f"start `leeway up` or `leeway serve {project}`; where one runs, `leeway logs` says why"
            yield Wrong(f"project {project}: {seen}", way_out)
    except Error as error:
        yield Wrong(str(error), "start that store, or correct LEEWAY_LAKE")


CHECKS: tuple[Callable[[], Found], ...] = (
    _python,
    _packages,
    _evaluator,
    _confinement,
    _one_owner_of_names,
    _state,
    _space,
    _servers,
    _projects,
    _served,
)
