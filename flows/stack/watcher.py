"""What `leeway up` reports: members that end and restart, servers that stop answering, projects that change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.stack.endpoints import Endpoints
from flows.stack.process_registry import read_note, supervisor_of
from flows.stack.supervisor import healthy
from tasks.errors import Error
from tasks.render.safe_text import terminal
from tasks.serving_store import SERVING_FOLDER, read_keys
from tasks.spec import ProjectSpec, find_project, known_projects, read_spec

NAMES = {"prefect": "Prefect", "mlflow": "MLflow", "worker": "the worker", "serve": "the prediction service"}


@dataclass
class Projects:
    """The specs of the projects folder, with the time at which each was last written."""

    say: Callable[[str], None]
    modified: dict[str, int] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)

    def changed(self) -> list[ProjectSpec]:
        """Return the specs that are new or changed since the last call; report those that are not valid."""
        specs = []
        for name in known_projects():
            path = find_project(name)
            written_ns = path.stat().st_mtime_ns
            if self.modified.get(name) == written_ns:
                continue
            self.modified[name] = written_ns
            self.wrong.discard(name)
            try:
                specs.append(read_spec(path))
            except Error as error:
                self.wrong.add(name)
                faults = str(error).splitlines()
                more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
                self.say(f"[red]wrong[/] {terminal(faults[0])}{more}: `leeway check {name}`")
        return specs


@dataclass
class StackWatcher:
    """Watches one stack and reports each change once."""

    home: Path
    endpoints: Endpoints
    say: Callable[[str], None]
    ended: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def check_members(self) -> bool:
        """Report the members that ended since the last call; return whether the supervisor is alive."""
        note = read_note(self.home)
        if note is None or supervisor_of(self.home) is None:
            return False
        for name, member in note["members"].items():
            reported, ended = self.ended.get(name, 0), member["starts"] - ("pid" in member)
            if ended > reported:
                self.say(f"[red]{NAMES[name]} ended[/] with {terminal(member['ended'])}; restarting it")
            self.ended[name] = ended
        return True

    def check_health(self) -> None:
        """Report the servers that stopped answering, and those that answer again."""
        for name, url in self.endpoints.health.items():
            answers = healthy(url)
            if answers == (name in self.silent):
                self.say(f"{NAMES[name]} answers again" if answers else f"[red]{NAMES[name]} does not answer[/]: {url}")
            self.silent = self.silent - {name} if answers else self.silent | {name}


@dataclass
class ServedTerms:
    """What the prediction service was started with: a change of it needs a new start."""

    print: Callable[[str], None]
    terms: dict[str, object] = field(default_factory=dict)

    def changed(self, specs: Sequence[ProjectSpec], projects: Projects) -> bool:
        """Take new or changed specs; return whether the service has to start, start again, or stop.

        A project with a wrong spec stays served until the service starts again, which leaves it out: once its spec is
        right, the service has to start again.
        """
        for name in projects.wrong:
            self.terms.pop(name, None)
        before = dict(self.terms)
        for name in before.keys() - known_projects():
            del self.terms[name]
        for spec in specs:
            self.terms.pop(spec.project, None)
            if spec.serving.up:
                self.terms[spec.project] = (spec.serving, spec.source.label.column, spec.source.label.uri is None)
        return self.terms != before

    def say(self, address: str, home: Path) -> None:
        """Print which projects are served now, and where, and what a first request needs."""
        if not self.terms:
            return
        self.print(f"[bold]predictions[/] {address}   for {terminal(', '.join(sorted(self.terms)))}")
        try:
            if not read_keys(home / SERVING_FOLDER).keys:
                self.print("there is no API key yet, so every request is refused: `leeway serve-key NAME` makes one")
        except Error as error:
            self.print(f"[red]every request is refused[/]: {terminal(str(error))}")
