"""Rows that were logged and delivered, with labels inline: a logged row never replaces what a source has delivered."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.ingest.readers import bounds
from tasks.lake import Batch, Lake, active_rows, latest
from tasks.spec import ProjectSpec
from tasks.validate.task import release
from tests.integration.test_taking_in import MOMENT, taken_in, written


class Trips:
    """A project of trips with a prediction log, which takes in what lands."""

    def __init__(self, where: Path, *, on_disk: bool) -> None:
        self.folder, self.lake = where / "trips", Lake(str(where / "lake"))
        self.spec: ProjectSpec = written(self.folder, serving={"log": True})
        self._where, self._on_disk, self._takes = where, on_disk, 0
        self.served = self.folder / self.spec.served_uri("rows")
        self.served.mkdir(parents=True)

    def delivered(self, day: int, **fares: tuple[float, float]) -> None:
        """Let a file of trips land, each with its km and its fare."""
        lines = [f"{name},2026-01-05,{km},z1,{fare}" for name, (km, fare) in fares.items()]
        path = self.folder / "trips" / f"2026-01-{day}.csv"
        path.write_text("\n".join(["id,at,km,zone,fare", *lines, ""]), encoding="utf-8")
        self._take_in()

    def logged(self, day: int, at: str = "2026-01-05", **kms: float) -> None:
        """Let a file of the log land; the fare of no trip is known yet."""
        same: dict[str, Any] = {"at": at, "zone": "z1", "fare": None, "@answer": {}}
        rows = [same | {"id": name, "km": km} for name, km in kms.items()]
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (self.served / f"2026-01-{day}-0-ab.jsonl").write_text(text, encoding="utf-8")
        self._take_in()

    def _take_in(self) -> None:
        self._takes += 1
        taken_in(self.lake, self.spec, self.folder, self._where / f"{self._takes}" if self._on_disk else None)

    @property
    def stored(self) -> dict[str, tuple[float, float | None]]:
        """The km and the fare of each trip that counts."""
        rows, labels = (active_rows(self.lake, "trips", table) for table in ("rows", "labels"))
        fares = dict(zip(labels["row_id"], labels["label"], strict=True))
        assert rows["row_id"].is_unique
        return {name: (km, fares.get(name)) for name, km in zip(rows["row_id"], rows["km"], strict=True)}

    def batch(self, day: int) -> Batch:
        key = f"@served/2026-01-{day}-0-ab.jsonl"
        return next(batch for batch in latest(self.lake, "trips") if batch.key == key)

    def counts(self, day: int) -> tuple[int, int, str]:
        """Return of the log of a day how many rows it has, how many were there already, and the verdict."""
        batch = self.batch(day)
        assert batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere
        return batch.rows_accepted, batch.rows_elsewhere, batch.verdict


@pytest.fixture(params=[False, True], ids=["in memory", "on disk"])
def trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Trips:
    if request.param:
        monkeypatch.setattr(bounds, "HELD_SHARE", 2**-30)
    return Trips(tmp_path, on_disk=request.param)


def test_a_logged_row_keeps_the_label_and_the_values_that_were_delivered(trips: Trips) -> None:
    trips.delivered(10, a=(5, 20), b=(6, 21))
    trips.logged(11, a=5, b=60, c=7)
    assert trips.stored == {"a": (5, 20), "b": (6, 21), "c": (7, None)}
    assert trips.counts(11) == (1, 2, "accepted")


def test_a_delivered_row_replaces_a_logged_one_and_brings_its_label(trips: Trips) -> None:
    trips.logged(10, a=5, b=6)
    trips.delivered(11, a=(5, 20))
    trips.logged(12, a=50)
    assert trips.stored == {"a": (5, 20), "b": (6, None)}
    assert trips.counts(12) == (0, 1, "accepted")


def test_of_two_logged_rows_the_later_one_counts(trips: Trips) -> None:
    trips.logged(10, a=5, b=6)
    trips.logged(11, a=8)
    assert trips.stored == {"a": (8, None), "b": (6, None)}


def test_a_logged_row_with_the_id_of_a_trip_of_another_day_is_repeated(trips: Trips) -> None:
    trips.delivered(10, a=(5, 20))
    trips.logged(11, at="2026-01-06", a=9)
    assert trips.stored == {"a": (5, 20)}
    assert trips.counts(11) == (0, 1, "accepted")


def test_a_log_that_is_released_replaces_no_delivered_row_either(trips: Trips) -> None:
    trips.delivered(10, a=(5, 20))
    trips.logged(11, at="2026-01-06", a=-1, b=-1)
    assert trips.counts(11) == (0, 0, "quarantined")
    assert release(trips.lake, trips.spec, trips.batch(11), MOMENT + timedelta(hours=1)) == 1
    assert trips.stored == {"a": (5, 20), "b": (-1, None)}
