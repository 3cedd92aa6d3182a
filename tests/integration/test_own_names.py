"""A delivered column may have any name that Leeway uses itself: it is stored and learned from as any other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.dataset.known_rows import known_rows
from tasks.lake import TABLES, Lake, active_rows
from tasks.profiles import fit_ruler, profile
from tasks.records import Landed
from tasks.score.prediction_rows import predictions
from tasks.spec import ProjectSpec
from tasks.spec.own_names import RESERVED, RESERVED_IN_TABLES
from tasks.train import Recipe, fit_model
from tasks.train.assessment.baselines import baseline_predictions
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.deliveries import delivered

NIGHT, MOMENT = date(2026, 3, 1), datetime(2026, 3, 1, 2, tzinfo=UTC)
ROWS = 120
IDS, TIME, LABEL = "row_id", "event_date", "label"
FIXED = {name for table in TABLES.values() for name in table.schema.names}
FEATURES = sorted((FIXED | RESERVED_IN_TABLES) - {IDS, TIME, LABEL})
MADE = """
def add(rows):
    return rows.assign(twice=2 * rows["batch_id"], row_number=rows["row_id"].str[1:].astype(int))
"""


def landing() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = [date(2026, 1, 1) + timedelta(days=number // 4) for number in range(ROWS)]
    values = {name: rng.normal(size=ROWS).round(3) for name in FEATURES}
    names = [f"r{number}" for number in range(ROWS)]
    return pd.DataFrame({IDS: names, TIME: days, **values, LABEL: 3 * values["batch_id"]})


def project(folder: Path, baseline: str = "median", **features: Any) -> ProjectSpec:
    (folder / "features.py").write_text(MADE)
    rules = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name}} for name in (IDS, "batch_id")]
    (folder / "expectations.json").write_text(json.dumps({"name": "own", "expectations": rules}))
    made = {"function": "features:add", "made": {"numbers": ["twice", "row_number"]}}
    return ProjectSpec.model_validate(
        {
            "project": "own",
            "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error", "baseline": baseline},
            "source": {"uri": "in", "id": [IDS], "event_time": TIME, "label": {"column": LABEL}},
            "features": {"numbers": FEATURES, **made, **features},
            "training": {"min_rows": 50, "iterations": [30]},
        }
    )


def taken_in(lake: Lake, spec: ProjectSpec, folder: Path, frame: pd.DataFrame, landed: Landed) -> str:
    read = delivered(frame.to_csv(index=False).encode(), landed, spec, b"")
    (checked,) = store(lake, spec, verdicts([read], spec, folder), NIGHT, MOMENT)  # type: ignore[list-item]
    assert checked.verdict == "accepted", checked.findings
    return checked.batch_id


def test_every_name_of_every_table_can_be_a_column_of_the_rows(tmp_path: Path) -> None:
    spec, lake, frame = project(tmp_path, "revision"), Lake(str(tmp_path / "lake")), landing()
    batch_id = taken_in(lake, spec, tmp_path, frame, Landed("rows", "a.csv", 1, NIGHT))
    stored = active_rows(lake, "own", "rows").sort_values("row_id", key=lambda ids: ids.str[1:].astype(int))
    assert stored["row_id"].tolist() == frame[IDS].tolist()
    assert set(stored["batch_id"]) == {batch_id}
    assert stored["event_date"].tolist() == frame[TIME].tolist()
    for name in FEATURES:
        inside = f"{name} (delivered)" if name in RESERVED else name
        assert stored[inside].tolist() == frame[name].tolist(), name
    known = known_rows(lake, spec, tmp_path, NIGHT).labelled
    assert (known["twice"] == 2 * known["batch_id (delivered)"]).all()
    assert known["row_number"].sum() == sum(range(ROWS))
    fitted = fit_model(Recipe(iterations=30), known, spec, NIGHT)
    answers = predictions(known, fitted.portable, 1, "champion", MOMENT)
    assert set(answers["batch_id"]) == {batch_id}
    assert np.corrcoef(answers["prediction"], known[LABEL])[0, 1] > 0.9
    guesses = baseline_predictions(known, known, spec)
    assert guesses.tolist() == known["revision (delivered)"].tolist()
    ruler = fit_ruler(known, numbers=spec.features.numbers, categories=[], booleans=[])
    assert profile(known, ruler).rows == ROWS


def test_every_name_of_the_values_of_entities_can_be_a_column_of_a_feature_table(tmp_path: Path) -> None:
    names = sorted(RESERVED_IN_TABLES - {"event_time", IDS, TIME})
    columns = {"numbers": names, "categories": []}
    table = {"name": "more", "uri": "more", "entity": ["shop"], "event_time": "event_time", "columns": columns}
    spec, lake = project(tmp_path, numbers=["x"], tables=[table], made={}, function=None), Lake(str(tmp_path / "lake"))
    (tmp_path / "expectations.json").write_text(json.dumps({"name": "own", "expectations": []}))
    rows = pd.DataFrame({IDS: [f"r{number}" for number in range(60)], "event_date": "2026-01-05", "x": 1.0, LABEL: 1.0})
    values = {name: [float(number), 99.0] for number, name in enumerate(names)}
    frame = pd.DataFrame({"shop": "a", "event_time": ["2026-01-04", "2026-01-06"], **values})
    taken_in(lake, spec, tmp_path, rows.assign(shop="a"), Landed("rows", "a.csv", 1, NIGHT))
    taken_in(lake, spec, tmp_path, frame, Landed("features", "b.csv", 1, NIGHT, table="more"))
    known = known_rows(lake, spec, tmp_path, NIGHT).labelled
    assert set(known["row_id"]) == set(rows[IDS])
    for number, name in enumerate(names):
        assert set(known[f"{name} (delivered)"]) == {float(number)}, name
