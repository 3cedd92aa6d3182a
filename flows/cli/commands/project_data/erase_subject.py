"""Erasure: everything that is stored of a subject is removed, and recorded without a value of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

import numpy as np
import pandas as pd

from flows.steps.publish import SHOWING_ROWS
from tasks.arrays import BoolArray
from tasks.dataset.erasure_subject import Subject
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.errors import DataError
from tasks.lake import Batch, Deliveries, Lake, append_entry, deliveries, forget_history, read_entries
from tasks.records import RetrainingEntry, UpkeepEntry
from tasks.score import Answers, AnswerTable, DeltaAnswers
from tasks.score.erased_answers import erase_answers
from tasks.spec import ProjectSpec
from tasks.upkeep.erasure import FORGOTTEN, ErasurePlan
from tasks.upkeep.erasure_record import PLAN, SUBJECT, begun_plan
from tasks.upkeep.task import erase_stored, require_erasable
from tasks.validate.acceptance.erased_findings import correct_findings, withdraw_refused_labels
from tasks.validate.acceptance.reconcile import AmendedBatch, contained
from tasks.validate.acceptance.subject_rows import StoredSubject, stored_subject
from tasks.validate.acceptance.without_subject import amended_without, write_quarantined, write_without
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
    answers: Answers | None,
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
        An erasure of another subject was interrupted, and must be finished first; or this one could not be finished.
    """
    project, subject = spec.project, request.subject
    for table in FORGOTTEN:  # a run that was paused past its lease brings nothing back
        lake.claim(project, table)
    found = stored_subject(lake, spec, subject)
    amended = amended_without(lake, spec, subject, found)
    require_erasable(lake, spec, subject, found)
    plan = _plan(lake, spec, request, found, amended)
    if erase_waiting is not None:
        erase_waiting(found.row_ids)
    write_without(lake, spec, amended, request.moment)
    write_quarantined(lake, project, plan.left, request.moment)
    own = partial(_own_answers, spec, subject, found)
    if isinstance(answers, AnswerTable | DeltaAnswers):
        answers.erase(own, plan.moved)
    elif answers is not None:
        erase_answers(answers, deliveries(lake, project), own, plan.moved)
    correct_findings(lake, spec, subject, found)
    withdraw_refused_labels(lake, spec, found)
    erase_stored(lake, spec, subject, found)
    keep_latest_values(lake, spec, {table.name for table in spec.features.tables})
    for shown in SHOWING_ROWS:
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


def _own_answers(
    spec: ProjectSpec, subject: Subject, found: StoredSubject, batch_id: str, row_ids: pd.Series
) -> BoolArray:
    """Return which answers of a batch are those of a subject."""
    if subject.labels_only:
        return np.zeros(len(row_ids), dtype=bool)
    rows = pd.DataFrame({"row_id": row_ids, "batch_id": batch_id})
    return subject.in_rows(rows, spec) | contained(row_ids, found.ids)


def _plan(
    lake: Lake, spec: ProjectSpec, request: ErasureRequest, found: StoredSubject, amended: Sequence[AmendedBatch]
) -> ErasurePlan:
    """Return the plan of this erasure: the one that was stored when it began, or a new one; it is stored.

    A night that came after an interruption may have taken in more: what is found of it now is added.
    """
    project, begun, known = spec.project, begun_plan(lake, spec.project), deliveries(lake, spec.project)
    if begun is not None:
        if begun.digest != request.subject.digest(begun.salt):
            raise DataError(
                f"an erasure of {project} that began at {begun.name} was interrupted; expected the same ids, column "
                "and options again, to finish it first"
            )
        left, moved = {**_left(known, found), **begun.left}, {**begun.moved, **_moved(known, amended)}
        resumed = replace(begun, left=left, moved=moved)
        if resumed != begun:
            lake.put(project, PLAN, resumed.to_bytes())
        return resumed
    salt = secrets.token_hex(16)
    plan = ErasurePlan(
        name=request.moment.isoformat(timespec="seconds"),
        salt=salt,
        digest=request.subject.digest(salt),
        counts=found.counts,
        left=_left(known, found),
        versions=_versions(lake, spec, [batch for batch in known.revisions if batch.batch_id in found.stored]),
        batch_ids=tuple(sorted(request.subject.batch_ids)),
        unclear=found.unclear,
        moved=_moved(known, amended),
    )
    lake.put(project, PLAN, plan.to_bytes())
    return plan


def _moved(known: Deliveries, amended: Sequence[AmendedBatch]) -> dict[str, Sequence[int]]:
    """Return the bases of batches of rows that are written again: before and after."""
    before = {batch.batch_id: batch.base for batch in known.latest()}
    states = [one.batch for one in amended if one.batch.kind == "rows"]
    return {batch.batch_id: [before[batch.batch_id], batch.base] for batch in states}


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
