"""Whether a delivery was cut off is judged by the rows that were delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from tasks.lake import Batch, Deliveries
from tasks.monitor.short_delivery import rows_delivered

NIGHT = date(2026, 3, 2)
LANDED = replace(Batch.placeholder("a", datetime(2026, 3, 2, tzinfo=UTC)), verdict="accepted", night=NIGHT, key="a.csv")


def test_rows_that_the_prediction_service_answered_are_no_short_delivery() -> None:
    served = replace(LANDED, batch_id="b", key="@served/2026-03-02-0-ab.jsonl", rows_in=3)
    both = Deliveries((replace(LANDED, rows_in=100), served))
    assert rows_delivered(both, NIGHT) == {NIGHT: 100}
    assert rows_delivered(Deliveries((served,)), NIGHT) == {}
