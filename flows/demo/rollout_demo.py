"""`leeway demo --rollout`: a new version takes over the requests of a service, and a broken one does not.

Everything is real: the worked project house-prices, the servers, the service, and callers that ask it all the while.
Only the time of the stages is shorter than anyone should choose, and the fault is put in by hand.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from flows.cli.console import screen
from flows.demo.callers import Callers, Row
from flows.demo.run_demo import demo_home, refuse_foreign_models
from flows.demo.worked_projects import worked_project
from flows.stack.local_stack import open_stack, stop_on_signals
from tasks.errors import Terminal, Unreachable
from tasks.render.safe_text import terminal
from tasks.spec import ProjectSpec, read_spec

if TYPE_CHECKING:
    from flows.demo.narration import DemoRun
    from tasks.records import RolloutEntry

SECOND = date(2015, 3, 30)
"""The night of the second version: by then prices have risen for a whole winter."""
SECTION = """
rollout: # the time of the stages is that of a demo: choose hours and days
  strategy: canary
  shares_from: 0.2
  stage_hours: 0
  stage_rows: 150
  bake_hours: 0.004
"""
LONGEST_SECONDS = 600.0
LOOK_SECONDS = 0.5
CITY = "981"
"""How zip codes of Seattle begin."""
CALLERS_ROWS = 3_000
PAUSE_SECONDS = 0.004


def run_rollout_demo(*, keep: bool) -> None:
    """Roll out a broken version and a healthy one; Ctrl-C stops every process that was started.

    Raises
    ------
    Terminal
        When an earlier demo was kept.
    """
    console, shipped = screen(), worked_project()
    where = demo_home(shipped.path)
    if where.exists():
        raise Terminal(f"an earlier demo was kept in {where}; `leeway demo --stop` removes it")
    stop_on_signals()
    spec = read_spec(_copied(shipped.path, where))
    os.environ["LEEWAY_PROJECTS"] = str(where / "projects")
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = (
        "CRITICAL"  # the demo prints the steps; the logs are in the UI
    )
    with open_stack(where, keep=keep, say=console.print) as endpoints:
        console.print(f"watch it: [bold]Prefect[/] {endpoints.prefect_ui}/runs")
        console.print(f"          [bold]MLflow[/] {endpoints.mlflow}/#/models/{spec.project}")
        _tell(spec, where, shipped.history_until, console)
    if keep:
        console.print("the servers keep running; [bold]leeway demo --stop[/] stops them and removes their data")
        return
    shutil.rmtree(where)
    console.print("stopped the servers and removed the demo's data")
    console.print("to explore the UIs: [bold]leeway demo --rollout --keep[/]")


def _copied(shipped: Path, where: Path) -> Path:
    """Return the spec of a copy of the worked project that rolls versions out."""
    folder = where / "projects" / shipped.parent.name
    shutil.copytree(shipped.parent, folder)
    path = folder / shipped.name
    path.write_text(path.read_text(encoding="utf-8") + SECTION, encoding="utf-8")
    return path


def _tell(spec: ProjectSpec, where: Path, first: date, console: Console) -> None:
    """Tell the story on open servers."""
    with console.status("loading"):
        from flows.demo.narration import DemoRun
        from flows.stack.deployments import deploy
        from flows.stack.run_deployment import run
        from flows.workspace import open_workspace

        workspace = open_workspace(spec.project, signs=True)
        refuse_foreign_models(workspace)
        deploy([spec], where, scheduled=False)
    demo = DemoRun(workspace, console, first)
    demo.begin()
    with console.status(f"the nights up to {SECOND}, and a second version"):
        run("nightly", spec.project, date=SECOND.isoformat(), reason="demo: a winter later")
        trained = run("retrain", spec.project, date=SECOND.isoformat(), reason="demo: prices have risen")
    console.print(f"second version: {trained['action']} as {trained['subject']}; {trained['reason']}")
    serve_and_roll_out(demo, console)


def serve_and_roll_out(demo: DemoRun, console: Console) -> None:
    """Serve the champion to callers, and roll out a broken version and then the healthy one."""
    from flows.demo.demo_service import demo_service

    rows, project = callers_rows(demo), demo.project
    suburbs = [row for row in rows if not row["zipcode"].startswith(CITY)]
    with demo_service(demo.workspace, console.print) as service:
        traffic = Callers(service.client, project, suburbs, PAUSE_SECONDS)
        traffic.start()
        try:
            story = _Story(demo, traffic, console)
            broken, healthy = add_broken(demo), 2
            fault = "in which the zip codes of Seattle were mixed up after all tests"
            console.print(f"\nversion {broken} is version {healthy}, {fault}. Callers ask about the suburbs so far")
            story.roll_out(broken, at_share=lambda: _ask_about(traffic, rows, console))
            console.print(f"\nversion {healthy}, as it was tested, is approved next")
            story.roll_out(healthy)
        finally:
            traffic.stop()
    story.summary()


def _ask_about(traffic: Callers, rows: Sequence[Row], console: Console) -> None:
    traffic.rows = rows
    console.print("          [bold]the fault[/]: callers ask about houses in Seattle now")


@dataclass
class _Story:
    """Shows what the decision record says of rollouts, as it happens."""

    demo: DemoRun
    traffic: Callers
    console: Console
    shown: set[str] = field(default_factory=set)

    def roll_out(self, number: int, at_share: Callable[[], None] | None = None) -> None:
        """Approve a version, and show its rollout to its end.

        Parameters
        ----------
        at_share : callable, optional
            Called once when the candidate has got its first share of the requests.

        Raises
        ------
        Unreachable
            The rollout has not ended in time.
        """
        from flows.stack.run_deployment import run
        from tasks.registry.mlflow_names import APPROVAL

        project, registry = self.demo.project, self.demo.workspace.registry
        registry.set_tag(project, number, APPROVAL, "approved")
        run("promote", project)
        until = monotonic() + LONGEST_SECONDS
        while (last := self._steps(number)[-1]).action not in {"rolled_back", "finished"}:
            if at_share is not None and last.share > 0:
                at_share()
                at_share = None
            if monotonic() > until:
                raise Unreachable(f"the rollout of version {number} has not ended; see `leeway why {project} rollout`")
            sleep(LOOK_SECONDS)
        result = run("promote", project)
        self.console.print(f"          the promote flow: {terminal(result['reason'])}")

    def _steps(self, number: int) -> list[RolloutEntry]:
        """Return the steps of the rollout of a version; show those that are new."""
        from tasks.lake import read_entries
        from tasks.records import rollouts

        entries = read_entries(self.demo.workspace.lake, self.demo.project, "rollout")
        steps = next(steps for steps in rollouts(entries) if steps[-1].version == number)
        for step in steps:
            if step.name not in self.shown:
                self.shown.add(step.name)
                self.console.print(f"{step.time:%H:%M:%S}  {terminal(as_text(step))}", highlight=False)
        return steps

    def summary(self) -> None:
        """Show what callers have noticed: nothing."""
        answered = "; ".join(
            f"{count:,} by version {number}" for number, count in sorted(self.traffic.answered.items())
        )
        champion = self.demo.workspace.champion()
        now = "none" if champion is None else f"version {champion.number}"
        self.console.print(f"\nrequests answered: {answered}; without an answer: {self.traffic.failed}")
        self.console.print(f"champion: {now}. Each verdict again from what is stored:")
        self.console.print(f"[bold]leeway why {self.demo.project} rollout[/] (with --keep, while the servers run)")


def as_text(step: RolloutEntry) -> str:
    """Return a step of a rollout in a line.

    >>> from datetime import UTC, datetime
    >>> from tasks.records import RolloutEntry
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> as_text(RolloutEntry(name="", night=moment.date(), time=moment, action="advanced", reason="as promised",
    ...     subject="version 2", digest="", champion_digest="", stage=2, share=0.2))
    'version 2 canary, 20 %: as promised'
    """
    names = {"started": "approved", "rolled_back": "rolled back", "finished": "finished", "doubted": "in doubt"}
    stage = "shadow" if step.share == 0 else "canary" if step.share < 1 else "bake"
    return f"{step.subject} {names.get(step.action, f'{stage}, {100 * step.share:g} %')}: {step.reason}"


def callers_rows(demo: DemoRun) -> list[dict[str, Any]]:
    """Return rows as callers of the service send them: the newest of the lake."""
    from tasks.lake import active_rows, deliveries

    workspace, spec = demo.workspace, demo.workspace.spec
    rows = active_rows(workspace.lake, demo.project, "rows", deliveries(workspace.lake, demo.project))
    newest = rows.sort_values("event_date").drop_duplicates("row_id").tail(CALLERS_ROWS)
    return [_values(row, spec) for row in newest.to_dict("records")]


def _values(row: dict[Any, Any], spec: ProjectSpec) -> dict[str, Any]:
    """Return a row as JSON values."""
    values = {name: row[name] for name in spec.row_columns if name in row and not pd.isna(row[name])}
    return {name: each.isoformat() if hasattr(each, "isoformat") else each for name, each in values.items()}


def add_broken(demo: DemoRun) -> int:
    """Register the waiting version again with the zip codes of Seattle in another order; return its number."""
    from tasks.inference.schema import SCHEMA_FILE
    from tasks.registry import Draft
    from tasks.registry.mlflow_names import CHALLENGER

    project, registry = demo.project, demo.workspace.registry
    healthy = registry.by_alias(project, CHALLENGER)
    if healthy is None:
        raise Terminal("the gate has refused the second version, so there is nothing to roll out")
    files, signed = registry.fetch_signed(healthy)
    if signed.statement is None:
        raise AssertionError("a version of this Leeway has a statement")
    schema = json.loads(files[SCHEMA_FILE])
    schema["categories"]["zipcode"] = mixed_up(schema["categories"]["zipcode"])
    changed = {**files, SCHEMA_FILE: json.dumps(schema).encode()}
    tags = {name: text for name, text in healthy.tags.items() if name.startswith("leeway.")}
    about = f"Version {healthy.number} with the zip codes of Seattle mixed up, as the demo's fault of serving."
    draft = Draft("demo/packed-wrongly", changed, about, tags=tags, basis=signed.statement.basis)
    return registry.add_version(project, draft).number


def mixed_up(codes: Sequence[str]) -> list[str]:
    """Return zip codes in which those of Seattle have the places of one another, so that a model takes one for another.

    >>> mixed_up(["98001", "98101", "98102", "98103"])
    ['98001', '98102', '98103', '98101']
    """
    city = [code for code in codes if code.startswith(CITY)]
    half = (len(city) + 1) // 3
    moved = dict(zip(city, [*city[half:], *city[:half]], strict=True))
    return [moved.get(code, code) for code in codes]
