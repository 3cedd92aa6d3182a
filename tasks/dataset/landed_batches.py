"""Which deliveries a decision is about, and which of all deliveries bring rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.records import Entry, nights_of
from tasks.serving_store.logged_rows import is_served
from tasks.spec import ProjectSpec


def landed_batches(deliveries: Deliveries, record: Sequence[Entry], night: date, spec: ProjectSpec) -> list[Batch]:
    """Return what a decision is about: what the night took in or, with a schedule for monitoring, all since the last.

    Parameters
    ----------
    record : sequence of Entry
        The decision record before this decision.
    """
    if spec.schedule.monitoring is None:
        return deliveries.of(night)
    last = max((entry.night for entry in nights_of(record) if entry.night < night), default=date.min)
    return [batch for batch in deliveries.latest() if last < batch.night <= night]


def judged_nights(deliveries: Deliveries, record: Sequence[Entry], night: date, spec: ProjectSpec) -> tuple[date, ...]:
    """Return the nights of the deliveries that a decision judges one by one: the night, and those before it."""
    return tuple(sorted({night, *(batch.night for batch in landed_batches(deliveries, record, night, spec))}))


def row_deliveries(deliveries: Deliveries, until: date) -> list[Batch]:
    """Return the deliveries of rows that count up to a night, in order of arrival.

    What was superseded since does not count. Rows that the prediction service has answered do not either: requests are
    not cut off and do not stop, they are not made; and they hide no feed that stopped.
    """
    return [
        batch
        for batch in deliveries.latest()
        if batch.kind == "rows"
        and not is_served(batch.kind, batch.key)
        and batch.night <= until
        and batch.verdict != SUPERSEDED
    ]
