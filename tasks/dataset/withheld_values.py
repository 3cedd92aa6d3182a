"""The days on which rows lack values, because a delivery of a feature table is quarantined: a known gap is no drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.lake import Batch
from tasks.records import COMPARED_DAYS
from tasks.spec import ProjectSpec
from tasks.spec.cells.time_cells import times
from tasks.spec.data_sections import FeatureTable

LOOKED_BACK = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class WithheldValues:
    """What quarantined deliveries of feature tables keep from the rows.

    Parameters
    ----------
    spans : tuple of (date, date)
        The first and the last day of the values of each delivery: rows of these days may lack them.
    columns : frozenset of str
        The columns of their tables.
    """

    spans: tuple[tuple[date, date], ...] = ()
    columns: frozenset[str] = frozenset()

    def explain(self, columns: Sequence[str], day: date) -> bool:
        """Return whether what rows of a day show in some columns may come from values that are withheld.

        >>> gap = WithheldValues(((date(2026, 3, 9), date(2026, 3, 10)),), frozenset({"crp"}))
        >>> [gap.explain(["crp"], date(2026, 3, day)) for day in (9, 11)], gap.explain(["age"], date(2026, 3, 9))
        ([True, False], False)
        """
        within = any(first <= day <= last for first, last in self.spans)
        return within and bool(columns) and self.columns.issuperset(columns)


NOTHING_WITHHELD = WithheldValues()


def withheld_values(
    batches: Iterable[Batch], spec: ProjectSpec, night: date, raw: Callable[[Batch], Iterable[str]]
) -> WithheldValues:
    """Return what deliveries of feature tables that are quarantined as a whole keep from the rows up to a night.

    A gap of more than `COMPARED_DAYS` days is how things are, and is judged as any other rows.

    Parameters
    ----------
    batches : iterable of Batch
        Deliveries in their newest state.
    raw : callable
        From a quarantined batch to its rows as delivered, one JSON object each.
    """
    tables = {table.name: table for table in spec.features.tables}
    spans, columns = [], set[str]()
    for batch in batches:
        table = tables.get(batch.table) if batch.kind == "features" and batch.verdict == "quarantined" else None
        if table is not None and night - LOOKED_BACK <= batch.night <= night:
            span = _days(raw(batch), table, spec.schedule.time_zone)
            spans += [span] if span else []
            columns |= set(table.columns.all) if span else set()
    days = {first + timedelta(days=number) for first, last in spans for number in range((last - first).days + 1)}
    if len(days) > COMPARED_DAYS:
        return NOTHING_WITHHELD
    return WithheldValues(tuple(spans), frozenset(columns))


def _days(raw: Iterable[str], table: FeatureTable, zone: str) -> tuple[date, date] | None:
    """Return the first and last day of rows of a table as delivered; None where no time can be read."""
    cells = [json.loads(text).get(table.event_time) for text in raw]
    days = times(pd.Series(cells, dtype=object), zone, table.time_format).column.dropna().dt.date
    return (min(days), max(days)) if len(days) else None
