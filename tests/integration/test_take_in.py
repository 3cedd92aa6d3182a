"""Taking in from a folder: what is whole is read once, what is large is read in pieces with memory flat."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.records import Delivery, Unread
from tasks.spec.project_spec import ProjectSpec

NIGHT = date(2026, 1, 9)
MOMENT = datetime(2026, 1, 9, 12, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "project": "houses",
    "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
    "source": {"uri": "landing", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
    "features": {"numbers": ["rooms"]},
}


def spec_of(**source: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | source})


def land(folder: Path, key: str, content: bytes, hour: int = 1) -> None:
    path = folder / "landing" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    written = datetime(2026, 1, 9, hour, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))


def taken(folder: Path, spec: ProjectSpec, spool: Path | None = None) -> list[Delivery | Unread]:
    return take_in(Lake(str(folder / "lake")), spec, folder, NIGHT, MOMENT, spool)


def rows(number: int, count: int = 3) -> bytes:
    return b"id,sold,rooms,price\n" + b"".join(b"%d,2026-01-02,3,%d\n" % (number, row) for row in range(count))


def test_a_delivery_in_the_writing_waits_and_is_taken_in_once_it_has_settled(tmp_path: Path) -> None:
    land(tmp_path, "old.csv", rows(1), hour=10)
    land(tmp_path, "young.csv", rows(2), hour=12)
    found = taken(tmp_path, spec_of(settle_minutes=60))
    assert [each.landed.key for each in found] == ["old.csv"]


def test_all_objects_of_a_folder_are_one_delivery_once_its_marker_is_there(tmp_path: Path) -> None:
    spec = spec_of(batch="folder", complete_marker="_SUCCESS")
    land(tmp_path, "a/2.csv", rows(2))
    land(tmp_path, "a/1.csv", rows(1))
    assert taken(tmp_path, spec) == []
    land(tmp_path, "a/_SUCCESS", b"")
    (found,) = taken(tmp_path, spec)
    assert isinstance(found, Delivery)
    assert (found.landed.key, found.landed.parts) == ("a", ("a/1.csv", "a/2.csv"))
    assert found.frame["id"].tolist() == ["1", "1", "1", "2", "2", "2"]
    for name in ("1", "2"):
        (tmp_path / "landing" / "a" / f"{name}.csv").rename(tmp_path / "landing" / "a" / f"other-{name}.csv")
    (again,) = taken(tmp_path, spec)
    assert again.batch_id == found.batch_id


def test_a_broken_object_among_good_ones_makes_its_whole_folder_unread(tmp_path: Path) -> None:
    land(tmp_path, "a/1.csv", rows(1))
    land(tmp_path, "a/2.csv", rows(2) + b"x\n")
    land(tmp_path, "b/1.csv", rows(3))
    broken, good = taken(tmp_path, spec_of(batch="folder"))
    assert isinstance(broken, Unread)
    assert (broken.reason, broken.detail) == ("ragged_row", "a/2.csv: line 5 has 1 cells, the header 4")
    assert isinstance(good, Delivery)


def test_the_same_content_in_two_files_is_taken_in_once(tmp_path: Path) -> None:
    land(tmp_path, "a.csv", rows(1))
    land(tmp_path, "b.csv", rows(1))
    assert [each.landed.key for each in taken(tmp_path, spec_of())] == ["a.csv"]


def test_a_large_delivery_is_kept_on_disk_and_nothing_of_it_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingest.readers.bounds.HELD_SHARE", 1000 / 2**30)
    land(tmp_path, "large.csv", rows(1, 1000))
    land(tmp_path, "small.csv", rows(2))
    large, small = taken(tmp_path, spec_of(), tmp_path / "spool")
    assert isinstance(large, Delivery)
    assert isinstance(small, Delivery)
    assert (large.chunks is None, small.chunks is None) == (False, True)
    assert (len(large.frame), large.row_count, list(large.frame)) == (0, 1000, ["id", "sold", "rooms", "price"])
    assert large.batch_id == taken(tmp_path, spec_of())[0].batch_id
    assert {path.suffix for path in (tmp_path / "spool").rglob("*") if path.is_file()} == {".arrow"}
    pd.testing.assert_frame_equal(pd.concat(large.frames()), taken(tmp_path, spec_of())[0].frame)  # type: ignore[union-attr]  # a delivery, as above


def test_past_what_may_be_held_even_small_deliveries_go_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingest.readers.bounds.TOGETHER_SHARE", 200 / 2**30)
    for number in range(4):
        land(tmp_path, f"{number}.csv", rows(number))
    found = [each for each in taken(tmp_path, spec_of(), tmp_path / "spool") if isinstance(each, Delivery)]
    assert [each.chunks is None for each in found] == [True, False, False, False]


@pytest.mark.parametrize(("fmt", "count"), [("csv", 400_000), ("jsonl", 80_000), ("parquet", 400_000)])
def test_four_times_the_rows_need_no_more_memory(fmt: str, count: int, tmp_path: Path) -> None:
    grown_mb = [measured(fmt, rows, tmp_path / str(rows)) for rows in (count, 4 * count)]
    assert grown_mb[1] < grown_mb[0] + 80  # a piece may be full that was not; held, it would be several hundred


def measured(fmt: str, count: int, folder: Path) -> int:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.integration.largefile", fmt, str(count), str(folder)]
    limited = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=limited, timeout=120)
    return int(done.stdout)
