"""The page of a year of nights: how big, and how long it takes to build, beside reading the same record.

Every night measures two statistics of every column, and none is like the night before: the worst for the heat map.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from rich.console import Console

from tasks.lake import Entry
from tasks.report import page
from tasks.spec import ProjectSpec
from tests.bench.figures import Figures, Time

NIGHTS = 365
COLUMNS = (50, 500)
TIMES = 3
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
        texts = [json.dumps(entry.details) for entry in record]
        floor = f"{columns} columns: reading the record's details"
        pages: list[str] = []

        def build(record: list[Entry] = record, pages: list[str] = pages) -> None:
            pages.append(page(SPEC, record, 1))

        def read(texts: list[str] = texts) -> None:
            for text in texts:
                json.loads(text)

        built = Time.median([Time.of(build) for _ in range(TIMES)])
        figures.add(f"{columns} columns: {len(pages[0].encode()) / 1000:,.0f} kB", built, floor)
        figures.add(floor, Time.median([Time.of(read) for _ in range(TIMES)]))
    return figures


def _year(columns: int) -> list[Entry]:
    rng, first = np.random.default_rng(0), datetime(2025, 1, 1, 2, tzinfo=UTC)
    return [_night(rng, first + timedelta(days=day), columns) for day in range(NIGHTS)]


def _night(rng: np.random.Generator, moment: datetime, columns: int) -> Entry:
    moved = [
        {
            "column": f"column {each:03d}",
            "statistic": statistic,
            "distance": strain / 5,
            "leeway": 0.2,
            "strain": strain,
        }
        for statistic in ("wasserstein", "null_share")
        for each, strain in enumerate(rng.gamma(9, 0.05, columns).round(4).tolist())
    ]
    details: dict[str, Any] = {
        "rows": int(rng.integers(900, 1100)),
        "labels": 900,
        "quarantined": int(rng.integers(0, 9)),
        "moved": sorted(moved, key=lambda each: -float(str(each["strain"]))),
        "performance": {"loss": _bounded(rng, 1.0), "bias": _bounded(rng, 0.0)},
        "deferred_share": float(rng.uniform(0.1, 0.2)),
        "estimated": _bounded(rng, 1.0),
    }
    return Entry(str(moment), "night", moment.date(), moment, "hold", "it moved, no harm seen", details=details)


def _bounded(rng: np.random.Generator, middle: float) -> dict[str, float]:
    value = float(rng.normal(middle, 0.05))
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "expected": middle, "leeway": 0.1}
