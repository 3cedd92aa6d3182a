"""The page of a year of nights: how big, and how long it takes to build, next to reading the same record.

Every night measures two statistics of every column, and none is like the night before: the worst for the heat map.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from rich.console import Console

from tasks.records import (
    AutomationCounts,
    Bounded,
    DriftStatistic,
    Entry,
    Estimated,
    Matters,
    NightEntry,
    Performance,
    Statistic,
)
from tasks.records.entry_codec import from_row, to_row
from tasks.report import page
from tasks.spec import ProjectSpec
from tests.bench.figures import Figures, Time
from tests.bench.sizes import sized

NIGHTS = sized(365, 20)
COLUMNS = sized((50, 500), (5,))
TIMES = sized(3, 1)
SPEC = ProjectSpec.model_validate({
    "project": "bench",
    "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
    "features": {"numbers": ["a"]},
})  # fmt: skip


def bench_report(_console: Console) -> Figures:
    figures = Figures(f"the page of {NIGHTS} nights (median of {TIMES})")
    for columns in COLUMNS:
        record = _year(columns)
        rows = [to_row(entry) for entry in record]
        floor = f"{columns} columns: reading the record"
        pages: list[str] = []

        def build(record: list[Entry] = record, pages: list[str] = pages) -> None:
            pages.append(page(SPEC, record, 1))

        def read(rows: list[dict[str, Any]] = rows) -> None:
            for row in rows:
                from_row(row)

        built = Time.median([Time.of(build) for _ in range(TIMES)])
        figures.add(f"{columns} columns: {len(pages[0].encode()) / 1000:,.0f} kB", built, floor)
        figures.add(floor, Time.median([Time.of(read) for _ in range(TIMES)]))
    return figures


def _year(columns: int) -> list[Entry]:
    rng, first = np.random.default_rng(0), datetime(2025, 1, 1, 2, tzinfo=UTC)
    return [_night(rng, first + timedelta(days=day), columns) for day in range(NIGHTS)]


def _night(rng: np.random.Generator, moment: datetime, columns: int) -> Entry:
    statistics = [
        DriftStatistic(f"column {number:03d}", statistic, strain / 5, leeway=0.2)
        for statistic in (Statistic.LEVEL, Statistic.NULLS)
        for number, strain in enumerate(rng.gamma(9, 0.05, columns).round(4).tolist())
    ]
    measured = Performance(moment.date(), moment.date(), 900, loss=_bounded(rng, 1.0), bias=_bounded(rng, 0.0))
    estimated = Estimated(float(rng.normal(1.0, 0.05)), 0.05, expected=1.0, trusted=True)
    return NightEntry(
        name=str(moment),
        night=moment.date(),
        time=moment,
        action="hold",
        reason="it moved, no harm seen",
        answers=(Matters("no", weight_moved=0.5, performance=measured, estimated=estimated),),
        moved=tuple(sorted(statistics, key=lambda statistic: -statistic.strain)),
        rows=int(rng.integers(900, 1100)),
        labels=900,
        rows_quarantined=int(rng.integers(0, 9)),
        automation=AutomationCounts(served_rows=1000, deferred_share=float(rng.uniform(0.1, 0.2))),
    )


def _bounded(rng: np.random.Generator, expected: float) -> Bounded:
    value = float(rng.normal(expected, 0.05))
    return Bounded(value, value - 0.1, value + 0.1, expected, leeway=0.1)
