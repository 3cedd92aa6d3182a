"""Rows that count differently: a night reads their weights from the lake, and a replay has the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from flows.backtest.history import history_in
from flows.backtest.timeline.timeline import Timeline
from flows.backtest.timeline.timeline_night import TimelineNight, TimelineVersions
from flows.loaded_version import Champion
from tasks.dataset.night_data import NightData
from tasks.lake import TABLES, Lake, add_batches
from tasks.monitor.cohorts.cohort_performance import Promise, performance
from tasks.spec import ProjectSpec
from tests.deliveries import accepted_batch

FIRST, DAYS, EACH = date(2026, 1, 5), 6, 40
NIGHT = FIRST + timedelta(days=DAYS)
SCOPE = {"owner": "me", "objective": "x", "metric": "mean_absolute_error", "weight": "amount"}
SPEC = ProjectSpec.model_validate(
    {
        "project": "small",
        "scope": SCOPE,
        "source": {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "y", "uri": "labels"}},
        "features": {"numbers": ["x"]},
        "monitoring": {"min_rows": 20},
    }
)
PROMISE = Promise("mean_absolute_error", 1.0, 0.0, 200, is_weighted=True)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with answers of 0 to rows with a label of 1 or 3; the first delivery came before there were weights."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    empty = dict.fromkeys([name for name, _ in TABLES["predictions"].columns])
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        named: dict[str, Any] = {"batch_id": f"r{number}", "revision": 1}
        ids = [f"{number}-{place}" for place in range(EACH)]
        rows = pd.DataFrame({"row_id": ids, "id": ids, "at": pd.Timestamp(day), "event_date": day, "x": 1.0, **named})
        rows = rows if number == 0 else rows.assign(amount=np.tile([1.0, 3.0], EACH // 2))
        answer = {"version": 1, "role": "champion", "prediction": 0.0, "time": datetime.now(UTC)}
        labels: dict[str, Any] = {"label": np.tile([1.0, 3.0], EACH // 2), "arrival": day}
        lake.append_if_absent("small", "rows", rows, f"r{number}/1")
        answers = pd.DataFrame([{**empty, **named, "row_id": name, "event_date": day, **answer} for name in ids])
        lake.append_if_absent("small", "predictions", answers, f"r{number}/1")
        lake.append_if_absent("small", "labels", rows[["row_id"]].assign(**named, **labels), f"l{number}/1")
        state = accepted_batch(f"r{number}", day, EACH)
        add_batches(lake, "small", [state])
    return lake


def at_night(lake: Lake, spec: ProjectSpec = SPEC) -> pd.DataFrame:
    data = NightData.read(lake, spec, NIGHT)
    before = FIRST - timedelta(days=1)
    return data.matured(data.predictions_of(1, after=before), labels_after=before)


def in_a_replay(lake: Lake) -> pd.DataFrame:
    history = history_in(lake, SPEC)
    versions = TimelineVersions(Timeline(history), SPEC, timedelta(days=1))
    model = SimpleNamespace(predict=lambda rows: np.zeros(len(rows)))
    before = FIRST - timedelta(days=1)
    versions.versions[1] = cast("Champion", SimpleNamespace(number=1, trained_until=before, model=model))
    night = TimelineNight(versions, NIGHT, history.deliveries, (), {}, {})
    return night.matured(night.predictions_of(1, after=before), labels_after=before)


def test_a_night_and_a_replay_weigh_the_same_rows_alike(lake: Lake) -> None:
    stored, replayed = at_night(lake), in_a_replay(lake)
    columns = ["row_id", "label", "weight"]
    one, two = (each[columns].astype({"row_id": str}).sort_values("row_id") for each in (stored, replayed))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True), check_dtype=False)
    assert len(stored) == (DAYS - 1) * EACH  # those of the first day have no weight


def test_the_error_of_a_night_is_weighted_and_says_how_many_rows_it_rests_on(lake: Lake) -> None:
    found = performance(at_night(lake), PROMISE, SPEC.monitoring, 365.0)
    assert found is not None
    assert found.loss.value == pytest.approx((1 * 1 + 3 * 3) / 4)
    assert found.effective_rows == pytest.approx(found.rows * 4**2 / (2 * (1 + 9)))
    alike = performance(at_night(lake), Promise("mean_absolute_error", 1.0, 0.0, 200), SPEC.monitoring, 365.0)
    assert alike is not None
    assert (alike.loss.value, alike.effective_rows) == (2.0, None)  # a champion from before the column was named


def test_without_a_column_of_weights_no_row_is_read_for_them(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, read = [], Lake.read

    def noted(self: Lake, project: str, table: str, **options: Any) -> pd.DataFrame:
        tables.append(table)
        return read(self, project, table, **options)

    monkeypatch.setattr(Lake, "read", noted)
    plain = SPEC.model_copy(update={"scope": SPEC.scope.model_copy(update={"weight": None})})
    assert "weight" not in at_night(lake, plain)
    assert "rows" not in tables
