"""Upkeep of a real lake: rows that count stay, orphaned ones are removed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tasks.lake import TABLES, Lake, active_rows, deliveries, layout
from tasks.records import Landed, ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.upkeep.task import ChoreResult, Moment, keep_up
from tasks.validate.acceptance.task import store

DAY = date(2026, 1, 2)
MOMENT = datetime(2026, 1, 3, tzinfo=UTC)
LATER = Moment(date(2026, 3, 1), datetime.now(UTC) + timedelta(days=2))
TEXT = {
    "project": "houses",
    "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
    "features": {"numbers": ["size"]},
}
SPEC = ProjectSpec.model_validate(TEXT)


def delivered(name: str, key: str, sizes: dict[str, float], day: date = DAY) -> ValidatedDelivery:
    rows = pd.DataFrame({"row_id": list(sizes), "event_date": day, "size": list(sizes.values()), "price": 1.0})
    return ValidatedDelivery(name, Landed("rows", key, 1, day, name), "accepted", rows, pd.DataFrame())


def write(lake: Lake, *checked: ValidatedDelivery) -> None:
    for each in checked:
        moment = MOMENT + timedelta(hours=len(deliveries(lake, "houses").revisions))
        store(lake, SPEC, [each], DAY, moment)


def counting(lake: Lake) -> dict[str, list[tuple[str, ...]]]:
    frames = {table: active_rows(lake, "houses", table) for table in ("rows", "labels")}
    return {table: sorted(frame.map(str).itertuples(index=False, name=None)) for table, frame in frames.items()}


def kinds(done: list[ChoreResult]) -> set[tuple[str, str]]:
    return {(each.chore.table, each.chore.kind) for each in done}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    write(lake, *(delivered(f"b{day}", f"{day}.csv", {f"r{day}": day}) for day in range(1, 11)))
    return lake


def test_many_small_files_become_few_and_every_row_stays(lake: Lake) -> None:
    before = counting(lake)
    done = keep_up(lake, SPEC, LATER, {}, dry_run=False)
    assert ("rows", "compaction") in kinds(done)
    after = layout(lake, "houses", "rows")
    assert after is not None
    assert after.files == 1
    assert counting(lake) == before
    assert lake.missing("houses", "rows", ["b1/1", "b11/1"]) == ["b11/1"]  # what was written is still known by name


def test_a_dry_run_says_the_same_and_changes_nothing(lake: Lake) -> None:
    before = {table: lake.version("houses", table) for table in TABLES}
    would = keep_up(lake, SPEC, LATER, {}, dry_run=True)
    assert {table: lake.version("houses", table) for table in TABLES} == before
    assert ("rows", "compaction") in kinds(would)


def test_what_a_crash_left_goes_and_comes_back_when_its_file_does(lake: Lake) -> None:
    lost = pd.DataFrame({"row_id": ["x"], "batch_id": "lost", "revision": 1, "event_date": DAY, "size": 1.0})
    lake.append_if_absent("houses", "rows", lost.assign(price=1.0), "lost/1")
    before = counting(lake)
    young = Moment(LATER.night, datetime.now(UTC))
    assert ("rows", "orphans") not in kinds(keep_up(lake, SPEC, young, {}, dry_run=False))
    assert ("rows", "orphans") in kinds(keep_up(lake, SPEC, LATER, {}, dry_run=False))
    assert "lost" not in set(lake.read("houses", "rows")["batch_id"])
    assert counting(lake) == before
    write(lake, delivered("lost", "x.csv", {"x": 1.0}))
    assert "x" in set(active_rows(lake, "houses", "rows")["row_id"])


def test_what_a_correction_replaced_goes(lake: Lake) -> None:
    write(lake, delivered("new", "1.csv", {"r1": 7.0}))
    before = counting(lake)
    done = keep_up(lake, SPEC, LATER, {}, dry_run=False)
    assert ("rows", "orphans") in kinds(done)
    assert "b1" not in set(lake.read("houses", "rows")["batch_id"])
    assert counting(lake) == before
    assert deliveries(lake, "houses").stale() == {"b1": "1.csv"}


def test_rows_past_their_retention_go_and_younger_ones_stay(lake: Lake) -> None:
    write(lake, delivered("young", "young.csv", {"young": 1.0}, LATER.night - timedelta(days=3)))
    spec = ProjectSpec.model_validate(TEXT | {"retention": {"rows_days": 30}})
    keep_up(lake, spec, LATER, {}, dry_run=False)
    assert active_rows(lake, "houses", "rows")["row_id"].tolist() == ["young"]
    assert active_rows(lake, "houses", "labels")["row_id"].tolist() == ["young"]


def test_the_state_a_model_was_trained_on_can_still_be_read(lake: Lake) -> None:
    commit = lake.version("houses", "rows")
    assert commit is not None
    trained = sorted(lake.read("houses", "rows")["row_id"])
    spec = ProjectSpec.model_validate(TEXT | {"retention": {"rows_days": 30, "history_days": 1}})
    keep_up(lake, spec, LATER, {"rows": [commit]}, dry_run=False)
    assert lake.read("houses", "rows").empty
    assert sorted(lake.read("houses", "rows", at=commit)["row_id"]) == trained
