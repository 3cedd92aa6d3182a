"""The days on which rows lack values, because a delivery of a feature table is quarantined: a known gap is no drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import pandas as pd

from tasks.lake import Batch
from tasks.records import COMPARED_DAYS
from tasks.spec import ProjectSpec
from tasks.spec.cells.time_cells import times
from tasks.spec.spec_sections.feature_sections import FeatureTable

LOOKED_BACK = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Gap:
    """The first and the last day on which rows may lack values of a table, and the columns of the table."""

    first: date
    last: date
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class WithheldValues:
    """What quarantined deliveries of feature tables keep from the rows."""

    gaps: tuple[Gap, ...] = ()

    @property
    def spans(self) -> tuple[tuple[date, date], ...]:
        """The first and the last day of each gap."""
        return tuple((gap.first, gap.last) for gap in self.gaps)

    def explain(self, columns: Sequence[str], day: date) -> bool:
        """Return whether what rows of a day show in some columns may come from values that are withheld.

        >>> gap = Gap(date(2026, 3, 9), date(2026, 3, 10), frozenset({"crp"}))
        >>> lacking = WithheldValues((gap, Gap(date(2026, 3, 20), date(2026, 3, 20), frozenset({"bmi"}))))
        >>> [lacking.explain(["crp"], date(2026, 3, day)) for day in (9, 11)], lacking.explain(["age"], gap.first)
        ([True, False], False)
        >>> lacking.explain(["bmi"], gap.first)  # nothing of its table was withheld then
        False
        """
        lacking = frozenset[str]().union(*(gap.columns for gap in self.gaps if gap.first <= day <= gap.last))
        return bool(columns) and lacking.issuperset(columns)


NOTHING_WITHHELD = WithheldValues()


def withheld_values(
    batches: Iterable[Batch], spec: ProjectSpec, night: date, raw: Callable[[Batch], Iterable[str]]
) -> WithheldValues:
    """Return what deliveries of feature tables that are quarantined as a whole keep from the rows up to a night.

    A gap of a table is made of days in a row that are covered by quarantined deliveries, and of the days between two
    of them without an accepted one between. One of more than `COMPARED_DAYS` days is how things are, and is judged as
    any other rows.

    Parameters
    ----------
    batches : iterable of Batch
        Deliveries in their newest state.
    raw : callable
        From a quarantined batch to its rows as delivered, one JSON object each.
    """
    known = [one for one in batches if one.kind == "features" and night - LOOKED_BACK <= one.night <= night]
    gaps = list[Gap]()
    for table in spec.features.tables:
        mine = sorted((one for one in known if one.table == table.name), key=lambda one: (one.night, one.time))
        covered = []
        for quarantined, run in groupby(mine, key=lambda one: one.verdict == "quarantined"):
            cells = [cell for batch in run for cell in raw(batch)] if quarantined else []
            covered += _days_of(cells, table, spec.schedule.time_zone)
        columns, short = frozenset(table.columns.all), timedelta(days=COMPARED_DAYS)
        gaps += [Gap(first, last, columns) for first, last in _joined(covered) if last - first < short]
    return WithheldValues(tuple(gaps))


def _joined(covered: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Return spans of days, joined where they overlap or follow on each other, oldest first.

    >>> spans = [(date(2026, 3, first), date(2026, 3, last)) for first, last in ((9, 10), (1, 3), (4, 4), (2, 2))]
    >>> [(first.day, last.day) for first, last in _joined(spans)]
    [(1, 4), (9, 10)]
    """
    joined = list[tuple[date, date]]()
    for first, last in sorted(covered):
        if joined and first <= joined[-1][1] + timedelta(days=1):
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def _days_of(raw: Sequence[str], table: FeatureTable, zone: str) -> list[tuple[date, date]]:
    """Return the first and last day of rows of a table as delivered; nothing where no time can be read."""
    cells = [json.loads(text).get(table.event_time) for text in raw]
    days = times(pd.Series(cells, dtype=object), zone, table.time_format).column.dropna().dt.date
    return [(min(days), max(days))] if len(days) else []
