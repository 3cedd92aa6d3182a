"""Deliveries that repeat or correct others, in a real lake: each row counts once, whatever happens on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.lake import Lake, active_rows, deliveries, latest
from tasks.records import Landed, ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import store

DAY = date(2026, 1, 2)
MOMENT = datetime(2026, 1, 3, tzinfo=UTC)
SPEC = ProjectSpec.model_validate(
    {
        "project": "houses",
        "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
    }
)


class CrashError(Exception):
    """The process died here."""


def delivered(name: str, key: str, sizes: dict[str, float]) -> ValidatedDelivery:
    rows = pd.DataFrame({"row_id": list(sizes), "event_date": DAY, "size": list(sizes.values()), "price": 1.0})
    return ValidatedDelivery(name, Landed("rows", key, 1, DAY, name), "accepted", rows, pd.DataFrame())


def write(lake: Lake, *checked: ValidatedDelivery, later: int = 0) -> None:
    store(lake, SPEC, list(checked), DAY, MOMENT + timedelta(hours=later))


def sizes(lake: Lake) -> dict[str, float]:
    rows = active_rows(lake, "houses", "rows")
    assert rows["row_id"].is_unique
    assert set(active_rows(lake, "houses", "labels")["row_id"]) == set(rows["row_id"])
    assert all(b.rows_in == b.rows_accepted + b.rows_quarantined + b.rows_elsewhere for b in latest(lake, "houses"))
    accepted = sum(batch.rows_accepted for batch in deliveries(lake, "houses").accepted())
    assert accepted == len(rows)
    return dict(zip(rows["row_id"], rows["size"], strict=True))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_a_row_that_comes_again_changed_counts_once_as_it_came_last(lake: Lake) -> None:
    write(lake, delivered("one", "a.csv", {"x": 1, "y": 2, "z": 3}))
    write(lake, delivered("two", "b.csv", {"z": 4, "u": 5, "y": 2}))
    assert sizes(lake) == {"x": 1, "y": 2, "z": 4, "u": 5}


def test_two_deliveries_of_one_night_that_concern_each_other_are_settled_in_their_order(lake: Lake) -> None:
    write(
        lake,
        delivered("one", "a.csv", {"x": 1, "y": 2}),
        delivered("two", "b.csv", {"x": 3}),
        delivered("three", "c.csv", {"y": 4}),
        delivered("four", "d.csv", {"x": 5, "y": 6}),
    )
    assert sizes(lake) == {"x": 5, "y": 6}


def test_content_that_comes_back_to_its_file_counts_again(lake: Lake) -> None:
    write(lake, delivered("one", "a.csv", {"x": 1, "y": 2}))
    write(lake, delivered("two", "a.csv", {"x": 7, "y": 8}), later=1)
    assert deliveries(lake, "houses").stale() == {"one": "a.csv"}
    write(lake, delivered("one", "a.csv", {"x": 1, "y": 2}), later=2)
    assert sizes(lake) == {"x": 1, "y": 2}
    assert deliveries(lake, "houses").stale() == {"two": "a.csv"}


def test_answers_for_rows_that_still_count_are_kept_when_others_of_their_batch_are_replaced(lake: Lake) -> None:
    from tasks.lake import served_key, version_key

    write(lake, delivered("one", "a.csv", {"x": 1, "y": 2, "z": 3}))
    answers = pd.DataFrame({"row_id": ["x", "y", "z"], "batch_id": "one", "revision": 1, "event_date": DAY})
    answers = answers.assign(version=1, role="champion", prediction=0.5, score=0.5, confidence=None)
    answers = answers.assign(
        deferred=False,
        reasons="",
        probabilities=None,
        predicted_class=None,
        time=pd.Timestamp(MOMENT),
        lower=None,
        upper=None,
    )
    lake.append_if_absent("houses", "predictions", answers, served_key("one/1"), version_key("one/1", 1))
    write(lake, delivered("two", "b.csv", {"z": 4}))
    kept = active_rows(lake, "houses", "predictions")
    assert sorted(kept["row_id"]) == ["x", "y"]
    assert lake.missing("houses", "predictions", [served_key("one/2"), version_key("one/2", 1)]) == []


def test_a_crash_before_any_write_of_a_correction_is_healed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrections = [delivered("two", "b.csv", {"z": 4}), delivered("three", "a.csv", {"x": 5, "y": 6})]
    for number in range(1, 8):
        lake = Lake(str(tmp_path / f"crash-{number}"))
        write(lake, delivered("one", "a.csv", {"x": 1, "y": 2, "z": 3}))
        before, calls, real = sizes(lake), count(1), Lake.append_if_absent

        def append_if_absent(self: Lake, *args: Any, at: int = number, calls: Any = calls, real: Any = real) -> bool:
            if next(calls) == at:
                raise CrashError
            return bool(real(self, *args))

        with monkeypatch.context() as crashing:
            crashing.setattr(Lake, "append_if_absent", append_if_absent)
            try:
                write(lake, *corrections)
            except CrashError:
                seen = sizes(lake)
                assert seen in (before, {"x": 1, "y": 2, "z": 4})  # whole deliveries, or nothing of them
        write(lake, *corrections)
        assert sizes(lake) == {"x": 5, "y": 6, "z": 4}


def test_deliveries_as_of_a_moment_are_those_before_a_later_correction(lake: Lake) -> None:
    write(lake, delivered("one", "a.csv", {"x": 1, "y": 2}))
    write(lake, delivered("two", "b.csv", {"y": 4}), later=2)
    found = deliveries(lake, "houses")
    before, after = (found.as_of(MOMENT + timedelta(hours=hours)) for hours in (1, 3))
    rows = {known: active_rows(lake, "houses", "rows", known) for known in (before, after)}
    sizes_then = [dict(sorted(zip(each["row_id"], each["size"], strict=True))) for each in rows.values()]
    assert sizes_then == [{"x": 1, "y": 2}, {"x": 1, "y": 4}]
    assert [batch.batch_id for batch in before.latest()] == ["one"]


def test_a_table_of_batches_without_the_moment_of_a_state_is_read_and_written(lake: Lake) -> None:
    from deltalake import write_deltalake

    write(lake, delivered("one", "a.csv", {"x": 1}))
    old = lake.read("houses", "batches").drop(columns="written_at")
    other = Lake(f"{lake.root}-old")
    write_deltalake(other.uri("houses", "batches"), old)
    assert deliveries(other, "houses") == deliveries(lake, "houses")
    write(other, delivered("two", "b.csv", {"z": 4}))
    assert {batch.batch_id for batch in latest(other, "houses")} == {"one", "two"}
