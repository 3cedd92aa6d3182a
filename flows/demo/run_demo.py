"""`leeway demo`: a worked project, from its first model to the last night of its data, one night at a time.

All output is read from the lake and the registry. State is kept in a folder of its own in LEEWAY_HOME, so that an
interrupted demo continues where it stopped.
"""

from __future__ import annotations

import math
import os
import runpy
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from flows.cli.console import screen, table
from flows.demo.worked_projects import WorkedProject, worked_project
from flows.shipped_files import is_checkout
from flows.stack.local_stack import Endpoints, configured, open_stack, stop_on_signals
from flows.stack.process_registry import stop
from tasks.errors import Terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, home, projects_folder, read_spec
from tasks.whole_file import private_folder, write_once

if TYPE_CHECKING:
    from flows.demo.narration import DemoRun
    from flows.workspace import Workspace

REPORT = "demo-report.html"


def run_demo(name: str, *, keep: bool, serve: bool = False) -> None:
    """Run the demo of a worked project; Ctrl-C stops every process it started, and the next start continues.

    Parameters
    ----------
    serve : bool
        Whether the champion answers requests meanwhile, and a page.
    """
    project, console = worked_project(name), screen()
    outer = _home(project.path)
    stop_on_signals()
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"  # the demo prints a table; the logs are in the UI
    where = outer / "demo"
    project = _copied(project, where) if project.upstream else project  # its answers are files next to the specs
    os.environ["LEEWAY_PROJECTS"] = str(project.path.parent.parent)
    spec = read_spec(project.path)
    if serve:
        _require_servable(spec)
    console.print(f"[bold]{spec.project}[/]: {spec.scope.objective}")
    _give_privacy_key(spec, where)
    foreign = configured() is not None
    with open_stack(where, keep=keep, say=console.print) as endpoints:
        report = _run(project, (where, endpoints), console, serve=serve)
        for one in project.chain if foreign and not keep else ():
            _remove_from_servers(one.path.parent.name)
    if keep:
        console.print(f"report on every night: [bold]{report}[/]")
        console.print(f"the servers keep running; [bold]leeway demo --stop[/] stops them and removes {where}")
        return
    saved = outer / REPORT
    Path(report).replace(saved)
    shutil.rmtree(where)
    console.print(f"stopped the servers and removed the demo's data; the report is kept: {saved}")
    again = f"--project {name} --keep"
    console.print(f'to explore the UIs: [bold]leeway demo {again}[/], or [bold]make demo ARGS="{again}"[/]')


def _require_servable(spec: ProjectSpec) -> None:
    if spec.privacy.pseudonymise:
        raise Terminal(
            f"{spec.project} is not served, because its rows have pseudonyms; expected another --project, such as "
            "house-prices"
        )


def stop_demo() -> None:
    """Stop the servers that `leeway demo --keep` left running, and remove their data."""
    where = demo_home(worked_project().path)
    stop(where)
    shutil.rmtree(where, ignore_errors=True)


def demo_home(path: Path) -> Path:
    """Return the folder with the state of a demo, by the spec of its worked project."""
    return _home(path) / "demo"


def _home(path: Path) -> Path:
    """Return the home around the demo's own: of the checkout, or, from a wheel, of the projects folder."""
    return home(path if is_checkout() else projects_folder() / path.parent.name / path.name)


def _give_privacy_key(spec: ProjectSpec, where: Path) -> None:
    """Set the variable with the key of the pseudonyms, if it is not set, to one that the demo's home keeps."""
    name = spec.privacy.key.removeprefix("env:")
    if not spec.privacy.pseudonymise or os.environ.get(name):
        return
    kept = private_folder(where) / "pseudonyms.key"
    write_once(kept, secrets.token_hex(16).encode())
    os.environ[name] = kept.read_text(encoding="ascii")


def _copied(project: WorkedProject, where: Path) -> WorkedProject:
    """Return a project and those upstream of it in a folder of the demo, so that no answer is written elsewhere."""

    def copied(one: WorkedProject) -> WorkedProject:
        folder = where / "projects" / one.path.parent.name
        if not folder.exists():
            shutil.copytree(one.path.parent, folder, ignore=shutil.ignore_patterns("answers", "feedback"))
        return replace(one, path=folder / one.path.name, people=one.people and folder / one.people.name)

    return replace(copied(project), upstream=tuple(map(copied, project.upstream)))


