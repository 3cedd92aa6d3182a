"""Read project.yaml as a ProjectSpec, or report every fault of the file at once with its line."""

from __future__ import annotations

from copy import deepcopy
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.errors import SpecError
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.contradictions import Contradiction
from tasks.spec.reading.spec_faults import contradictions_of, fault_of, shortened
from tasks.spec.reading.yaml_document import Document, Loc, UnreadableError, read_document

LARGEST_BYTES = 1_000_000
MOST = 100  # faults shown


def read_spec(path: str | PathLike[str]) -> ProjectSpec:
    """Return the spec in a file.

    Parameters
    ----------
    path : str or path
        The project.yaml; faults name it as it is given here. Its folder has the name of the project.

    Raises
    ------
    SpecError
        With every fault: unknown or missing keys, wrong values, contradictions, or text that is not YAML.
    """
    shown = str(path)
    return _parsed(_text(Path(path), shown), shown, Path(path).resolve().parent.name)


def parse_spec(text: str, shown: str) -> ProjectSpec:
    """Return the spec in a YAML text; `shown` is the file's name in faults.

    >>> parse_spec("", "x/project.yaml")
    Traceback (most recent call last):
    tasks.errors.SpecError: x/project.yaml:1: the file is empty; expected a spec, starting with `project: <name>`
    """
    return _parsed(text, shown, None)


def _parsed(text: str, shown: str, folder: str | None) -> ProjectSpec:
    try:
        document = read_document(text)
    except UnreadableError as error:
        raise SpecError([f"{shown}:{error.line}: {error.text}"]) from None
    spec, errors = _attempt(document.data)
    faults = [*document.faults, *_misplaced(document, folder), *_faults(document, errors)]
    faults.sort(key=itemgetter(0))
    if spec is None or faults:
        more = [f"{shown}: and more; only the first {MOST} are shown"] if len(faults) > MOST else []
        raise SpecError([*(f"{shown}:{line}: {fault}" for line, fault in faults[:MOST]), *more])
    return spec


def _misplaced(document: Document, folder: str | None) -> list[tuple[int, str]]:
    name = document.data.get("project")
    if folder is None or not isinstance(name, str) or name.strip() == folder:
        return []
    text = f"project is {shortened(name)!r}, but its folder is {folder!r}; rename one: both are its name"
    return [(document.line(("project",)), text)]


def _faults(document: Document, errors: list[Any]) -> list[tuple[int, str]]:
    """Return the faults with their lines; only one more than those shown is worded, because there may be 100,000."""
    invalid = [error for error in errors if error["type"] != "contradiction"]
    lines = [document.line(_written(error)) for error in invalid]
    first = sorted(range(len(invalid)), key=lines.__getitem__)[: MOST + 1]
    faults = [(lines[index], fault_of(invalid[index])) for index in first]
    conflicts = contradictions_of(errors) or _beneath(document.data, errors)
    return [*faults, *((_line(document, conflict), conflict.text) for conflict in conflicts)]


def _written(error: dict[str, Any]) -> Loc:
    loc: Loc = tuple(error["loc"])
    return loc[:-1] if error["type"] == "missing" else loc


def _attempt(data: dict[str, Any]) -> tuple[ProjectSpec | None, list[Any]]:
    try:
        return ProjectSpec.model_validate(data), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False))


def _beneath(data: dict[str, Any], errors: list[Any]) -> list[Contradiction]:
    """Return the contradictions between valid keys, which the faulty keys hide."""
    faulty = [_key_of(error["loc"]) for error in errors]
    rest = deepcopy(data)
    for loc in faulty:
        _drop(rest, loc)
    _, left = _attempt(rest) if faulty else (None, [])
    return [conflict for conflict in contradictions_of(left) if not any(_touches(key, faulty) for key in conflict.keys)]


def _key_of(loc: Loc) -> Loc:
    """Return the place without list positions: a faulty item makes its whole list unknown."""
    first = next((index for index, key in enumerate(loc) if isinstance(key, int)), len(loc))
    return loc[:first]


def _drop(data: dict[str, Any], loc: Loc) -> None:
    for key in loc[:-1]:
        below = data.get(str(key))
        if not isinstance(below, dict):
            return
        data = below
    if loc:
        data.pop(str(loc[-1]), None)


def _touches(key: Loc, faulty: list[Loc]) -> bool:
    return any(key[: len(loc)] == loc or loc[: len(key)] == key for loc in faulty)


def _line(document: Document, contradiction: Contradiction) -> int:
    """Return the line of the first of its keys that is in the file; a default contradicts only what was written."""
    written = [document.lines[key] for key in contradiction.keys if key in document.lines]
    return written[0] if written else document.line(contradiction.keys[0])


def _text(path: Path, shown: str) -> str:
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise SpecError([f"{shown}: {what}; expected a project.yaml"])
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError([f"{shown}: cannot be read: {error}"]) from error
    if len(content) > LARGEST_BYTES:
        raise SpecError([f"{shown}: larger than {LARGEST_BYTES:,} bytes; a spec is a page: is this the right file?"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError([f"{shown}:{line}: found a byte that is not UTF-8; save the file as UTF-8"]) from error
