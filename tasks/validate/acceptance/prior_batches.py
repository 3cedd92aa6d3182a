"""Which earlier batches a delivery may affect, by what is known about the batches themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd

from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.records import ValidatedDelivery

CORRECTABLE_DAYS = 92


def affected_batches(known: Deliveries, delivery: ValidatedDelivery) -> tuple[list[Batch], set[str]]:
    """Return the other batches of a delivery's kind that count, and the ids of those that it affects in any case.

    These are the batches of the same key, and quarantined ones of the last `CORRECTABLE_DAYS` days.
    """
    landed = delivery.landed
    others = [
        batch
        for batch in known.latest()
        if batch.kind == landed.kind and batch.batch_id != delivery.batch_id and batch.verdict != SUPERSEDED
    ]
    oldest = landed.arrival - timedelta(days=CORRECTABLE_DAYS)
    return others, {
        batch.batch_id
        for batch in others
        if batch.key == landed.name or (batch.verdict == "quarantined" and batch.arrival >= oldest)
    }


def overlap(batches: Iterable[Batch], accepted: pd.DataFrame) -> bool:
    """Return whether any batch has rows on the event dates that a delivery spans; most deliveries have newer ones."""
    first, last = event_window(accepted, None)
    spans = [(batch.event_from, batch.event_until) for batch in batches]
    return any(start and end and first and last and start <= last and first <= end for start, end in spans)


def event_window(rows: pd.DataFrame, batch: Batch | None) -> tuple[date | None, date | None]:
    """Return the first and the last event date of some rows, and of a batch as it was before."""
    days = [*rows["event_date"].unique()] if "event_date" in rows else []
    if batch is not None:
        days += [day for day in (batch.event_from, batch.event_until) if day is not None]
    return min(days, default=None), max(days, default=None)
