"""The steps of a rollout: recorded once, by the service or by a person, and announced after that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from flows.steps.events import emit_event
from flows.workspace import Workspace
from tasks.arrays import FloatArray
from tasks.lake import read_entries
from tasks.notify.task import send_notifications_task
from tasks.promote import StepTime, rollout_entry_name
from tasks.records import Entry, RolloutEntry, rollouts
from tasks.registry import Version
from tasks.registry.mlflow_names import ROLLOUT
from tasks.rollout import NOTHING_SEEN, RolloutStage, RolloutSums, RolloutTerms, RolloutVerdict, harm, judge

LONGEST_TAG = 500


def next_step(
    last: RolloutEntry, verdict: RolloutVerdict, moment: StepTime, by: str = "leeway", seen: RolloutSums = NOTHING_SEEN
) -> RolloutEntry:
    """Return the entry of the step that follows on the last one; of two with the same number, the record has one."""
    stage = last.stage + 1
    return replace(
        last,
        name=rollout_entry_name(last.version, last.digest, stage),
        night=moment.night,
        time=moment.time,
        action=verdict.outcome,
        reason=verdict.reason,
        actor=by,
        stage=stage,
        share=verdict.share,
        seen=seen.to_dict(),
    )


def what_follows(last: RolloutEntry, terms: RolloutTerms, sums: RolloutSums, now: datetime) -> RolloutVerdict | None:
    """Return the step that follows on the last one; None if it lasts.

    While a person is asked, and until a finished candidate is champion, only harm ends the rollout.
    """
    if last.action == "advanced":
        return judge(terms, RolloutStage(last.share, hours_since(last, now)), sums)
    found = harm(terms, sums)
    return None if found is None else RolloutVerdict("rolled_back", 0.0, found)


def starts_after(last: RolloutEntry) -> tuple[FloatArray, ...]:
    """Return the wealth at the beginning of each stage so far after the first one, by the record."""
    return RolloutSums.from_dict(last.seen).next_starts if last.seen else ()


def hours_since(last: RolloutEntry, now: datetime) -> float:
    """Return the hours since a step."""
    return (now - last.time).total_seconds() / 3600


def announce_rollouts(workspace: Workspace, versions: Sequence[Version]) -> None:
    """Show each step of a rollout in MLflow, emit its event, and send notifications.

    The prediction service records the steps. The tag has the number of the last one that was announced: after a crash,
    the next run announces what follows.
    """
    entries = read_entries(workspace.lake, workspace.project)
    for step, number in unannounced(entries, versions):
        _announce(workspace, step, number, entries)


def unannounced(entries: Sequence[Entry], versions: Sequence[Version]) -> Iterator[tuple[RolloutEntry, int]]:
    """Yield the steps of rollouts that MLflow does not show yet, with the number of their version."""
    newest = {steps[-1].subject: steps for steps in rollouts(entries)}
    for version in versions:
        shown = version.tags.get(ROLLOUT, "").partition(":")[0]
        announced = int(shown) if shown.isdecimal() else -1
        for step in newest.get(f"version {version.number}", ()):
            if step.stage > announced:
                yield step, version.number


def _announce(workspace: Workspace, step: RolloutEntry, number: int, entries: Sequence[Entry]) -> None:
    facts = {"night": step.night.isoformat(), "version": step.subject, "share": str(step.share), "what": step.reason}
    emit_event(workspace.project, f"rollout.{step.action}", facts)
    send_notifications_task(workspace.lake, workspace.spec, step, entries)
    text = f"{step.stage}: {step.action}, {100 * step.share:g} % of the requests; {step.reason}"[:LONGEST_TAG]
    workspace.registry.set_tag(workspace.project, number, ROLLOUT, text)
