"""One run at a time works on a project; nights that were missed come before tonight's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from flows.steps.decide_night import NightOutcome, missed_looks
from flows.steps.publish import name_run
from flows.steps.recorded_spec import record_spec, require_agreement, require_own_name
from flows.workspace import Workspace
from tasks import clock
from tasks.lake import NIGHT_LEASE, acquire_lease
from tasks.logs import line, logger
from tasks.metrics_export import RunTiming, due_after, failed_night, ingested_night, night_facts
from tasks.metrics_export.task import room_timer, with_machine_facts, write_metrics

CAUGHT_UP = "missed, caught up"
Work: TypeAlias = Callable[[Workspace, date, str], NightOutcome]


def run_exclusively(
    workspace: Workspace, asked: date | None, reason: str, work: Work, *, catch_up: bool
) -> dict[str, Any]:
    """Do a night's work under the project's lease, and name the run in Prefect after the outcome.

    Parameters
    ----------
    asked : date, optional
        The night; tonight in the project's time zone when left out.
    work : callable
        From the workspace, a night and the reason of the run to the outcome.
    catch_up : bool
        Whether nights that were missed are run first, when no night is asked for.
    """
    night = asked or clock.tonight(workspace.spec.schedule.time_zone)
    require_own_name(workspace)
    with acquire_lease(workspace.lake, workspace.project, NIGHT_LEASE) as lease:
        leased = workspace.with_lease(lease)
        require_own_name(leased)
        record_spec(leased, night)
        require_agreement(leased)
        for missed in missed_looks(leased, night) if catch_up and asked is None else []:
            logger().warning(line("night_caught_up", night=missed))
            _measured(leased, missed, CAUGHT_UP, work)
        summary = _measured(leased, night, reason, work)
    name_run(f"{workspace.project} {night}: {summary['action']}")
    return summary


def _measured(workspace: Workspace, night: date, reason: str, work: Work) -> dict[str, Any]:
    """Do a night's work, and export metrics of the attempt for Prometheus, however it ends."""
    begun = clock.now()
    with room_timer() as seconds:
        try:
            outcome = work(workspace, night, reason)
        except BaseException as error:
            write_metrics(workspace.home, failed_night(workspace.project, error, begun))
            raise
    ended = clock.now()
    attempt, due = RunTiming(begun, ended, seconds), due_after(workspace.spec.schedule, ended)
    trained_until = outcome.champion.trained_until if outcome.champion else None
    facts = (
        ingested_night(workspace.project, *_counts(outcome.summary), attempt, due)
        if outcome.entry is None
        else night_facts(workspace.project, outcome.entry, outcome.record, attempt, trained_until, due)
    )
    write_metrics(workspace.home, with_machine_facts(facts, workspace.lake, workspace.home))
    return outcome.summary


def _counts(summary: Mapping[str, Any]) -> tuple[int, int]:
    """Return the accepted and the refused rows of a night that took in."""
    return summary["rows_in"] - summary["refused"], summary["refused"]
