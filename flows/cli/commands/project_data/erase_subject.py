"""Erasure: everything that is stored of a subject is removed, and recorded without a value of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime

from flows.steps.publish import REPORT, VALIDATION
from tasks.dataset.erasure_subject import Subject
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.errors import DataError
from tasks.lake import Batch, Deliveries, Lake, append_entry, deliveries, forget_history, read_entries
from tasks.records import RetrainingEntry, UpkeepEntry
from tasks.score import AnswerFiles
from tasks.score.task import replace_files
from tasks.spec import ProjectSpec
from tasks.upkeep.erasure import FORGOTTEN, ErasurePlan
from tasks.upkeep.erasure_record import PLAN, SUBJECT, begun_plan
from tasks.upkeep.task import erase_stored
from tasks.validate.acceptance.subject_rows import (
    StoredSubject,
    stored_subject,
    write_quarantined,
    write_without,
)
from tasks.validate.task import RELEASED


@dataclass(frozen=True)
class ErasureRequest:
    """What is erased, who asks for it, when and why."""

    subject: Subject
    actor: str
    reason: str
    night: date
    moment: datetime


def erase(
    lake: Lake,
    spec: ProjectSpec,
    request: ErasureRequest,
    answers: AnswerFiles | None,
    erase_waiting: Callable[[AbstractSet[str]], None] | None = None,
) -> ErasurePlan:
    """Erase a subject from the lake and the answer files; return what was done.

    The lease of the project is held meanwhile. It may be interrupted at any point: the same request, made again,
    finishes it, and is recorded once.

    Parameters
    ----------
    erase_waiting : callable, optional
        Erases what has not landed yet, given the ids of the stored rows; called while they can still be found.

    Raises
    ------
    DataError
        An erasure of another subject was interrupted, and must be finished first.
    """
    project, subject = spec.project, request.subject
    found = stored_subject(lake, spec, subject)
    plan = _plan(lake, spec, request, found)
    if erase_waiting is not None:
        erase_waiting(found.row_ids)
    write_without(lake, spec, subject, found, request.moment)
    write_quarantined(lake, project, plan.left, request.moment)
    erase_stored(lake, spec, subject, found)
    if answers is not None:
        replace_files(lake, project, answers)
    keep_latest_values(lake, spec, {table.name for table in spec.features.tables})
    for shown in (VALIDATION, REPORT):  # they quote rows; the next night writes them again
        lake.discard(project, shown)
    for table in found.former_tables:
        lake.discard(project, f"latest-{table}.parquet")
    for table in FORGOTTEN:
        forget_history(lake, project, table)
    entry = UpkeepEntry(
        name=plan.name,
        night=request.night,
        time=request.moment,
        subject=SUBJECT,
        actor=request.actor,
        reason=f"{plan.sentence}; {request.reason}",
    )
    append_entry(lake, project, entry)
    lake.discard(project, PLAN)
    return plan


def _plan(lake: Lake, spec: ProjectSpec, request: ErasureRequest, found: StoredSubject) -> ErasurePlan:
    """Return the plan of this erasure: the one that was stored when it began, or a new one, which is stored."""
    project, begun = spec.project, begun_plan(lake, spec.project)
    if begun is not None:
        if begun.digest != request.subject.digest(begun.salt):
            raise DataError(
                f"an erasure of {project} that began at {begun.name} was interrupted; expected the same ids, column "
                "and options again, to finish it first"
            )
        return begun
    salt, known = secrets.token_hex(16), deliveries(lake, project)
    plan = ErasurePlan(
        name=request.moment.isoformat(timespec="seconds"),
        salt=salt,
        digest=request.subject.digest(salt),
        counts=found.counts,
        left=_left(known, found),
        versions=_versions(lake, spec, [batch for batch in known.revisions if batch.batch_id in found.stored]),
        batch_ids=tuple(sorted(request.subject.batch_ids)),
        unclear=found.unclear,
    )
    lake.put(project, PLAN, plan.to_bytes())
    return plan


def _left(known: Deliveries, found: StoredSubject) -> dict[str, int]:
    """Return how many quarantined rows each batch has in the end; what was released is counted with the accepted."""
    left = {}
    for batch_id, rows in found.quarantined.items():
        batch = known.get(batch_id)
        if batch is not None:
            released = found.accepted[batch_id] if batch.verdict == RELEASED else 0
            left[batch_id] = max(0, batch.rows_quarantined - max(0, len(rows) - released))
    return left


def _versions(lake: Lake, spec: ProjectSpec, batches: Sequence[Batch]) -> tuple[str, ...]:
    """Return the versions that were registered since the first of some states of batches."""
    since = min((batch.time for batch in batches), default=None)
    if since is None:
        return ()
    retrainings = read_entries(lake, spec.project, "retraining")
    return tuple(
        entry.subject
        for entry in retrainings
        if isinstance(entry, RetrainingEntry) and entry.action == "registered" and entry.time >= since
    )
