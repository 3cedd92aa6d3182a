"""From specs to Prefect: deployments/prefect.yaml is generated, then deployed with Prefect's own command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import Unreachable
from tasks.spec import ProjectSpec

POOL = "leeway"
# A night or a retraining waits for the one before it; a look that is late is made by the next one.
COLLISIONS = {
    "nightly": "ENQUEUE",
    "monitor": "ENQUEUE",
    "retrain": "ENQUEUE",
    "promote": "CANCEL_NEW",
    "upkeep": "CANCEL_NEW",
}
SCHEDULED = "scheduled"
REASONED = {"nightly", "monitor"}  # flows that are told why they run
HEADER = """\
# Generated from the project specs (`make generated`); deploy it with
#   prefect deploy --all --prefect-file deployments/prefect.yaml
"""


def prefect_yaml(specs: list[ProjectSpec], *, scheduled: bool = True) -> str:
    """Return the deployments of all projects: what runs by schedule, and what on demand.

    Entrypoints are modules of this package, so that helpers import on any worker; nothing is pulled.
    """
    deployments = [
        each
        for spec in sorted(specs, key=lambda spec: spec.project)
        for each in _deployments(spec, scheduled=scheduled)
    ]
    whole = {"name": "leeway", "pull": [], "deployments": deployments}
    return HEADER + yaml.dump(whole, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


def deploy(specs: list[ProjectSpec], where: Path, *, scheduled: bool = True) -> None:
    """Create the work pool if there is none and deploy everything; doing it again changes nothing.

    Parameters
    ----------
    where : Path
        A folder to write the file to.
    scheduled : bool
        Whether schedules are active; where no worker waits, runs would only pile up as late.

    Raises
    ------
    Unreachable
        When Prefect's command fails, with its last words.
    """
    where.mkdir(parents=True, exist_ok=True)
    path = where / "prefect.yaml"
    path.write_text(prefect_yaml(specs, scheduled=scheduled), encoding="utf-8")
    if not _pool_exists():
        _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(path))


def _pool_exists() -> bool:
    """Ask the server; the command that creates a pool brings its job template, but takes seconds to start."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            return False
    return True


def _prefect(*words: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "prefect"), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_CLI_COLORS": "false"},
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise Unreachable(
            f"`prefect {' '.join(words[:3])}` failed against {os.environ.get('PREFECT_API_URL')}:\n{tail}"
        )


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: a person reads each deployment by itself, without anchors."""

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
        ("nightly", "Take in, check, score, measure and decide one night.", schedule.nightly),
        ("monitor", "Measure how far the model has drifted, and decide what to do.", schedule.monitoring),
        ("promote", "Look for approvals set in MLflow and carry them out.", schedule.promote),
        ("retrain", "Train, prove and put up a challenger.", None),
        (
            "upkeep",
            "Compact the project's tables; remove what nothing counts and what is past its retention.",
            schedule.upkeep,
        ),
    ]
    return [
        {
            "name": spec.project,
            "entrypoint": f"flows.{kind}.{kind}",
            "description": f"{text} {spec.scope.objective}",
            **common,
            "concurrency_limit": {"limit": 1, "collision_strategy": COLLISIONS[kind]},
            "schedules": [_schedule(kind, cron, schedule.time_zone, active=scheduled)] if cron else [],
        }
        for kind, text, cron in kinds
    ]


def _schedule(kind: str, cron: str, time_zone: str, *, active: bool) -> dict[str, Any]:
    """Return a schedule; its nights say so in the record, where a run somebody started says what that person wrote."""
    reason = {"parameters": {"reason": SCHEDULED}} if kind in REASONED else {}
    return {"cron": cron, "timezone": time_zone, "active": active, **reason}
