"""A made-up project of another kind: loans that are paid back or not, a delivery a day, labels a week later."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.sizes import sized

FIRST_DAY = date(2026, 1, 5)
DAYS = sized(160, 100)
ROWS_A_DAY = sized(150, 40)
ROUNDS = sized(200, 20)
DELAY_DAYS = 7
SPEC = f"""\
project: loans
scope: {{owner: bench@example.org, objective: Whether a loan is paid back., metric: log_loss, baseline: mean}}
source:
  uri: landing/rows
  id: [id]
  event_time: day
  arrival: filename
  label: {{column: defaulted, uri: landing/labels, delay_days: {DELAY_DAYS}}}
features:
  numbers: [income, age, debt]
  booleans: [owns_home]
  categories: [purpose, town]
training: {{task: binary, time_treatments: [all_history, recency], half_lives_days: [30], iterations: [{ROUNDS}]}}
split: {{holdout_days: 14, folds: 2, fold_days: 14}}
monitoring: {{window_days: 1, cohort_days: 14, cooldown_days: 21}}
gate: {{max_latency_ms: 1000}}
"""


def write_loans(folder: Path) -> None:
    """Write the project: its spec, an empty suite, and all its deliveries."""
    for kind in ("rows", "labels"):
        (folder / "landing" / kind).mkdir(parents=True)
    (folder / "project.yaml").write_text(SPEC, encoding="utf-8")
    suite = {"name": "loans", "expectations": [], "meta": {}}
    (folder / "expectations.json").write_text(json.dumps(suite), encoding="utf-8")
    for number in range(DAYS):
        rows = day_rows(FIRST_DAY + timedelta(days=number))
        landed = FIRST_DAY + timedelta(days=number)
        rows.drop(columns="defaulted").to_csv(folder / "landing" / "rows" / f"{landed}.csv", index=False)
        known = landed + timedelta(days=DELAY_DAYS)
        rows[["id", "defaulted"]].to_csv(folder / "landing" / "labels" / f"{known}.csv", index=False)


def day_rows(day: date) -> pd.DataFrame:
    """Return the loans of one day; the same day gives the same."""
    rng = np.random.default_rng(day.toordinal())
    count = int(rng.poisson(ROWS_A_DAY * (0.7 if day.weekday() >= 5 else 1.0)))
    rows = pd.DataFrame(
        {
            "id": [f"{day:%Y%m%d}-{position:04d}" for position in range(count)],
            "day": day.isoformat(),
            "income": rng.lognormal(8, 0.5, count).round(2),
            "age": rng.integers(18, 80, count),
            "debt": (rng.lognormal(7, 1, count) * (1.2 if day.weekday() == 0 else 1.0)).round(2),
            "owns_home": rng.random(count) < 0.4,
            "purpose": rng.choice(["car", "home", "study", "other"], count, p=[0.4, 0.3, 0.2, 0.1]),
            "town": rng.choice([f"town {letter}" for letter in "abcdefgh"], count),
        }
    )
    odds = 1.2 * np.log(rows["debt"] / rows["income"]) - 0.03 * (rows["age"] - 45) - 0.8 * rows["owns_home"] + 0.3
    rows["defaulted"] = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int)
    return rows
