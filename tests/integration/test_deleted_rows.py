"""Rows that a database says were deleted are withdrawn once, in whatever engine, and whatever happens on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import SourceError
from tasks.lake import Lake, active_rows, deliveries
from tests.integration.test_file_tables import FileRides
from tests.integration.test_tables import PostgresRides
from tests.postgres_server import Database, running_postgres

NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')", "duckdb": "now()"}
TYPES = {"postgresql": "timestamptz", "sqlite": "TEXT", "duckdb": "TIMESTAMPTZ"}


class KilledError(Exception):
    """The process died here."""


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with running_postgres() as database:
        yield database


class DeletedRides:
    """Rides of one engine, with a column that says when they were deleted."""

    def __init__(self, engine: str, made: PostgresRides | FileRides) -> None:
        self.engine, self.made = engine, made
        made.execute(f"ALTER TABLE rides ADD COLUMN gone {TYPES[engine]}")
        made.database(deleted_at="gone")

    def add(self, first: int, many: int) -> None:
        if isinstance(self.made, PostgresRides):
            self.add_to_server(first, many)
        else:
            values = f"'2026-01-05 08:00:00+00', 2.0, 'north', 12.5, 'Ann', {NOW[self.engine]}, NULL"
            rows = ", ".join(f"({first + place}, {values})" for place in range(many))
            self.made.execute(f"INSERT INTO rides VALUES {rows}")  # noqa: S608 - the test's own words

    def add_to_server(self, first: int, many: int) -> None:
        values = f"n, '2026-01-05 08:00+00', 2.0, 'north', 12.5, 'Ann', {NOW[self.engine]}, NULL"
        self.made.execute(f"INSERT INTO rides SELECT {values} FROM generate_series({first}, {first + many - 1}) n")  # noqa: S608 - the test's own words

    def delete(self, *ids: int) -> None:
        self.change(f"gone = {NOW[self.engine]}", *ids)

    def change(self, values: str, *ids: int) -> None:
        named = ", ".join(map(str, ids))
        self.made.execute(f"UPDATE rides SET {values}, changed = {NOW[self.engine]} WHERE id IN ({named})")  # noqa: S608 - the test's own words

    def live(self) -> list[int]:
        return self.made.live()

    @property
    def lake(self) -> Lake:
        return self.made.lake

    def ids(self, table: str = "rows") -> list[int]:
        return sorted(active_rows(self.lake, "rides", table)["row_id"].astype(int))


@pytest.fixture(params=["postgresql", "sqlite", "duckdb"])
def rides(request: pytest.FixtureRequest, server: Database, tmp_path: Path) -> Iterator[DeletedRides]:
    if request.param != "postgresql":
        yield DeletedRides(request.param, FileRides(request.param, tmp_path))
        return
    made = PostgresRides(server, tmp_path, re.sub(r"\W", "_", request.node.name)[-60:])
    yield DeletedRides(request.param, made)
    made.connection.close()


def test_a_deleted_row_is_withdrawn_once_with_its_label(rides: DeletedRides) -> None:
    rides.add(0, 10)
    assert rides.live() == [10]
    rides.delete(2, 3)
    rides.add(10, 1)
    assert rides.live() == [2, 1]
    assert rides.live() == []
    left = [0, 1, *range(4, 11)]
    assert (rides.ids(), rides.ids("labels")) == (left, left)
    rides.delete(10)
    assert rides.live() == [1]  # no row but a deleted one
    assert rides.live() == []
    assert rides.ids() == left[:-1]
    states = deliveries(rides.lake, "rides").latest()
    assert all(one.rows_in == one.rows_accepted + one.rows_quarantined + one.rows_elsewhere for one in states)
    assert {one.verdict for one in states} <= {"accepted", "superseded"}


def test_rows_that_were_deleted_before_they_were_read_are_never_stored(rides: DeletedRides) -> None:
    rides.add(0, 4)
    rides.delete(1)
    assert rides.live() == [1, 3]
    assert rides.ids() == [0, 2, 3]


def test_a_row_that_is_restored_counts_again_and_may_be_deleted_again(rides: DeletedRides) -> None:
    rides.add(0, 3)
    assert rides.live() == [3]
    for _ in range(2):
        rides.delete(1)
        assert (rides.live(), rides.ids()) == ([1], [0, 2])
        rides.change("gone = NULL", 1)
        assert (rides.live(), rides.ids()) == ([1], [0, 1, 2])
    assert rides.live() == []


def test_rows_that_were_deleted_before_the_column_was_named_are_withdrawn(rides: DeletedRides) -> None:
    rides.made.database(deleted_at=None)
    rides.add(0, 4)
    rides.delete(1)
    assert (rides.live(), rides.ids()) == ([4], [0, 1, 2, 3])
    rides.made.database(deleted_at="gone")
    assert (rides.live(), rides.ids()) == ([1, 3], [0, 2, 3])
    assert rides.live() == []


def test_a_night_that_is_killed_between_deleted_rows_and_others_is_read_again(
    rides: DeletedRides, monkeypatch: pytest.MonkeyPatch
) -> None:
    rides.add(0, 6)
    assert rides.live() == [6]
    rides.delete(0, 1)
    rides.add(6, 2)
    killed_at = 0
    for number in count(1):
        calls, real = count(1), Lake.add_each

        def add_each(self: Lake, *args: Any, at: int = number, calls: Any = calls, real: Any = real) -> None:
            if next(calls) == at:
                raise KilledError
            real(self, *args)

        with monkeypatch.context() as killing:
            killing.setattr(Lake, "add_each", add_each)
            try:
                rides.live()
            except KilledError:
                killed_at = number
                rides.add(8 + number, 1)  # the next night finds more
                continue
        break
    assert killed_at >= 4
    assert rides.live() == []
    assert rides.ids() == [*range(2, 8), *range(9, 9 + killed_at)]
    assert rides.ids("labels") == rides.ids()
    states = deliveries(rides.lake, "rides").latest()
    assert all(one.rows_in == one.rows_accepted + one.rows_quarantined + one.rows_elsewhere for one in states)


def test_a_column_of_deletions_that_is_missing_is_an_error(rides: DeletedRides) -> None:
    rides.add(0, 1)
    rides.made.database(deleted_at="vanished")
    with pytest.raises(SourceError, match=r"database\.deleted_at is 'vanished'; expected one of the columns"):
        rides.live()


def test_deleted_values_of_a_feature_table_are_not_delivered(rides: DeletedRides) -> None:
    rides.add(0, 3)
    rides.delete(1)
    table = {
        "name": "distances",
        "uri": rides.made.content["source"]["uri"],
        "entity": ["id"],
        "event_time": rides.made.content["source"]["event_time"],
        "columns": {"numbers": ["km"]},
        "database": rides.made.content["source"]["database"],
    }
    features = {"categories": ["zone"], "tables": [table]}
    rides.made.content["features"] = features
    assert rides.live() == [1, 2, 2]
    assert len(active_rows(rides.lake, "rides", "features")) == 2
    rides.delete(2)
    assert rides.live() == [1]
