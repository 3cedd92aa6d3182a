"""A night's data over a real lake: every table is read once, whatever is asked of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.dataset.night_data import NightData
from tasks.lake import TABLES, Lake, add_batches, deliveries
from tasks.spec import ProjectSpec
from tests.deliveries import accepted_batch

NIGHT = date(2026, 6, 30)
PROJECT = "houses"
SPEC = ProjectSpec.model_validate({
    "project": PROJECT,
    "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
    "source": {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "price", "delay_days": 2}},
    "features": {"numbers": ["rooms"]},
})  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake with answers of two versions to the rows of 200 days, and a label for each row three days later."""
    lake = Lake(str(tmp_path))
    days = [NIGHT - timedelta(days=back) for back in range(200)]
    named: dict[str, Any] = {"batch_id": "all", "revision": 1}
    answers = [
        {"row_id": str(day), "event_date": day, "version": version, "role": role, "prediction": 1.0 * version}
        for day in days
        for version, role in ((1, "champion"), (2, "shadow"))
    ]
    empty = dict.fromkeys([name for name, _ in TABLES["predictions"].columns])
    frame = pd.DataFrame([{**empty, **named, "time": datetime.now(UTC), **answer} for answer in answers])
    lake.append_if_absent(PROJECT, "predictions", frame, "all/1")
    labels = [{"row_id": str(day), "label": 5.0, "arrival": day + timedelta(days=3), **named} for day in days]
    lake.append_if_absent(PROJECT, "labels", pd.DataFrame(labels), "all/1")
    add_batches(lake, PROJECT, [accepted_batch("all", NIGHT, 1)])
    return lake


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the reads of each table."""
    counts: Counter[str] = Counter()
    read = Lake.read

    def counted(self: Lake, project: str, table: str, **options: Any) -> pd.DataFrame:
        counts[table] += 1
        return read(self, project, table, **options)

    monkeypatch.setattr(Lake, "read", counted)
    return counts


def test_what_several_steps_ask_for_is_read_once(lake: Lake, reads: Counter[str]) -> None:
    data = NightData.read(lake, SPEC, NIGHT, aliases=lambda _project: {"champion": 1})
    month, week = NIGHT - timedelta(days=30), NIGHT - timedelta(days=7)
    first = data.predictions_of(1, after=month)
    assert (len(first), first["row_id"].is_monotonic_increasing) == (30, True)
    assert len(data.predictions_of(2, after=week)) == 7
    assert set(data.served(after=week)["version"]) == {1}
    assert data.matured(first, labels_after=month)["row_id"].max() == str(NIGHT - timedelta(days=3))
    assert len(data.labels(after=week)) == 7
    assert (reads, data.aliases) == ({"batches": 1, "decisions": 1, "predictions": 1, "labels": 1}, {"champion": 1})


def test_a_day_before_the_usual_span_is_read_as_well(lake: Lake, reads: Counter[str]) -> None:
    data = NightData.read(lake, SPEC, NIGHT)
    assert len(data.predictions_of(1, after=NIGHT - timedelta(days=10))) == 10
    assert len(data.predictions_of(1, after=NIGHT - timedelta(days=150))) == 150
    assert reads["predictions"] == 2


def test_answers_of_a_batch_that_is_quarantined_are_gone_once_deliveries_are_read_again(lake: Lake) -> None:
    data = NightData.read(lake, SPEC, NIGHT)
    assert len(data.served(after=NIGHT - timedelta(days=10))) == 10
    add_batches(lake, PROJECT, [accepted_batch("all", NIGHT, 1, revision=2, base=2, verdict="quarantined")])
    assert data.reread().served(after=NIGHT - timedelta(days=10)).empty


def test_deliveries_are_read_again_only_after_a_commit(lake: Lake, reads: Counter[str]) -> None:
    assert deliveries(lake, PROJECT) is deliveries(lake, PROJECT)
    assert reads["batches"] == 1
    add_batches(lake, PROJECT, [accepted_batch("later", NIGHT, 1)])
    assert [known.batch_id for known in deliveries(lake, PROJECT).latest()] == ["all", "later"]
    assert reads["batches"] == 2
