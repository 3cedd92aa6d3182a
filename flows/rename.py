"""Gives a project another name: its folder, its lake, its model and experiment in MLflow, and who names it upstream.

What the prediction service has kept of it goes along.

The steps are made in an order in which no run can begin under either name: the record says it first, so that runs under
the old name refuse; then the folder moves; a run under the new name refuses until the lake has moved too. Each step is
skipped where it was made already, so the whole may be interrupted at any point, and repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.serving.log_carrier import is_written
from flows.stack.deployments import remove_deployments
from flows.steps.actor import person
from flows.steps.events import emit_event
from flows.steps.publish import write_report
from flows.steps.recorded_spec import renamed_to
from flows.workspace import open_lake, open_workspace
from tasks import clock
from tasks.errors import DataError, SpecError
from tasks.lake import NIGHT_LEASE, Lake, acquire_lease, append_entry, move_project, read_entries
from tasks.records import MigrationEntry, running_rollout
from tasks.registry import Registry
from tasks.serving_store import SERVING_FOLDER
from tasks.serving_store.renamed_project import rename_kept
from tasks.spec import ProjectSpec, home, projects_folder, read_spec
from tasks.spec.find_project import FILE, checked_name
from tasks.spec.reading.yaml_document import UnreadableError, read_document
from tasks.whole_file import write_whole


@dataclass(frozen=True)
class Renaming:
    """A project that gets another name, and where it is kept."""

    old: str
    new: str
    projects: Path
    lake: Lake
    registry: Registry

    @property
    def has_moved(self) -> bool:
        """Whether the folder has the new name."""
        return (self.projects / self.new / FILE).is_file()

    @property
    def spec_path(self) -> Path:
        """The path of project.yaml as it is now."""
        return self.projects / (self.new if self.has_moved else self.old) / FILE

    @property
    def serving(self) -> Path:
        """The folder of the prediction service."""
        return home(self.spec_path) / SERVING_FOLDER


def rename(old: str, new: str, reason: str) -> str:
    """Rename a project, and return what was done.

    The folder may have been renamed by hand before.

    Raises
    ------
    DataError, SpecError
        There is no such project, the new name is taken, or a rollout is under way; nothing was changed.
    """
    asked = _renaming(checked_name(old), checked_name(new))
    faults = list(_faults(asked))
    if faults:
        raise DataError(f"{old} cannot be renamed: {'; '.join(faults)}. Nothing was changed")
    _record(asked, reason)
    _move_folder(asked)
    asked.registry.rename(old, new)
    move_project(asked.lake, old, new)
    rename_kept(asked.serving, old, new)
    _name_upstream(asked)
    remove_deployments(old)
    (home(asked.spec_path) / "metrics" / f"{old}.prom").unlink(missing_ok=True)
    text = f"{old} is {new} from now on"
    write_report(open_workspace(new))
    emit_event(new, "project.renamed", {"what": text, "who": person()})
    return text


def _renaming(old: str, new: str) -> Renaming:
    projects = projects_folder()
    known = [name for name in (new, old) if (projects / name / FILE).is_file()]
    if not known:
        raise SpecError([f"no project {old!r} in {projects}; expected its folder, or one that is called {new!r} now"])
    lake = open_lake(home(projects / known[0] / FILE))
    return Renaming(old, new, projects, lake, Registry(os.environ["MLFLOW_TRACKING_URI"]))


def _faults(asked: Renaming) -> Iterator[str]:
    """Yield why a project cannot be renamed; what an interrupted renaming has done is no fault."""
    old, new = asked.old, asked.new
    if old == new:
        yield "the new name is the old one"
        return
    if (asked.projects / old / FILE).is_file() and asked.has_moved:
        yield f"{asked.projects / new} is a project of its own"
        return
    record, taken = read_entries(asked.lake, old), read_entries(asked.lake, new)
    if not record and renamed_to(taken) != new:
        yield f"the lake has no record of {old!r}"
    is_copied = bool(record and taken) and asked.lake.identity(old) == asked.lake.identity(new)
    if record and taken and not is_copied:  # a copy is what an interrupted renaming has left in a bucket
        yield f"the lake has a record of {new!r} already, with {len(taken)} entries; choose another name"
    if running_rollout(record) is not None:
        yield f"a rollout is under way; let it end, or end it (`leeway rollback {old}`)"
    if is_written(asked.serving, old):
        yield "the prediction service answers for it; stop the service, and let it serve the new name afterwards"
    if asked.registry.is_taken(old, new):
        yield f"MLflow has a model or an experiment {new!r} already; choose another name, or rename it there"
    if not asked.has_moved and (asked.projects / new).exists():
        yield f"{asked.projects / new} exists; choose another name"
    if (fault := _text_fault(asked.spec_path.read_text(encoding="utf-8"), old, new)) is not None:
        yield f"{asked.spec_path} {fault}"


def _text_fault(text: str, old: str, new: str) -> str | None:
    r"""Return why the text of a spec cannot be given another name; None if it can.

    >>> _text_fault("project: shop\nformerly: [store]\n", "shop", "market")
    >>> _text_fault("project: shop\nformerly:\n  - store\n", "shop", "market")
    'has names in another form; write `project: shop` and `formerly: [name]` as lines of their own'
    """
    try:
        named = read_document(_renamed_text(text, old, new))
    except UnreadableError as error:
        return f"cannot be read: line {error.line}: {error.text}"
    former = named.data.get("formerly")
    if not named.faults and named.data.get("project") == new and isinstance(former, list) and former[-1:] == [old]:
        return None
    return f"has names in another form; write `project: {old}` and `formerly: [name]` as lines of their own"


def _record(asked: Renaming, reason: str) -> None:
    """Write into the record that the project has another name, unless it says so: runs under the old name refuse."""
    if not read_entries(asked.lake, asked.old):
        return
    with acquire_lease(asked.lake, asked.old, NIGHT_LEASE) as lease:
        lake = asked.lake.with_lease(lease.name, lease.token)
        record = read_entries(lake, asked.old)
        if renamed_to(record) == asked.new:
            return
        entry = MigrationEntry(
            name=f"{len(record)}/{asked.new}",
            night=clock.now().date(),
            time=clock.now(),
            action="renamed",
            subject=asked.new,
            actor=person(),
            reason=f"{asked.old} is {asked.new} from now on ({reason})",
        )
        append_entry(lake, asked.old, entry)


def _move_folder(asked: Renaming) -> None:
    """Give the folder and its spec the new name; all else in the file stays as it is."""
    path = asked.spec_path
    text = path.read_text(encoding="utf-8")
    named = _renamed_text(text, asked.old, asked.new)
    if named != text:
        write_whole(path, named.encode(), path.stat().st_mode & 0o777)
    if not asked.has_moved:
        path.parent.rename(asked.projects / asked.new)
    read_spec(asked.spec_path)


def _renamed_text(text: str, old: str, new: str) -> str:
    r"""Return the text of a spec with another name, and the former one under `formerly`.

    >>> print(_renamed_text("project: shop # ours\nscope: {}\n", "shop", "store"), end="")
    project: store # ours
    formerly: [shop]
    scope: {}
    >>> _renamed_text("project: store\nformerly: [shop]\n", "shop", "store")
    'project: store\nformerly: [shop]\n'
    """
    former = re.search(r"^formerly:[ \t]*\[(.*)\]", text, flags=re.MULTILINE)
    names = [name.strip() for name in former[1].split(",") if name.strip()] if former else []
    if names[-1:] != [old]:
        names = [*(name for name in names if name != old), old]
    if former:
        text = f"{text[: former.start()]}formerly: [{', '.join(names)}]{text[former.end() :]}"
    either = f"(?:{re.escape(old)}|{re.escape(new)})"
    line = re.compile(rf"^(project:[ \t]*)([\"']?){either}\2(?P<rest>[ \t]*(?:#.*)?)$", re.MULTILINE)
    added = "" if former else f"\nformerly: [{', '.join(names)}]"
    return line.sub(rf"\g<1>{new}\g<rest>{added}", text, count=1)


def _name_upstream(asked: Renaming) -> None:
    """Let the specs of other projects name it upstream as it is called now."""
    named_so = rf"(?<=project:)([ \t]*)([\"']?){re.escape(asked.old)}\2"
    pattern = re.compile(rf"{named_so}(?=[ \t]*[,}}#\r\n]|[ \t]*$)", re.MULTILINE)
    for path in sorted(asked.projects.glob(f"*/{FILE}")):
        if path.parent.name in {asked.old, asked.new}:
            continue
        text = path.read_text(encoding="utf-8")
        named = pattern.sub(rf"\g<1>{asked.new}", text)
        if named != text and _names_upstream(path, asked.old):
            write_whole(path, named.encode(), path.stat().st_mode & 0o777)


def _names_upstream(path: Path, name: str) -> bool:
    try:
        spec: ProjectSpec = read_spec(path)
    except SpecError:  # `leeway check` says what is wrong with it
        return False
    return name in {upstream.project for upstream in spec.upstream}