def _run(project: WorkedProject, stack: tuple[Path, Endpoints], console: Console, *, serve: bool) -> str:
    """Run the whole demo on open servers; return the path of the report of the last project."""
    where, endpoints = stack
    specs = [read_spec(one.path) for one in project.chain]
    console.print(f"watch it: [bold]Prefect[/] {endpoints.prefect_ui}/runs")
    for spec in specs:
        console.print(f"          [bold]MLflow[/] {endpoints.mlflow}/#/models/{spec.project}")
    with console.status("loading"):
        from flows.demo.narration import DemoRun, run_nights
        from flows.stack.deployments import deploy
        from flows.steps.publish import write_report
        from flows.workspace import open_workspace

        workspaces = [open_workspace(spec.project) for spec in specs]
        for workspace in workspaces:
            refuse_foreign_models(workspace)
        deploy(specs, where, scheduled=False)  # their nights are in the past; they run in order below
    begins = [one.history_until for one in project.chain]
    known = zip(workspaces, project.chain, strict=True)
    demos = [DemoRun(workspace, console, one.history_until, one.answers) for workspace, one in known]
    for place, demo in enumerate(demos):
        if place:  # the projects before it answer what it learns from
            run_nights(demos[:place], begins[place - 1], begins[place], _nothing)
        if len(demos) > 1:
            console.print(f"\n[bold]{demo.project}[/]: {demo.workspace.spec.scope.objective}")
        demo.begin()
    with _answering(demos[-1].workspace, console) if serve else nullcontext():
        run_nights(demos, begins[-1], date.max, partial(_react, project))
    for demo in demos:
        _print_outcome(demo, console)
    report = [write_report(workspace) for workspace in workspaces][-1]
    console.print("\nyour own data: [bold]leeway init DATA --time COLUMN --label COLUMN[/], then [bold]leeway up[/]")
    return report


@contextmanager
def _answering(workspace: Workspace, console: Console) -> Iterator[None]:
    """Let the champion answer requests while the nights of a block go on, and say which versions did."""
    from flows.demo.served_demo import answers_in_words, served

    with served(workspace, lambda text: console.print(text, soft_wrap=True, highlight=False)) as callers:
        yield
    console.print(answers_in_words(callers))


def _nothing() -> None:
    """Let no one react."""


def _react(project: WorkedProject) -> None:
    """Let the people of the story react to the answers so far."""
    if project.people is not None:
        runpy.run_path(str(project.people))["main"](project.path.parent.parent)


def refuse_foreign_models(workspace: Workspace) -> None:
    """Refuse a registry with another model of the demo's name: the demo would promote and delete its versions."""
    versions = workspace.registry.versions(workspace.project)
    if versions and workspace.lake.version(workspace.project, "decisions") is None:
        raise Terminal(
            f"{workspace.registry.url} has a model {workspace.project!r} that this demo did not make; "
            "unset MLFLOW_TRACKING_URI and PREFECT_API_URL to let the demo start servers of its own"
        )


def _remove_from_servers(project: str) -> None:
    """Delete what the demo created on servers that it did not start."""
    from mlflow import MlflowClient
    from prefect import get_client

    registry = MlflowClient()
    registry.delete_registered_model(project)
    experiment = registry.get_experiment_by_name(project)
    if experiment is not None:
        registry.delete_experiment(experiment.experiment_id)
    with get_client(sync_client=True) as client:
        for kind in ("nightly", "retrain", "promote"):
            client.delete_deployment(client.read_deployment_by_name(f"{kind}/{project}").id)


def _print_outcome(demo: DemoRun, console: Console) -> None:
    for sentence in demo.output_lines():
        console.print(sentence)
    outcome = demo.outcome()
    if outcome is None:
        console.print("no predicted rows have labels yet; there is nothing to compare")
        return
    rows = counted(outcome.rows, "labelled row")
    console.print(f"\n{demo.project}, the last {rows}, {outcome.start} to {outcome.end}:")
    if outcome.served_loss == outcome.other_loss:
        console.print(f"never retrained: error {outcome.served_loss:.4f}, bias {outcome.served_bias:+.4f}")
        return
    priced = not math.isnan(outcome.served_cost)
    comparison = table("", "error", "bias", *(["cost of wrong decisions"] if priced else []))
    for name, loss, bias, cost in (
        ("never retrained", outcome.other_loss, outcome.other_bias, outcome.other_cost),
        ("with Leeway, as served", outcome.served_loss, outcome.served_bias, outcome.served_cost),
    ):
        comparison.add_row(name, f"{loss:.4f}", f"{bias:+.4f}", *([f"{cost:,.0f}"] if priced else []))
    console.print(comparison)
    less_bias = 1 - abs(outcome.served_bias) / abs(outcome.other_bias)
    saved = f", {outcome.other_cost - outcome.served_cost:,.0f} saved" if priced else ""
    console.print(f"{outcome.less_error:.0%} less error, {less_bias:.0%} less bias{saved}")
