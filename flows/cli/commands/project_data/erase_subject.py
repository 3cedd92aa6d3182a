"""Erasure: everything that is stored of a subject is removed, and recorded without a value of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flows.steps.publish import VALIDATION
from tasks.dataset.erasure_subject import Subject
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.errors import DataError
from tasks.lake import Batch, Deliveries, Lake, append_entry, deliveries, forget_history, read_entries
from tasks.records import RetrainingEntry, UpkeepEntry
from tasks.score import AnswerFiles
from tasks.spec import ProjectSpec
from tasks.upkeep.erasure import FORGOTTEN, ErasurePlan
from tasks.upkeep.task import erase_stored
from tasks.validate.acceptance.subject_rows import (
    StoredSubject,
    stored_subject,
    write_quarantined,
    write_without,
)
from tasks.validate.task import RELEASED

PLAN = "erasure.json"
SUBJECT = "erasure"
"""The subject of an entry of the decision record that is about an erasure."""


@dataclass(frozen=True)
class ErasureRequest:
    """What is erased, who asks for it, when and why."""

    subject: Subject
    actor: str
    reason: str
    night: date
    moment: datetime


def erase(lake: Lake, spec: ProjectSpec, request: ErasureRequest, answers: AnswerFiles | None) -> ErasurePlan:
    """Erase a subject from the lake and the answer files; return what was done.

    The lease of the project is held meanwhile. It may be interrupted at any point: the same request, made again,
    finishes it, and is recorded once.

    Raises
    ------
    DataError
        An erasure of another subject was interrupted, and must be finished first.
    """
    project, subject = spec.project, request.subject
    found = stored_subject(lake, spec, subject)
    plan = _plan(lake, spec, request, found)
    write_without(lake, spec, subject, found, request.moment)
    write_quarantined(lake, project, plan.left, request.moment)
    erase_stored(lake, spec, subject, found)
    if answers is not None:
        answers.remove_replaced(deliveries(lake, project))
    keep_latest_values(lake, spec, {table.name for table in spec.features.tables})
    lake.discard(project, VALIDATION)  # it quotes rows of the last night; the next one writes it again
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
    project, content = spec.project, lake.get(spec.project, PLAN)
    if content is not None:
        begun = ErasurePlan.from_bytes(content)
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
        versions=_versions(lake, spec, [batch for batch in known.latest() if batch.batch_id in found.counted]),
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
    """Return the versions that were registered since the first of some batches was taken in."""
    since = min((batch.time for batch in batches), default=None)
    if since is None:
        return ()
    retrainings = read_entries(lake, spec.project, "retraining")
    return tuple(
        entry.subject
        for entry in retrainings
        if isinstance(entry, RetrainingEntry) and entry.action == "registered" and entry.time >= since
    )
