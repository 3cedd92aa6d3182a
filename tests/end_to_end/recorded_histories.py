"""Histories that are made with the real flows, so that a backtest can replay them: quiet sales, and eventful ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.lake import append_entry, latest
from tasks.records import Action, NightEntry
from tests.houses import weeks, write_houses

if TYPE_CHECKING:
    from flows.workspace import Workspace

FIRST = date(2014, 7, 7)
FIRST_WEEKS = {"sales": ("2014-05-05", str(FIRST)), "prices": ("2014-05-19", str(FIRST))}
Cells = list[list[str]]


@dataclass
class RecordedProject:
    """A project of the house sales on real servers: files land, nights run, people answer."""

    name: str

    @property
    def workspace(self) -> Workspace:
        from flows.workspace import open_workspace

        return open_workspace(self.name)

    def land(self, kind: str, night: date, change: Callable[[Cells], Cells] | None = None, later: int = 0) -> None:
        """Let the weekly file of a night land, changed if it must be."""
        text = weeks(kind, str(night), str(night))
        if change is not None:
            rows = change([line.split(",") for line in text.splitlines()])
            text = "".join(",".join(row) + "\n" for row in rows)
        path = self.workspace.folder / "landing" / kind / f"{night}.csv"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1_404_000_000 + later, 1_404_000_000 + later))

    def night(self, night: date) -> str:
        """Run a night, and the retraining it decides on; return the night's action."""
        from flows.nightly import nightly
        from flows.stack.run_deployment import run_due

        action: str = nightly(self.name, night)["action"]
        run_due("retrain", self.name)
        return action

    def retrain(self, night: date) -> str:
        from flows.retrain import retrain

        action: str = retrain(self.name, night)["action"]
        return action

    def answer(self, number: int, answer: str, night: date) -> str:
        from flows.promote import promote

        self.workspace.registry.set_tag(self.name, number, "approval", answer)
        action: str = promote(self.name, night)["action"]
        return action

    def roll_back(self, night: date) -> None:
        from flows.promote import roll_back_now

        roll_back_now(self.workspace, "offers were too high", night)

    @property
    def versions(self) -> list[int]:
        return [version.number for version in self.workspace.registry.versions(self.name)]

    def begin(self) -> None:
        """Take in the first weeks, train the first model on them and approve it."""
        _let_nights_plan_retrainings(self.name)
        self.night(FIRST)
        assert self.retrain(FIRST) == "registered"
        assert self.answer(1, "approved", FIRST) == "promoted"

    def run_week(self, night: date, **changes: Callable[[Cells], Cells]) -> str:
        for kind in ("sales", "prices"):
            self.land(kind, night, changes.get(kind))
        return self.night(night)


def _let_nights_plan_retrainings(project: str) -> None:
    """Make the one deployment that these nights use; `prefect deploy` takes seconds, and is tested elsewhere."""
    from prefect import get_client

    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow_from_name("retrain"), project)


def changed(column: str, change: Callable[[float], float], rows: slice = slice(None)) -> Callable[[Cells], Cells]:
    """Return what changes a numeric column of some rows of a delivery."""

    def apply(found: Cells) -> Cells:
        at, body = found[0].index(column), [[*row] for row in found[1:]]
        for row in body[rows]:
            row[at] = f"{change(float(row[at])):.10g}"
        return [found[0], *body]

    return apply


def mondays(count: int) -> list[date]:
    """Return the nights after the first."""
    return [FIRST + timedelta(days=7 * week) for week in range(1, count + 1)]


def quiet_history(projects: Path, name: str, nights: int) -> RecordedProject:
    """Make a history in which nothing is wrong."""
    write_houses(projects / name, {kind: {str(FIRST): span} for kind, span in FIRST_WEEKS.items()})
    project = RecordedProject(name)
    project.begin()
    for night in mondays(nights):
        project.run_week(night)
    return project


def eventful_history(projects: Path, name: str) -> RecordedProject:
    """Make a history with quarantines, a release, a correction, an upstream fault, a refusal, a wait and a rollback."""
    write_houses(projects / name, {kind: {str(FIRST): span} for kind, span in FIRST_WEEKS.items()})
    upstream, downstream = f"{name}-deeds", f"{name}-offers"
    _extend_spec(projects / name / "project.yaml", upstream)
    write_houses(projects / downstream, {})
    spec = projects / downstream / "project.yaml"
    spec.write_text(spec.read_text("utf-8") + f"upstream: [{{project: {name}}}]\n", "utf-8")
    project = RecordedProject(name)
    project.begin()
    week = mondays(16)
    project.run_week(week[0])
    assert project.retrain(week[0]) == "refused"
    thousandfold = changed("sqft_living", lambda value: value * 1000)
    assert project.run_week(week[1], sales=thousandfold) == "quarantine"  # by the contract
    project.land("sales", week[1], later=60)  # corrected
    upstream_night(project, upstream, week[2], "quarantine")
    project.run_week(week[2], sales=changed("sqft_living", lambda value: value * 1000, slice(3)))
    stuck = changed("lat", lambda _value: 47.5)
    assert project.run_week(week[3], sales=stuck) == "quarantine"  # by monitoring
    upstream_night(project, upstream, week[4], "score")
    project.run_week(week[4])
    release(project, week[3])
    dearer = changed("price", lambda value: value * 1.4)
    left = iter(week[5:])
    for night in left:
        project.run_week(night, prices=dearer)
        if 2 in project.versions:
            break
    waiting = [project.run_week(next(left), prices=dearer) for _ in range(2)]
    assert "retrain" not in waiting
    night = next(left)
    project.run_week(night, prices=dearer)
    assert project.answer(2, "approved", night) == "promoted"
    project.run_week(next(left), prices=dearer)
    night = next(left)
    project.run_week(night, prices=dearer)
    project.roll_back(night)
    project.run_week(next(left), prices=dearer)
    return project


def upstream_night(project: RecordedProject, upstream: str, night: date, action: Action) -> None:
    """Write the decision that a project upstream would have written for a night."""
    entry = NightEntry(
        name=f"{night}/x", night=night, time=datetime.now(UTC), action=action, reason="made up", drift="covariate"
    )
    append_entry(project.workspace.lake, upstream, entry)


def release(project: RecordedProject, night: date) -> None:
    from flows.cli.commands.project_data.release_batch import release_quarantined

    batch = next(
        batch
        for batch in latest(project.workspace.lake, project.name)
        if batch.key == f"{night}.csv" and batch.rows_quarantined and batch.kind == "rows"
    )
    release_quarantined(project.name, batch.batch_id, "a person has looked at it")


def _extend_spec(path: Path, upstream: str) -> None:
    text = path.read_text("utf-8")
    assert "cooldown_days: 28" in text
    text = text.replace("cooldown_days: 28", "cooldown_days: 14\n  backoff_days: 14")
    path.write_text(f"{text}upstream: [{{project: {upstream}}}]\nscoring: {{shadow: true}}\n", "utf-8")
