"""`leeway demo`: the King County house sales, from the first model to the last week, a night at a time.

Everything shown is read from the lake and the registry. State lives in a folder of its own under LEEWAY_HOME, so that
an
interrupted demo goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from flows.stack.local_stack import Endpoints, configured, open_stack, stop_on_signals
from flows.stack.process_registry import stop
from tasks.errors import Terminal
from tasks.spec import ProjectSpec, home, read_spec

if TYPE_CHECKING:
    from flows.demo.narration import Story
    from flows.workspace import Workspace

PROJECT = Path(__file__).parents[2] / "deployments" / "house-prices" / "project.yaml"
# Sales of May to October 2014; the labels of the last of them land two weeks later.
HISTORY_UNTIL = date(2014, 11, 17)
REPORT = "demo-report.html"


def run_demo(*, keep: bool) -> None:
    """Run the demo; Ctrl-C stops every process it started, and the next start goes on."""
    console = Console(width=None if Console().is_terminal else 140)
    if not PROJECT.is_file():
        raise Terminal(f"the demo's data is not at {PROJECT.parent}; run it from a checkout of Leeway")
    stop_on_signals()
    os.environ["LEEWAY_PROJECTS"] = str(PROJECT.parent.parent)
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"  # the table is the story; logs are in the UI
    outer = home(PROJECT)
    where = outer / "demo"
    spec = read_spec(PROJECT)
    console.print(f"[bold]{spec.project}[/]: {spec.scope.objective}")
    foreign = configured() is not None
    with open_stack(where, keep=keep, say=console.print) as addresses:
        report = _live(spec, where, addresses, console)
        if foreign and not keep:
            _forget(spec.project)
    if keep:
        console.print(f"record of every night: [bold]{report}[/]")
        console.print(f"the servers go on; [bold]leeway demo --stop[/] ends them and removes {where}")
        return
    kept = outer / REPORT
    Path(report).replace(kept)
    shutil.rmtree(where)
    console.print(f"servers stopped and the demo's data removed; what stays is the report: {kept}")
    console.print("to look around in the UIs, run it again with [bold]make demo ARGS=--keep[/]")


def stop_demo() -> None:
    """Stop the servers a kept demo left running and remove its data."""
    where = home(PROJECT) / "demo"
    stop(where)
    shutil.rmtree(where, ignore_errors=True)


def _live(spec: ProjectSpec, where: Path, addresses: Endpoints, console: Console) -> str:
    """Tell the whole story; return where the report is."""
    console.print(f"watch it: [bold]Prefect[/] {addresses.prefect_ui}/runs")
    console.print(f"          [bold]MLflow[/] {addresses.mlflow}/#/models/{spec.project}")
    with console.status("loading"):
        from flows.demo.narration import Story
        from flows.stack.deployments import deploy
        from flows.steps.publish import write_report
        from flows.workspace import open_workspace

        workspace = open_workspace(spec.project)
        _refuse_strangers(workspace)
        deploy([spec], where, scheduled=False)  # its nights are long past; they are run in order below
    story = Story(workspace, console)
    story.begin(HISTORY_UNTIL)
    story.nights(HISTORY_UNTIL)
    _print_outcome(story, console)
    report = write_report(workspace)
    console.print("\nyour own data: [bold]leeway init DATA --time COLUMN --label COLUMN[/], then [bold]leeway up[/]")
    return report


def _refuse_strangers(workspace: Workspace) -> None:
    """Refuse a registry in which somebody else's model has the demo's name: the demo would promote and remove in it."""
    known = workspace.registry.versions(workspace.project)
    if known and workspace.lake.version(workspace.project, "decisions") is None:
        raise Terminal(
            f"{workspace.registry.url} has a model {workspace.project!r} that this demo did not make; "
            "unset MLFLOW_TRACKING_URI and PREFECT_API_URL to let the demo start servers of its own"
        )


def _forget(project: str) -> None:
    """Remove from servers that are not ours what the demo made in them."""
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


def _print_outcome(story: Story, console: Console) -> None:
    found = story.outcome()
    if found is None:
        console.print("no labelled rows were served yet; there is nothing to compare")
        return
    console.print(f"\nthe last {found.rows:,} labelled rows, {found.start} to {found.end}:")
    table = Table("", "error", "bias", show_edge=False)
    table.add_row("never retrained", f"{found.other_loss:.4f}", f"{found.other_bias:+.4f}")
    table.add_row("with Leeway, as served", f"{found.served_loss:.4f}", f"{found.served_bias:+.4f}")
    console.print(table)
    less_bias = 1 - abs(found.served_bias) / abs(found.other_bias)
    console.print(f"{found.less_error:.0%} less error, {less_bias:.0%} less bias")
