"""What `leeway up` tells of a running stack: members that end and come back, projects that are new or changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from flows.stack.endpoints import Endpoints
from flows.stack.process_registry import keeper_of, read_note
from flows.stack.supervisor import healthy
from tasks.errors import Error
from tasks.spec import ProjectSpec, find_project, known_projects, read_spec

NAMES = {"prefect": "Prefect", "mlflow": "MLflow", "worker": "the worker"}


@dataclass
class Projects:
    """The specs of the projects folder, as they were when they were last looked at."""

    say: Callable[[str], None]
    written: dict[str, int] = field(default_factory=dict)

    def changed(self) -> list[ProjectSpec]:
        """Return the specs that are new or were written since the last look; say which cannot be used."""
        found = []
        for name in known_projects():
            path = find_project(name)
            changed = path.stat().st_mtime_ns
            if self.written.get(name) == changed:
                continue
            self.written[name] = changed
            try:
                found.append(read_spec(path))
            except Error as error:
                faults = str(error).splitlines()
                more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
                self.say(f"[red]wrong[/] {escape(faults[0])}{more}: `leeway check {name}`")
        return found


@dataclass
class StackWatcher:
    """One stack, looked at again and again; whatever changed is said once."""

    home: Path
    addresses: Endpoints
    say: Callable[[str], None]
    ended: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def look(self) -> bool:
        """Say who ended since the last look; tell whether the stack is still kept."""
        note = read_note(self.home)
        if note is None or keeper_of(self.home) is None:
            return False
        for name, member in note["members"].items():
            before, times = self.ended.get(name, 0), member["starts"] - ("pid" in member)
            if times > before:
                self.say(f"[red]{NAMES[name]} ended[/] with {escape(member['ended'])}; it is started again")
            self.ended[name] = times
        return True

    def ask(self) -> None:
        """Say which server stopped answering, and which does again."""
        for name, url in self.addresses.health.items():
            well = healthy(url)
            if well == (name in self.silent):
                self.say(f"{NAMES[name]} answers again" if well else f"[red]{NAMES[name]} does not answer[/]: {url}")
            self.silent = self.silent - {name} if well else self.silent | {name}
