"""What the readers rely on, one test a default: values at both ends of every type arrive as they were written."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.ingest import Unreadable
from tasks.ingest.readers.bounds import Bounds
from tasks.ingest.readers.chunks import Dialect, read_chunks
from tasks.ingest.readers.delivery_spool import spool_chunks
from tasks.ingest.readers.object_content import Content
from tasks.lake import Lake
from tasks.records import Landed
from tasks.spec.cells.cell_types import categories, numbers
from tasks.spec.cells.time_cells import times
from tasks.spec.project_spec import ProjectSpec
from tests.deliveries import delivered

FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - files may hold times of no zone
BOTH_ENDS = ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "NaT"]
SPEC = ProjectSpec.model_validate(
    {
        "project": "shop",
        "scope": {"owner": "me", "objective": "Price.", "metric": "mean_absolute_error"},
        "source": {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
        "features": {"numbers": ["rooms"]},
    }
)


def read(content: bytes, fmt: str) -> pd.DataFrame:
    source = SPEC.source.model_copy(update={"format": fmt})
    spec = SPEC.model_copy(update={"source": source})
    found = delivered(content, Landed("rows", f"a.{fmt}", len(content), date(2026, 1, 1)), spec, b"")
    assert not isinstance(found, Unreadable), found
    return found.frame


def stored(values: pa.Array, **options: Any) -> pd.Series:
    out = io.BytesIO()
    pq.write_table(pa.table({"x": values}), out, **options)
    return read(out.getvalue(), "parquet")["x"]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_parquet_reach_from_year_1_to_9999_in_every_unit(unit: str, zone: str | None) -> None:
    column = stored(pa.array([FIRST, LAST, None], pa.timestamp(unit, zone)))
    assert times(column, "Europe/Berlin").column.astype("str").tolist()[:2] == BOTH_ENDS[:2]


def test_nanoseconds_are_cut_to_microseconds_and_keep_their_day() -> None:
    moments = pa.array([1_767_312_000_123_456_789], pa.timestamp("ns"))
    assert str(times(stored(moments), "UTC").column[0]) == "2026-01-02 00:00:00.123456"


def test_int96_as_spark_writes_it_reaches_to_the_year_9999() -> None:
    moments = pa.array([FIRST, LAST, None], pa.timestamp("us"))
    column = stored(moments, use_deprecated_int96_timestamps=True)
    assert times(column, "UTC").column.astype("str").tolist()[:2] == BOTH_ENDS[:2]
    assert column.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_reach_from_year_1_to_9999(kind: pa.DataType) -> None:
    read_days = times(stored(pa.array([FIRST.date(), LAST.date(), None], kind)), "Europe/Berlin")
    assert [str(day)[:10] for day in read_days.column] == ["0001-01-01", "9999-12-31", "NaT"]
    assert read_days.clean


@pytest.mark.parametrize(
    ("kind", "values"), [(pa.int64(), [2**63 - 1, -(2**63)]), (pa.uint64(), [2**64 - 1, 0]), (pa.int8(), [-128, 127])]
)
def test_whole_numbers_keep_every_digit_as_ids_also_next_to_a_missing_one(kind: pa.DataType, values: list[int]) -> None:
    assert categories(stored(pa.array([*values, None], kind))).column.tolist()[:2] == [str(value) for value in values]


def test_decimals_keep_38_digits_as_ids_and_are_doubles_as_numbers() -> None:
    column = stored(pa.array([Decimal("9" * 38), Decimal("-" + "9" * 38), None], pa.decimal128(38, 0)))
    assert categories(column).column.tolist()[:2] == ["9" * 38, "-" + "9" * 38]
    assert numbers(column).column.tolist()[:2] == [1e38, -1e38]
    assert numbers(stored(pa.array([Decimal("0.1")], pa.decimal256(60, 40)))).column.tolist() == [0.1]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_floats_of_every_width_keep_their_ends_and_the_sign_of_zero(kind: pa.DataType) -> None:
    ends = [np.float16(65504), np.float16(-0.0), np.float16(6e-8)]
    found = numbers(stored(pa.array([*ends, None], kind))).column
    assert found.tolist()[:3] == [65504.0, 0.0, float(ends[2])]
    assert np.signbit(found[1])
    assert categories(stored(pa.array(ends[1:2], kind))).column.tolist() == ["0"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "b" * 40, None], pa.string()),
        pa.array(["a", "b" * 40, None], pa.large_string()),
        pa.array(["a", "b" * 40, None], pa.string_view()),
        pa.array(["a", "b" * 40, None]).dictionary_encode(),
        pa.array(["a", "b" * 40, None], pa.large_string()).dictionary_encode(),
    ],
    ids=["text", "large text", "a view of text", "a dictionary", "a dictionary of large text"],
)
def test_text_is_text_in_every_layout(values: pa.Array) -> None:
    assert categories(stored(values)).column.tolist()[:2] == ["a", "b" * 40]


def test_row_groups_without_rows_change_nothing() -> None:
    out = io.BytesIO()
    with pq.ParquetWriter(out, pa.schema([("x", pa.int64())])) as writer:
        for rows in (0, 3, 0, 2, 0):
            writer.write_table(pa.table({"x": pa.array(range(rows), pa.int64())}))
    assert read(out.getvalue(), "parquet")["x"].tolist() == [0, 1, 2, 0, 1]


def test_json_keeps_the_digits_of_numbers_and_the_sign_of_zero() -> None:
    lines = [{"x": 2**63}, {"x": -(2**63)}, {"x": 0.1}, {"x": -0.0}, {"x": 5e-324}, {"x": 1.7976931348623157e308}]
    column = read("".join(json.dumps(row) + "\n" for row in lines).encode(), "jsonl")["x"]
    assert categories(column).column.tolist()[:2] == [str(2**63), str(-(2**63))]
    found = numbers(column).column
    assert found.tolist() == [2.0**63, -(2.0**63), 0.1, 0.0, 5e-324, 1.7976931348623157e308]
    assert np.signbit(found[3])


def test_csv_keeps_the_text_of_every_cell() -> None:
    cells = ["007", "1e5", "TRUE", "NA", "-0.0", "1_000", " 2 ", "9" * 38, "2026-01-02", "nan"]
    frame = read(("x\n" + "".join(f"{cell}\n" for cell in cells)).encode(), "csv")
    assert frame["x"].tolist() == cells


@pytest.mark.parametrize("fmt", ["parquet", "jsonl"])
def test_a_delivery_that_is_kept_on_disk_is_read_back_with_every_value(fmt: str, tmp_path: Path) -> None:
    values = {"whole": [2**63 - 1, None], "real": [-0.0, 1.7976931348623157e308], "text": ["é" * 40, None]}
    if fmt == "parquet":
        out = io.BytesIO()
        moments = pa.array([FIRST, LAST], pa.timestamp("us"))
        pq.write_table(pa.table({**values, "at": moments, "half": pa.array(np.array([1, 2], dtype=np.float16))}), out)
        content = out.getvalue()
    else:
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    whole = read(content, fmt)
    chunks = read_chunks([Content.of("a", content)], Dialect(fmt))  # type: ignore[arg-type]
    spooled = spool_chunks(chunks, tmp_path / "spool", Bounds())
    (again,) = spooled()
    for name in whole:
        assert categories(again[name]).column.equals(categories(whole[name]).column)
    assert np.signbit(numbers(again["real"]).column[0])


def test_the_lake_keeps_both_ends_of_every_type(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    rows = pd.DataFrame(
        {
            "row_id": ["a", "b"],
            "batch_id": "one",
            "revision": 1,
            "event_date": [FIRST.date(), LAST.date()],
            "at": pd.Series([FIRST, LAST]).astype("datetime64[us]"),
            "real": [-0.0, 1.7976931348623157e308],
            "flag": pd.array([None, True], "boolean"),
            "text": pd.Series(["\U0001f3e0", None], dtype="str"),
        }
    )
    lake.append_if_absent("shop", "rows", rows, "one/1")
    found = lake.read("shop", "rows", where=[("event_date", "<=", LAST.date())]).sort_values("row_id")
    assert found["event_date"].tolist() == [FIRST.date(), LAST.date()]
    assert found["at"].astype("str").tolist() == BOTH_ENDS[:2]
    assert found["real"].tolist() == rows["real"].tolist()
    assert np.signbit(found["real"].iloc[0])
    assert found["flag"].tolist() == [None, True]
    assert found["text"].iloc[0] == "\U0001f3e0"
    early = lake.read("shop", "rows", where=[("event_date", "<", LAST.date())])
    assert early["row_id"].tolist() == ["a"]
