"""Generate deployments/prefect.yaml from the specs, and deploy it with Prefect's own command."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import Error, Unreachable
from tasks.spec import ProjectSpec, read_spec
from tasks.spec.find_project import FILE
from tasks.spec.project_spec import Schedule
from tasks.whole_file import write_whole

POOL = "leeway"
EVERY_MINUTE = Schedule().promote
POLLED = ("promote", EVERY_MINUTE)
"""What the poll of all projects starts, so that a schedule of its own is off."""
# A night or a retraining waits for the one before it; a poll that is still running makes the next one unnecessary.
COLLISIONS = {
    "nightly": "ENQUEUE",
    "monitor": "ENQUEUE",
    "retrain": "ENQUEUE",
    "promote": "CANCEL_NEW",
    "upkeep": "CANCEL_NEW",
}
ALL = "all"
"""The name of the deployment that looks for answers of people in all projects."""
SCHEDULED = "scheduled"
WITH_REASON = {"nightly", "monitor"}  # flows with the parameter `reason`
HEADER = """\
# Generated from the project specs by `leeway init` and `leeway up`. `leeway up` deploys it; with other servers, run
#   prefect deploy --all
# in this folder: Prefect imports from the current folder first, and another may have a package `flows` of its own.
"""
GENERATED = HEADER.partition(" by ")[0]


def prefect_yaml(specs: list[ProjectSpec], *, scheduled: bool = True) -> str:
    """Return the deployments of all projects, those with a schedule and those that run on demand.

    Entrypoints are modules of this package, so that helpers can be imported on any worker; there is no pull step.
    """
    deployments = [
        deployment
        for spec in sorted(specs, key=lambda spec: spec.project)
        for deployment in _deployments(spec, scheduled=scheduled)
    ]
    if specs:
        deployments.append(_poll(scheduled=scheduled))
    whole = {"name": "leeway", "pull": [], "deployments": deployments}
    return HEADER + yaml.dump(whole, Dumper=_NoAliasDumper, sort_keys=False, width=120, allow_unicode=True)


def refresh_prefect_yaml(projects: Path) -> None:
    """Write prefect.yaml into a folder of projects, with the deployments of those that have a valid spec.

    A file of that name that Leeway did not generate is left as it is.
    """
    path, specs = projects / "prefect.yaml", []
    for spec_path in sorted(projects.glob(f"*/{FILE}")):
        with suppress(Error):  # `leeway up` and `leeway check` say what is wrong
            specs.append(read_spec(spec_path))
    before, text = path.read_text(encoding="utf-8") if path.exists() else GENERATED, prefect_yaml(specs)
    if before.startswith(GENERATED) and before != text:
        write_whole(path, text.encode(), 0o644)


def entrypoint(kind: str) -> str:
    """Return the import path of a flow.

    >>> entrypoint("nightly")
    'flows.nightly.nightly'
    """
    return f"flows.{kind}.{kind}"


def deploy(specs: list[ProjectSpec], where: Path, *, scheduled: bool = True) -> None:
    """Create the work pool if there is none, and deploy everything; a repeated call changes nothing.

    Parameters
    ----------
    where : Path
        The folder in which prefect.yaml is written.
    scheduled : bool
        Whether schedules are active; without a worker, scheduled runs would only pile up as late.

    Raises
    ------
    Unreachable
        When Prefect's command fails, with the last lines of its output.
    """
    where.mkdir(parents=True, exist_ok=True)
    (where / "prefect.yaml").write_text(prefect_yaml(specs, scheduled=scheduled), encoding="utf-8")
    if not _pool_exists():
        _prefect(where, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect(where, "--no-prompt", "deploy", "--all")
    _remove_schedules(specs)


def _remove_schedules(specs: list[ProjectSpec]) -> None:
    """Remove the schedules that specs no longer have: Prefect keeps those of a deployment without any."""
    from prefect import get_client

    without = [spec.project for spec in specs if spec.schedule.monitoring is None]
    with get_client(sync_client=True) as client:
        for project in without:
            deployment = client.read_deployment_by_name(f"monitor/{project}")
            for schedule in deployment.schedules:
                client.delete_deployment_schedule(deployment.id, schedule.id)


def remove_deployments(project: str) -> None:
    """Remove the deployments of a project that has another name now; `leeway up` deploys it under that one."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        for kind in COLLISIONS:
            with suppress(ObjectNotFound):
                client.delete_deployment(client.read_deployment_by_name(f"{kind}/{project}").id)


def _pool_exists() -> bool:
    """Return whether the work pool exists; asking the server is faster than running `prefect work-pool create`."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            return False
    return True


def _prefect(where: Path, *arguments: str) -> None:
    """Run Prefect's own command in a folder without packages: it imports from there first."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "prefect", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=where,
        env={**os.environ, "PREFECT_CLI_COLORS": "false"},
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise Unreachable(
            f"`prefect {' '.join(arguments[:3])}` failed against {os.environ.get('PREFECT_API_URL')}:\n{tail}"
        )


class _NoAliasDumper(yaml.SafeDumper):
    """Writes repeated values in full, without anchors, so that each deployment can be read by itself."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _deployments(spec: ProjectSpec, *, scheduled: bool) -> list[dict[str, Any]]:
    schedule = spec.schedule
    common = {
        "version": None,
        "tags": [spec.project],
        "work_pool": {"name": POOL},
        "parameters": {"project": spec.project},
    }
    kinds = [
        ("nightly", "Ingest, validate, score, measure drift and decide one night.", schedule.nightly),
        ("monitor", "Measure drift and decide what to do.", schedule.monitoring),
        ("promote", "Carry out the approvals and rejections set in MLflow.", schedule.promote),
        ("retrain", "Train a challenger, compare it with the champion, and register it for approval.", None),
        ("upkeep", "Compact the tables; remove unused files and rows past their retention.", schedule.upkeep),
    ]
    return [
        {
            "name": spec.project,
            "entrypoint": entrypoint(kind),
            "description": f"{text} {spec.scope.objective}",
            **common,
            "concurrency_limit": {"limit": 1, "collision_strategy": COLLISIONS[kind]},
            "schedules": [_schedule(kind, cron, schedule.time_zone, active=active)] if cron else [],
        }
        for kind, text, cron in kinds
        for active in [scheduled and (kind, cron) != POLLED]
    ]


def _poll(*, scheduled: bool) -> dict[str, Any]:
    """Return the deployment that starts `promote` of each project with answers and no schedule of its own for it."""
    kind = "promotions"
    return {
        "name": ALL,
        "entrypoint": entrypoint(kind),
        "description": "Look for answers of people in MLflow, of all projects, and start promote where there is one.",
        "version": None,
        "tags": ["leeway"],
        "work_pool": {"name": POOL},
        "parameters": {},
        "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "schedules": [_schedule(kind, EVERY_MINUTE, "UTC", active=scheduled)],
    }


def _schedule(kind: str, cron: str, time_zone: str, *, active: bool) -> dict[str, Any]:
    """Return a schedule; the reason of a scheduled night is recorded, as is that of a run started by a person."""
    reason = {"parameters": {"reason": SCHEDULED}} if kind in WITH_REASON else {}
    return {"cron": cron, "timezone": time_zone, "active": active, **reason}
