"""A file of a feature table that gets back the content it had before counts as it is now."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.dataset.feature_assembly import assembled_features
from tasks.ingest.task import take_in
from tasks.lake import Lake, deliveries
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

DAY = date(2026, 2, 2)
SPEC: dict[str, Any] = {
    "project": "trips",
    "scope": {"owner": "me", "objective": "fares", "metric": "mean_absolute_error"},
    "source": {"uri": "trips", "id": ["id"], "event_time": "at", "label": {"column": "fare"}},
    "features": {
        "tables": [
            {
                "name": "accounts",
                "uri": "accounts",
                "entity": ["customer"],
                "event_time": "since",
                "columns": {"categories": ["plan"]},
            }
        ]
    },
}


def test_values_that_come_back_to_the_file_of_a_feature_table_count_again(tmp_path: Path) -> None:
    spec, lake, file = ProjectSpec.model_validate(SPEC), Lake(str(tmp_path / "lake")), tmp_path / "accounts" / "all.csv"
    for folder in ("trips", "accounts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "expectations.json").write_text('{"name": "none", "expectations": []}', encoding="utf-8")
    rows = pd.DataFrame({"row_id": ["1"], "at": pd.Timestamp("2026-02-03"), "customer": ["c1"]})
    plans = []
    for night, plan in enumerate(["basic", "pro", "basic", "basic", "pro"]):
        file.write_text(f"customer,since,plan\nc1,2026-02-01,{plan}\n", encoding="utf-8")
        moment = datetime(2026, 2, 2, 2, tzinfo=UTC) + timedelta(days=night)
        os.utime(file, (moment.timestamp() - 3600,) * 2)
        landed = take_in(lake, spec, tmp_path, DAY + timedelta(days=night), moment)
        stored = verdicts(landed, spec, tmp_path)
        store(lake, spec, stored, DAY + timedelta(days=night), moment)
        plans.append((len(stored), assembled_features(rows, spec, lake, tmp_path)["plan"].item()))
    assert plans == [(1, "basic"), (1, "pro"), (1, "basic"), (0, "basic"), (1, "pro")]
    states = deliveries(lake, "trips")
    assert sorted((batch.revision, batch.base, batch.rows_accepted) for batch in states.latest()) == [
        (2, 2, 1),
        (2, 2, 1),
    ]
    assert list(states.stale().values()) == ["accounts/all.csv"]
