"""Find the project.yaml of a project by its name, its folder or its path."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

from tasks.errors import SpecError, nearest
from tasks.spec.field_types import NAME, NAME_IN_WORDS

FILE = "project.yaml"
REPOSITORY_FILE = "leeway.toml"
EXAMPLE = 'projects = "ml/projects"'
"""What the file at the root of a repository says."""


def projects_folder() -> Path:
    """Return the folder with the project folders.

    It is the variable LEEWAY_PROJECTS; else what the nearest `leeway.toml` says, in this folder or one above it; else
    ./deployments.

    Raises
    ------
    SpecError
        The file cannot be read, or has another form.
    """
    if named := os.environ.get("LEEWAY_PROJECTS"):
        return Path(named)
    found = _repository_file()
    return Path("deployments") if found is None else found.parent / _projects_of(found)


def _repository_file() -> Path | None:
    """Return the nearest `leeway.toml`, in this folder or one above it."""
    try:
        here = Path.cwd()
        return next(
            (path for folder in (here, *here.parents) if os.path.lexists(path := folder / REPOSITORY_FILE)), None
        )
    except OSError:
        return None


def _projects_of(path: Path) -> str:
    """Return the folder that a `leeway.toml` names, relative to the file.

    A file, or a folder of projects, of another user is refused, and so is a link: in a folder above that others may
    write to, it would choose which code is run.
    """
    try:
        _require_own(path)
        read = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        folder, others = read.get("projects"), sorted(read.keys() - {"projects"})
        if others or not isinstance(folder, str) or not folder.strip():
            found = f"the keys {', '.join(others)}" if others else f"projects = {folder!r}"
            raise SpecError([f"{path} has {found}; expected the folder of the projects and no more: {EXAMPLE}"])
        if os.path.lexists(path.parent / folder):
            _require_own(path.parent / folder)
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError([f"{path} cannot be read ({error}); expected {EXAMPLE}"]) from None
    return folder


def _require_own(path: Path) -> None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or found.st_uid not in {0, os.getuid()}:
        what = "is a link" if stat.S_ISLNK(found.st_mode) else "belongs to another user"
        raise SpecError([f"{path} {what}; replace it by one of your own, or set LEEWAY_PROJECTS"])


def known_projects() -> list[str]:
    """Return the names of the projects in the projects folder, in alphabetical order."""
    return [name for name in _folders_with_specs() if NAME.fullmatch(name)]


def misnamed_projects() -> list[str]:
    """Return the folders with a spec in the projects folder that have no valid name of a project."""
    return [name for name in _folders_with_specs() if not NAME.fullmatch(name)]


def _folders_with_specs() -> list[str]:
    folder = projects_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{FILE}")) if folder.is_dir() else []


def find_project(name_or_path: str) -> Path:
    """Return the path of a project's project.yaml.

    Parameters
    ----------
    name_or_path : str
        The project's name, the path of its folder, or the path of the file. A known name takes precedence.

    Raises
    ------
    SpecError
        When there is no such project, or when the name of the folder is not a valid project name.
    """
    name = name_or_path.strip()
    if NAME.fullmatch(name) and (projects_folder() / name / FILE).is_file():
        return projects_folder() / name / FILE
    path = _as_path(name)
    if path is None:
        known = known_projects()
        listed = ", ".join(known) or "none yet"
        raise SpecError([f"no project {name!r} in {projects_folder()}; known: {listed}{nearest(name, known)}"])
    checked_name(path.resolve().parent.name)
    return path


def _as_path(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        path = path / FILE if path.is_dir() else path
        return path if text and path.is_file() and path.suffix in {".yaml", ".yml"} else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL byte, an unknown ~user
        return None


def checked_name(name: str) -> str:
    """Return a project's name, or refuse a name that is not safe as part of a path.

    >>> checked_name("house-prices")
    'house-prices'
    >>> checked_name("..")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tasks.errors.SpecError: project name '..'; expected 1 to 63 lower-case letters, digits and dashes...
    """
    if not NAME.fullmatch(name):
        raise SpecError([f"project name {name!r}; expected {NAME_IN_WORDS}"])
    return name


def home(spec_path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of the folder of local state: LEEWAY_HOME, or .leeway next to the project folders."""
    configured = os.environ.get("LEEWAY_HOME")
    return (Path(configured) if configured else Path(spec_path).resolve().parent.parent / ".leeway").resolve()
