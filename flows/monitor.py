"""Monitoring by itself: how far the model has drifted since the last look, and what is done about it.

Every night does this at its end, unless the spec gives monitoring a schedule of its own. Nothing is taken in here: what
nights have accepted and scored, and the labels that have come, are measured.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from typing import Any

from prefect import flow, runtime

from flows.steps.decide_night import NightOutcome, decide_night, decided
from flows.steps.exclusive_run import run_exclusively
from flows.workspace import Workspace, open_workspace
from tasks.dataset.night_data import NightData
from tasks.notify.task import notify_failure


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'now'}: monitor"


@flow(name="monitor", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def monitor(project: str, date: Date | None = None, reason: str = "by hand") -> dict[str, Any]:
    """Measure a project's drift and decide what to do about it, without taking anything in.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night to decide; when left out, today in the project's time zone, and before it every scheduled look that
        was missed. A night that was decided, and since which nothing new has landed, is left as it is.
    reason : str
        Why it is run, for the record.
    """
    return run_exclusively(open_workspace(project), date, reason, monitor_night, catch_up=True)


def monitor_night(workspace: Workspace, night: Date, reason: str) -> NightOutcome:
    """Decide a night from what is stored."""
    workspace = workspace.reading_for(workspace.champion()).with_degree()
    data = NightData.read(workspace.lake, workspace.spec, night, aliases=workspace.registry.aliases)
    return decide_night(workspace, workspace.champion(data.entries), data, reason, before=decided(data))
