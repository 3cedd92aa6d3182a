"""Whether a delivery was cut off is judged by the rows that were delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tasks.dataset.landed_batches import judged_nights, landed_batches
from tasks.drift import build_reference
from tasks.lake import Batch, Deliveries
from tasks.monitor import ChampionBaseline, NightInputs, Promise, measure_night
from tasks.monitor.short_delivery import rows_delivered
from tasks.profiles import fit_ruler, profile
from tasks.records import NightEntry
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.operation_sections import Schedule

NIGHT = date(2026, 3, 2)
SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
    }
)
LANDED = replace(Batch.placeholder("a", datetime(2026, 3, 2, tzinfo=UTC)), verdict="accepted", night=NIGHT, key="a.csv")


def test_rows_that_the_prediction_service_answered_are_no_short_delivery() -> None:
    served = replace(LANDED, batch_id="b", key="@served/2026-03-02-0-ab.jsonl", rows_in=3)
    both = Deliveries((replace(LANDED, rows_in=100), served))
    assert rows_delivered(both, NIGHT) == {NIGHT: 100}
    assert rows_delivered(Deliveries((served,)), NIGHT) == {}


@pytest.mark.parametrize("judged", [1, 7])
def test_each_night_that_landed_since_the_last_decision_is_judged(judged: int) -> None:
    first = NIGHT - timedelta(days=40)
    nights = [first + timedelta(days=number) for number in range(41)]
    delivered = {night: 30 if night == nights[-4] else 100 + night.day for night in nights}
    nothing = pd.DataFrame({"row_id": [], "event_date": [], "prediction": [], "label": []})
    inputs = NightInputs(NIGHT, {}, {}, nothing, nothing, delivered, tuple(nights[-judged:]))
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    ruler = fit_ruler(frame, numbers=["a"], categories=[], booleans=[])
    reference = build_reference([(first.isoformat(), profile(frame, ruler))])
    baseline = ChampionBaseline(1, reference, Promise("mean_absolute_error", 1.0, 0.0, 2), first)
    found = measure_night(inputs, baseline, SPEC).suspicions
    assert [(one.kind, one.since) for one in found] == ([] if judged == 1 else [("truncated", nights[-4])])


def test_a_decision_judges_its_night_or_all_since_the_last() -> None:
    days = [NIGHT - timedelta(days=number) for number in range(10)]
    known = Deliveries(tuple(replace(LANDED, batch_id=str(day), night=day) for day in days if day != NIGHT))
    assert judged_nights(known, [], NIGHT, SPEC) == (NIGHT,)
    weekly = SPEC.model_copy(update={"schedule": Schedule(monitoring="0 6 * * MON")})
    last = NightEntry(
        name="n", night=NIGHT - timedelta(days=7), time=datetime(2026, 2, 23, tzinfo=UTC), action="score", reason=""
    )
    assert judged_nights(known, [last], NIGHT, weekly) == tuple(sorted(days[:7]))
    assert [batch.night for batch in landed_batches(known, [last], NIGHT, weekly)] == sorted(days[1:7])
