"""What needs attention: versions for an answer, batches for a release, nights for a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from tasks.dataset.degree_in_force import fallen_in
from tasks.records import (
    BatchVerdict,
    Entry,
    NightEntry,
    PromotionEntry,
    ReleaseEntry,
    SuspicionState,
    pending_approval,
    running_rollout,
    suspected_in,
)
from tasks.registry.mlflow_names import RAISE_DEGREE
from tasks.render.values import counted
from tasks.report.night_readings import latest_nights
from tasks.report.quality_tables import gap_words
from tasks.spec import ProjectSpec

LISTED = 20


@dataclass(frozen=True, slots=True)
class PendingAction:
    """Something that goes on only when a person acts: what, who, since which night, and how to."""

    what: str
    who: str
    since: date
    how: str


def pending_actions(record: Sequence[Entry], spec: ProjectSpec) -> list[PendingAction]:
    """Return what needs attention, the oldest first."""
    pending = [
        *_first_model(record, spec),
        *_challenger(record, spec),
        *_rollout(record, spec),
        *_asked(record, spec),
        *_groups(record, spec),
        *_coverage(record, spec),
        *_degree(record, spec),
        *_quarantined(record, spec),
    ]
    return sorted(pending, key=lambda action: (action.since, action.what))


def _first_model(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield a project that has had nights, and neither a champion nor a version that waits to become one."""
    nights = latest_nights(record)
    promoted = any(isinstance(entry, PromotionEntry) and entry.action == "promoted" for entry in record)
    if nights and not promoted and pending_approval(record) is None:
        how = f"`leeway run retrain {spec.project}` trains one from at least {spec.training.min_rows:,} labelled rows"
        yield PendingAction("no row is answered, because there is no model yet", spec.scope.owner, nights[0].night, how)


def _challenger(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    challenger = pending_approval(record)
    if challenger is not None:
        who = ", ".join(spec.automation.approvers) or spec.scope.owner
        yield PendingAction(f"{challenger.subject} needs approval", who, challenger.night, challenger.reason)


def _rollout(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    step = running_rollout(record)
    if step is not None and step.action == "started":
        how = f"`leeway serve {spec.project}` rolls it out"
        yield PendingAction(f"the rollout of {step.subject} has not begun", spec.scope.owner, step.night, how)
    elif step is not None and step.action == "doubted":
        how = f"{step.reason}; `leeway rollback {spec.project}` ends it, rollout.strategy at_once promotes the version"
        yield PendingAction(f"the rollout of {step.subject} is in doubt", spec.scope.owner, step.night, how)


def _asked(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield every suspicion without an answer, and a last night that asks about something else."""
    nights, open_ones = latest_nights(record), [state for state in suspected_in(record) if state.unanswered]
    for state in open_ones:
        how = f"{state.evidence}; {_source(state, spec)}`leeway answer {spec.project} {state.answered_as} fault|drift`"
        yield PendingAction(f"broken or drifted: {state.sentence}", spec.scope.owner, state.asked, how)
    if nights and nights[-1].action == "ask" and not any(state.asked == nights[-1].night for state in open_ones):
        yield PendingAction("the last night asks for a look", spec.scope.owner, nights[-1].night, nights[-1].reason)


def _source(state: SuspicionState, spec: ProjectSpec) -> str:
    """Return the feature tables that columns in doubt come from, and what ends it; empty for columns of the rows."""
    tables = [table for table in spec.features.tables if not set(state.columns).isdisjoint(table.columns.all)]
    if not tables or not set(state.columns) <= {name for table in tables for name in table.columns.all}:
        return ""
    names = " and ".join(f"the feature table {table.name!r}" for table in tables)
    return f"it comes from {names}: once that is corrected, the rows are judged again; or "


def _groups(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield that groups differ by more than their limits, with the night since which each night has found that."""
    measured = [night for night in latest_nights(record) if night.fairness]
    past = list(takewhile(lambda night: any(gap.is_past_limit for gap in night.fairness), reversed(measured)))
    if past:
        gaps = [gap for gap in past[0].fairness if gap.is_past_limit]
        what = f"{counted(len(gaps), 'difference')} between groups past fairness.limits"
        how = f"{gap_words(gaps[0])}; `leeway run retrain {spec.project}` trains a version that may differ less"
        yield PendingAction(what, spec.scope.owner, past[-1].night, how)


def _coverage(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield that too few labels are inside their intervals, with the night since which each night has found that."""
    measured = [night for night in latest_nights(record) if night.coverage is not None]
    past = list(takewhile(_too_narrow, reversed(measured)))
    if past:
        what = f"prediction intervals hold too few labels: {_too_narrow(past[0])}"
        how = f"`leeway run retrain {spec.project}` trains a version with new ones"
        yield PendingAction(what, spec.scope.owner, past[-1].night, how)


def _too_narrow(night: NightEntry) -> str:
    """Return the coverage that is past its leeway, of all rows or of the slice that has the smallest; empty if none."""
    if night.coverage is not None and night.coverage.is_past_leeway:
        return night.coverage.sentence
    slices = [one for one in night.slice_coverage if one.coverage.is_past_leeway]
    return min(slices, key=lambda one: one.coverage.value).sentence if slices else ""


def _degree(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield a degree of automation that has fallen, until a person raises it, and more rows than people can decide."""
    fell = fallen_in(record)
    if fell is not None and fell.audit is not None:
        shows = f"`leeway degree {spec.project}` shows the evidence and raises it"
        how = f"{fell.audit.sentence}; {shows}, as does the tag {RAISE_DEGREE} on the page of the champion in MLflow"
        what = f"the degree of automation has fallen to {fell.audit.falls_to}"
        yield PendingAction(what, spec.scope.owner, fell.night, how)
    nights = latest_nights(record)
    if nights and nights[-1].audit is not None and nights[-1].audit.is_overloaded:
        what = "more rows are left to people than they can decide"
        yield PendingAction(what, spec.scope.owner, nights[-1].night, nights[-1].audit.sentence)


def _quarantined(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[PendingAction]:
    """Yield the batches that were quarantined, and neither released nor delivered again since."""
    pending: dict[BatchVerdict, date] = {}
    for entry in record:
        if isinstance(entry, ReleaseEntry):
            pending = {batch: night for batch, night in pending.items() if batch.key != entry.subject}
        elif isinstance(entry, NightEntry):
            settled = {batch.name for batch in entry.batches if batch.verdict != "quarantined"}
            pending = {batch: night for batch, night in pending.items() if batch.name not in settled}
            for batch in entry.batches:
                if batch.verdict == "quarantined":
                    pending.setdefault(batch, entry.night)
    for batch, night in list(pending.items())[-LISTED:]:
        how = f"`leeway release {spec.project} {batch.key}`, or a corrected delivery"
        yield PendingAction(f"quarantined: {batch.name}", spec.scope.owner, night, how)
    if len(pending) > LISTED:
        oldest = min(pending.values())
        yield PendingAction(f"quarantined: {len(pending) - LISTED} more", spec.scope.owner, oldest, "")
