"""A made-up project: demand of shops, a thousand rows a night, with a relation to its columns that never changes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.sizes import sized

NAME = "bench-shops"
ROWS_A_NIGHT = 1_000
HISTORY_DAYS = 60
HISTORY_ROWS_A_DAY = sized(200, 30)
DELAY_DAYS = 7
FIRST_NIGHT = date(2026, 3, 2)
NUMBERS = [f"number_{position:02d}" for position in range(20)]
SPEC = f"""\
project: {NAME}
scope: {{owner: bench@example.org, objective: Demand of a shop on a day., metric: mean_absolute_error}}
source:
  uri: landing/rows
  id: [id]
  event_time: time
  arrival: filename
  label: {{column: demand, uri: landing/labels, delay_days: {DELAY_DAYS}}}
features:
  numbers: [{", ".join(NUMBERS)}]
  booleans: [open_sunday]
  categories: [city, kind]
split: {{holdout_days: 14, folds: 1}}
training: {{time_treatments: [all_history], iterations: [{sized(200, 20)}]}}
gate: {{max_latency_ms: 1000}}
automation: {{retrain: ask}}
"""


def write_project(projects: Path, nights: int) -> None:
    """Write the project with its history and as many nights as will be run."""
    folder = projects / NAME
    folder.mkdir(parents=True)
    (folder / "project.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "expectations.json").write_text(json.dumps(_suite(), indent=1), encoding="utf-8")
    for kind in ("rows", "labels"):
        (folder / "landing" / kind).mkdir(parents=True)
    history = pd.concat([day_rows(FIRST_NIGHT - timedelta(days=back)) for back in range(HISTORY_DAYS, -1, -1)])
    known = history["time"] <= (FIRST_NIGHT - timedelta(days=DELAY_DAYS)).isoformat()
    _land(folder, FIRST_NIGHT, history, history[known])
    for night in nights_after_first(nights):
        labelled = day_rows(night - timedelta(days=DELAY_DAYS))
        _land(folder, night, day_rows(night), labelled)


def nights_after_first(count: int) -> list[date]:
    return [FIRST_NIGHT + timedelta(days=each) for each in range(1, count + 1)]


def day_rows(day: date) -> pd.DataFrame:
    """Return the rows of one day with their label; the same day gives the same rows."""
    rng, count = np.random.default_rng(day.toordinal()), ROWS_A_NIGHT if day > FIRST_NIGHT else HISTORY_ROWS_A_DAY
    numbers = rng.normal(size=(count, len(NUMBERS))).round(3)
    rows = pd.DataFrame(numbers, columns=NUMBERS)
    rows["open_sunday"] = rng.random(count) < 0.3
    rows["city"] = rng.choice([f"city {letter}" for letter in "abcdefghijklmnop"], count)
    rows["kind"] = rng.choice(["corner", "market", "station"], count)
    rows["id"] = [f"{day:%Y%m%d}-{position:04d}" for position in range(count)]
    rows["time"] = day.isoformat()
    waves = np.sin(numbers[:, 0]) + numbers[:, 1] * numbers[:, 2] + 0.5 * rows["open_sunday"]
    rows["demand"] = (50 + 10 * waves + rng.normal(size=count)).round(2)
    return rows


def _land(folder: Path, night: date, rows: pd.DataFrame, labelled: pd.DataFrame) -> None:
    rows.drop(columns="demand").to_csv(folder / "landing" / "rows" / f"{night}.csv", index=False)
    labelled[["id", "demand"]].to_csv(folder / "landing" / "labels" / f"{night}.csv", index=False)


def _suite() -> dict[str, object]:
    expectations = [
        *({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name}} for name in NUMBERS[:10]),
        *(
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": name, "min_value": -10, "max_value": 10},
            }
            for name in NUMBERS[:10]
        ),
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "city", "regex": "^city [a-p]$"}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1, "max_value": 100_000}},
    ]
    return {"name": NAME, "expectations": [{**each, "severity": "critical"} for each in expectations]}
