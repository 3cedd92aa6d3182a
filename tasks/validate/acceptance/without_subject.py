"""The deliveries of a subject that is erased, written again without it.

The rest of each delivery is its next revision, as after a correction, so profiles, answers and counts follow it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd

from tasks.arrays import BoolArray
from tasks.dataset.erasure_subject import Subject
from tasks.lake import Batch, Deliveries, Filter, Lake, active_rows, add_batches, deliveries
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.accepted_writes import with_unused_revision, write_amended
from tasks.validate.acceptance.reconcile import AmendedBatch, PriorBatch, contained, without_rows
from tasks.validate.acceptance.stored_rows import accepted_rows
from tasks.validate.acceptance.subject_rows import StoredSubject, own_values


def amended_without(lake: Lake, spec: ProjectSpec, subject: Subject, found: StoredSubject) -> list[AmendedBatch]:
    """Return the batches with accepted rows, labels or values of a subject without these; nothing is written."""
    known = deliveries(lake, spec.project)
    amended = []
    for batch in known.latest():
        if batch.batch_id not in found.counted:
            continue
        rows = _accepted(lake, spec, known, batch)
        own = _own_accepted(rows.assign(batch_id=batch.batch_id), batch, subject, spec, found)
        if own.any():
            one = _without(PriorBatch(batch, rows), own, subject, spec)
            amended.append(with_unused_revision(lake, spec, one))
    return amended


def write_without(lake: Lake, spec: ProjectSpec, amended: Sequence[AmendedBatch], moment: datetime) -> None:
    """Write batches again without a subject."""
    write_amended(lake, spec, amended)
    add_batches(lake, spec.project, [replace(one.batch, written_at=moment) for one in amended])


def _accepted(lake: Lake, spec: ProjectSpec, known: Deliveries, batch: Batch) -> pd.DataFrame:
    if batch.kind != "features":
        return accepted_rows(lake, spec, known, batch)
    where: list[Filter] = [("batch_id", "=", batch.batch_id)]
    values = active_rows(lake, spec.project, "features", known, where=where)
    return values.drop(columns=["batch_id", "revision", "arrival"])


def _own_accepted(
    rows: pd.DataFrame, batch: Batch, subject: Subject, spec: ProjectSpec, found: StoredSubject
) -> BoolArray:
    if batch.kind == "features":
        return own_values(rows, subject, spec, found.ids)
    return subject.in_rows(rows, spec) | contained(rows["row_id"], found.ids)


def _without(prior: PriorBatch, own: BoolArray, subject: Subject, spec: ProjectSpec) -> AmendedBatch:
    """Return a batch without rows, or without the labels of rows that are delivered with them."""
    if not subject.labels_only or prior.batch.kind != "rows":
        return without_rows(prior, own)
    column, batch = spec.source.label.column, prior.batch
    rows = prior.rows.assign(**{column: prior.rows[column].where(~own)})
    again = replace(batch, revision=batch.revision + 1, base=batch.revision + 1)
    return AmendedBatch(replace(again, labels=int(rows[column].notna().sum())), rows)


def write_quarantined(lake: Lake, project: str, left: Mapping[str, int], moment: datetime) -> None:
    """Write the states of batches with fewer quarantined rows.

    Parameters
    ----------
    left : mapping of str to int
        How many quarantined rows each batch has in the end.
    """
    states = []
    for batch in deliveries(lake, project).latest():
        gone = batch.rows_quarantined - left.get(batch.batch_id, batch.rows_quarantined)
        if gone > 0:
            fewer = replace(batch, rows_quarantined=batch.rows_quarantined - gone)
            again = replace(fewer, revision=batch.revision + 1, rows_elsewhere=batch.rows_elsewhere + gone)
            states.append(replace(again, written_at=moment))
    add_batches(lake, project, states)
