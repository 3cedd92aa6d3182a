"""Upkeep of a project's tables, by schedule or by hand: compact small files, remove orphaned and too old rows."""

from __future__ import annotations

import json
from typing import Any

from prefect import flow, runtime

from flows.steps.recorded_spec import require_own_name
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.errors import EvidenceError
from tasks.lake import NIGHT_LEASE, acquire_lease, append_entry
from tasks.logs import line, logger
from tasks.notify.task import notify_failure
from tasks.records import UpkeepEntry
from tasks.upkeep.task import Moment, keep_up_task


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']}: upkeep{' (dry run)' if given.get('dry_run') else ''}"


@flow(name="upkeep", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def upkeep(project: str, dry_run: bool = False) -> dict[str, Any]:
    """Compact a project's tables, and remove rows that do not count or are past their retention.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    dry_run : bool
        Only list what would be done.
    """
    workspace, now = open_workspace(project), clock.now()
    require_own_name(workspace)
    when = Moment(clock.tonight(workspace.spec.schedule.time_zone), now)
    with acquire_lease(
        workspace.lake, workspace.project, NIGHT_LEASE
    ):  # a night that is running may have written what nothing counts yet
        done = keep_up_task(workspace.lake, workspace.spec, when, trained_on(workspace), dry_run=dry_run)
    descriptions = [chore.sentence for chore in done]
    if done and not dry_run:
        entry = UpkeepEntry(
            name=now.isoformat(timespec="seconds"),
            night=when.night,
            time=now,
            reason="; ".join(descriptions),
        )
        append_entry(workspace.lake, workspace.project, entry)
    return {"action": "looked" if dry_run else "done", "done": descriptions}


def trained_on(workspace: Workspace) -> dict[str, list[int]]:
    """Return the commits of each table that the project's registered models were trained on."""
    found: dict[str, list[int]] = {}
    for version in workspace.registry.versions(workspace.project):
        try:
            files = workspace.registry.fetch(version)
        except EvidenceError as error:  # a version that does not verify is never trained again
            logger().warning(line("version_not_verified", version=version.number, why=error))
            continue
        for table, commit in json.loads(files["training.json"])["lake_commits"].items():
            if commit is not None:
                found.setdefault(table, []).append(int(commit))
    return found
