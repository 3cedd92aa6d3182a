"""Which earlier batches a delivery may concern, by what is known of the batches themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd

from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.records import Landed

HEALED_WITHIN_DAYS = 92


def concerned(known: Deliveries, landed: Landed, batch_id: str) -> tuple[list[Batch], set[str]]:
    """Return the other batches of a delivery's kind that count, and the ids of those it concerns in any case.

    These are batches of the same key, and quarantined ones of the last `HEALED_WITHIN_DAYS` days.
    """
    others = [
        batch
        for batch in known.latest()
        if batch.kind == landed.kind and batch.batch_id != batch_id and batch.verdict != SUPERSEDED
    ]
    oldest = landed.arrival - timedelta(days=HEALED_WITHIN_DAYS)
    return others, {
        batch.batch_id
        for batch in others
        if batch.key == landed.name or (batch.verdict == "quarantined" and batch.arrival >= oldest)
    }


def overlap(batches: Iterable[Batch], accepted: pd.DataFrame) -> bool:
    """Tell whether any batch has rows of the event dates that a delivery spans; most deliveries are of newer ones."""
    first, last = event_window(accepted, None)
    spans = [(batch.event_from, batch.event_until) for batch in batches]
    return any(start and end and first and last and start <= last and first <= end for start, end in spans)


def event_window(rows: pd.DataFrame, before: Batch | None) -> tuple[date | None, date | None]:
    """Return the event dates a batch spans, those it spanned before included."""
    days = [*rows["event_date"].unique()] if "event_date" in rows else []
    if before is not None:
        days += [day for day in (before.event_from, before.event_until) if day is not None]
    return min(days, default=None), max(days, default=None)
