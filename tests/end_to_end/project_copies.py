"""Copies of one project of house sales that has a champion: each has a home and a lake of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks import clock
from tasks.lake import Batch, append_entry, deliveries
from tests.houses import HOUSES, weeks, write_houses

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from tasks.registry import Registry, Version
    from tests.end_to_end.fork_server import Job

PROJECT = "faults"
FIRST, NIGHT, NEXT = "2014-07-07", "2014-07-14", "2014-07-21"
FIRST_WEEKS = {"sales": ("2014-05-05", FIRST), "prices": ("2014-05-19", FIRST)}
LANDED_AT = 1_404_000_000
Cells = list[list[str]]


def grow(where: Path) -> None:
    """Make the project that is copied, in the folder and with the servers in use: a champion scores its first night."""
    from flows.nightly import nightly
    from flows.promote import promote
    from flows.retrain import retrain
    from flows.workspace import open_workspace

    write_houses(where / "projects" / PROJECT, {kind: {FIRST: span} for kind, span in FIRST_WEEKS.items()})
    night = date.fromisoformat(FIRST)
    nightly(PROJECT, night)
    retrain(PROJECT, night)
    open_workspace(PROJECT).registry.set_tag(PROJECT, 1, "approval", "approved")
    promote(PROJECT, night)
    nightly(PROJECT, night)


@dataclass(frozen=True)
class Copy:
    """A copy of the grown project, with a home and a lake of its own."""

    where: Path
    project: str = PROJECT

    @property
    def environment(self) -> dict[str, str]:
        return {"LEEWAY_HOME": str(self.where / "home"), "LEEWAY_PROJECTS": str(self.where / "projects")}

    @property
    def workspace(self) -> Workspace:
        from flows.workspace import open_workspace

        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.environment.items():
                environment.setenv(name, value)
            return open_workspace(self.project)

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> Workspace:
        """Let flows run here, in this process."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return self.workspace

    def land(self, kind: str, night: str, delivered: Cells | bytes, later: int = 0) -> None:
        land(self.where / "projects" / self.project, kind, night, delivered, later)

    def replace_in_spec(self, old: str, new: str) -> None:
        path = self.where / "projects" / self.project / "project.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def job(self, flow: str = "nightly", night: str = NIGHT, **faults: Any) -> Job:
        """Return the order to run a flow on this copy."""
        return {"flow": flow, "project": self.project, "night": night, "env": self.environment, **faults}

    def command(self, *words: str, **faults: Any) -> Job:
        """Return the order to run a command about this copy."""
        return {"command": [*words], "env": self.environment, **faults}


def copied_to(grown: Path, where: Path, project: str = PROJECT) -> Copy:
    """Copy the grown project, under its own name or another."""
    shutil.copytree(grown / "projects" / PROJECT, where / "projects" / project)
    shutil.copytree(grown / "home", where / "home")
    if project != PROJECT:
        _renamed(where, project)
    return Copy(where, project)


def _renamed(where: Path, project: str) -> None:
    spec = where / "projects" / project / "project.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace(f"project: {PROJECT}", f"project: {project}"), "utf-8")
    (where / "home" / "lake" / PROJECT).rename(where / "home" / "lake" / project)


def crown(workspace: Workspace) -> None:
    """Give a project of another name the same champion, in the record of its own lake too."""
    from tasks.records import PromotionEntry
    from tasks.registry.mlflow_names import PROMOTED

    workspace.registry.ensure(workspace.project, "a copy")
    first, now = again(workspace, "first"), clock.now()
    workspace.registry.set_alias(workspace.project, "champion", first.number)
    workspace.registry.set_tag(workspace.project, first.number, PROMOTED, now.isoformat())
    entry = PromotionEntry(
        name=f"{first.number}/promoted/{workspace.project}",
        night=date.fromisoformat(FIRST),
        time=now,
        action="promoted",
        reason="a copy",
        subject=f"version {first.number}",
        digest=workspace.registry.signed(first).digest,
    )
    append_entry(workspace.lake, workspace.project, entry)


def again(workspace: Workspace, key: str, **tags: str) -> Version:
    """Register the first champion's own files again, under another key, as a version that beat the champion."""
    from tasks.registry import Basis, Draft
    from tasks.registry.mlflow_names import PROMOTED
    from tasks.spec import evidence_digest

    first = workspace.registry.version(PROJECT, 1)
    assert first is not None
    champion = workspace.champion_record().champions()[0]
    identity = workspace.lake.identity(workspace.project)
    basis = Basis(champion.number, champion.digest, evidence_digest(workspace.spec), identity)
    kept = {name: value for name, value in first.tags.items() if name != PROMOTED}
    draft = Draft(key, workspace.registry.fetch(first), tags={**kept, **tags}, basis=basis)
    return signing(workspace).add_version(workspace.project, draft)


def signing(workspace: Workspace) -> Registry:
    """Return the registry with the private key, as a retraining has it."""
    from tasks.registry import Registry, load_keys

    return Registry(workspace.registry.url, load_keys(workspace.home, os.environ))


def contender(workspace: Workspace, key: str) -> int:
    """Add a version that beat the champion and was approved; return its number."""
    from tasks.registry.mlflow_names import CHALLENGER

    added = again(workspace, key)
    workspace.registry.set_alias(workspace.project, CHALLENGER, added.number)
    return added.number


def land(folder: Path, kind: str, night: str, delivered: Cells | bytes, later: int = 0) -> None:
    """Let a file land in a project's folder; its age is that of every other that lands, so that listings agree."""
    path = folder / "landing" / kind / f"{night}.csv"
    text = delivered if isinstance(delivered, bytes) else "".join(",".join(row) + "\n" for row in delivered).encode()
    path.write_bytes(text)
    os.utime(path, (LANDED_AT + later, LANDED_AT + later))


def cells(kind: str, night: str = NIGHT) -> Cells:
    """Return the cells of a real weekly file, its header first."""
    return [
        line.split(",")
        for line in (HOUSES / "landing" / kind / f"{night}.csv").read_text(encoding="utf-8").splitlines()
    ]


def first_cells(kind: str) -> Cells:
    """Return the cells of what landed first."""
    return [line.split(",") for line in weeks(kind, *FIRST_WEEKS[kind]).splitlines()]


def changed(found: Cells, column: str, change: Callable[[float], float], rows: slice = slice(None)) -> Cells:
    """Return a delivery in which a column's whole numbers are others."""
    at, header, body = found[0].index(column), found[0], [[*row] for row in found[1:]]
    for row in body[rows]:
        row[at] = f"{change(float(row[at])):g}"
    return [header, *body]


def batch(workspace: Workspace, key: str, kind: str = "rows") -> Batch:
    """Return the newest batch of a key."""
    return deliveries(workspace.lake, workspace.project).newest_of_keys()[kind, key]
