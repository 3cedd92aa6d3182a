"""Accepted rows in parts, on real tables: every reader gets the same rows, as they were when they were listed."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import Unreachable
from tasks.lake import Batch, Lake, RowFiles, batch_rows, compact, partitions, remove
from tasks.lake import row_files as parts
from tasks.lake.row_files import RowPart, RowReader
from tests.deliveries import accepted_batch
from tests.integration.s3proxy import moto_process

DAY = date(2026, 1, 1)


def batch(name: str, rows: int, days: int = 1) -> Batch:
    return accepted_batch(name, DAY, rows, event_until=DAY + timedelta(days=days - 1))


def rows_of(each: Batch, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    count = each.rows_accepted
    return pd.DataFrame(
        {
            "row_id": [f"{each.batch_id}{number:05d}" for number in rng.permutation(count)],
            "batch_id": each.batch_id,
            "revision": 1,
            "event_date": [DAY + timedelta(days=number % 3) for number in range(count)],
            "moment": [datetime(2026, 1, 1, number % 24) for number in range(count)],  # noqa: DTZ001 - as delivered
            "number": np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count)),
            "whole": rng.integers(0, 9, count),
            "text": pd.array(np.array(["a", "b", None])[rng.integers(0, 3, count)], dtype="str"),
            "truth": rng.random(count) < 0.5,
        }
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def add(lake: Lake, *batches: Batch) -> None:
    lake.add_each("mine", "rows", {each.write_key: rows_of(each) for each in batches})


def read(reader: RowReader, some: list[RowPart]) -> pd.DataFrame:
    return pd.concat([piece for part in some for piece in reader.pieces(part)], ignore_index=True)


def test_a_batch_is_one_part_and_reads_as_it_always_did(lake: Lake) -> None:
    small, other = batch("a", 40, days=3), batch("b", 30, days=3)
    add(lake, small, other)
    files = RowFiles.now(lake, "mine")
    (part,) = files.parts(small)
    pd.testing.assert_frame_equal(read(files.reader, [part]), batch_rows(lake, "mine", small))


def test_a_large_batch_is_a_part_for_each_file_and_no_row_is_read_twice(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PIECE_ROWS", 16)
    large = batch("a", 100, days=3)
    whole = rows_of(large)
    lake.append_if_absent("mine", "rows", whole[:60], "first half")
    lake.append_if_absent("mine", "rows", whole[60:], "second half")
    files = RowFiles.now(lake, "mine")
    made = files.parts(large)
    assert [part.rows for part in made] in ([60, 40], [40, 60])
    pieces = [piece for part in made for piece in files.reader.pieces(part)]
    assert max(map(len, pieces)) == 8  # each is in memory as Arrow has it and as pandas has it
    found = pd.concat(pieces).sort_values("row_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, batch_rows(lake, "mine", large))


def test_a_large_batch_that_was_read_is_not_read_from_its_files_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parts, "PIECE_ROWS", 16)
    large, other = batch("a", 100, days=3), batch("b", 40, days=3)
    add(lake, large, other)
    files = RowFiles.now(lake, "mine")
    (part,) = files.parts(large)
    (of_other,) = files.parts(other)
    first = [*files.reader.pieces(part)]
    assert next(files.reader.pieces(of_other))["batch_id"].unique().tolist() == ["b"]  # and the rest is not asked for
    for path in (tmp_path / "mine" / "rows").glob("*.parquet"):
        path.unlink()
    again = [*files.reader.pieces(part)]
    for one, other_time in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other_time)
    with pytest.raises(Unreachable, match="run the flow again"):  # what was not read to its end is not kept
        [*files.reader.pieces(of_other)]


def test_a_large_file_is_read_by_its_row_groups(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from deltalake import WriterProperties, write_deltalake

    monkeypatch.setattr(parts, "PIECE_ROWS", 16)
    monkeypatch.setattr(parts, "PART_ROWS", 25)
    large = batch("a", 100, days=3)
    made = rows_of(large).astype({"event_date": "date32[pyarrow]"})
    groups = WriterProperties(max_row_group_size=10)
    write_deltalake(lake.ensured("mine", "rows"), made, mode="append", schema_mode="merge", writer_properties=groups)
    files = RowFiles.now(lake, "mine")
    shares = files.parts(large)
    counts = [sum(map(len, files.reader.pieces(part))) for part in shares]
    assert (len(shares), sum(counts)) == (4, 100)
    assert max(counts) <= 30
    assert len(read(files.reader, shares)["row_id"].unique()) == 100


def test_a_part_is_read_as_the_table_was_when_it_was_listed(lake: Lake) -> None:
    first, later = batch("a", 40, days=3), batch("b", 30, days=3)
    add(lake, first)
    files = RowFiles.now(lake, "mine")
    before = read(files.reader, files.parts(first))
    add(lake, later)
    compact(lake, "mine", "rows")
    remove(lake, "mine", "rows", "batch_id = 'a'")
    again = pickle.loads(pickle.dumps((files.reader, files.parts(first))))  # noqa: S301 - our own, a moment ago
    pd.testing.assert_frame_equal(read(*again), before)
    assert read(RowFiles.now(lake, "mine").reader, RowFiles.now(lake, "mine").parts(first)).empty


def test_a_column_that_came_later_is_missing_in_older_rows(lake: Lake) -> None:
    first, later = batch("a", 5), batch("b", 5)
    add(lake, first)
    lake.append_if_absent("mine", "rows", rows_of(later).assign(late=1.5), later.write_key)
    files = RowFiles.now(lake, "mine")
    assert read(files.reader, files.parts(first))["late"].isna().all()
    assert read(files.reader, files.parts(later))["late"].eq(1.5).all()


def test_a_batch_of_which_nothing_is_left_is_read_as_no_rows_with_all_columns(lake: Lake) -> None:
    add(lake, batch("m", 5))
    files = RowFiles.now(lake, "mine")
    gone = replace(batch("z", 5), event_from=DAY + timedelta(days=90), event_until=DAY + timedelta(days=91))
    found = read(files.reader, files.parts(gone))
    assert found.empty
    assert {"row_id", "number"} <= set(found.columns)


def test_files_that_are_gone_are_worth_another_try(lake: Lake, tmp_path: Path) -> None:
    add(lake, batch("a", 5))
    files = RowFiles.now(lake, "mine")
    for path in (tmp_path / "mine" / "rows").glob("*.parquet"):
        path.unlink()
    with pytest.raises(Unreachable, match="run the flow again"):
        read(files.reader, files.parts(batch("a", 5)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    boto3.client("s3", region_name="us-east-1", endpoint_url=store).create_bucket(Bucket="rows")
    options = {"aws_conditional_put": "etag", "aws_region": "us-east-1"}
    return Lake("s3://rows/lake", {**options, "aws_endpoint": store, "aws_allow_http": "true"})


@pytest.mark.parametrize("held", [1_000, 16])
def test_parts_are_read_from_a_store_as_from_a_disk(bucket: Lake, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PIECE_ROWS", held)
    some = batch(f"a{held}", 40, days=3)
    add(bucket, some)
    files = RowFiles.now(bucket, "mine")
    found = read(files.reader, files.parts(some)).sort_values("row_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, batch_rows(bucket, "mine", some))


def test_parts_are_put_together_in_order_and_none_is_left_out() -> None:
    def sizes() -> Iterator[RowPart]:
        for number in range(300):
            yield RowPart(f"b{number}", 1, (), 50_000 + 1_000 * (number % 7))

    some = list(sizes())
    made = partitions(some)
    assert [part for together in made for part in together] == some
    assert 64 <= len(made) <= 100
    assert partitions([]) == []
