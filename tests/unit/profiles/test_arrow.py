"""Rows are profiled where Arrow holds them, with the result that pandas gives."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import DataError
from tasks.profiles import (
    Axis,
    CategoryProfile,
    NumberProfile,
    Ruler,
    fit_ruler,
    profile,
)
from tests.unit.profiles.streaming import profile_stream

RULER = Ruler({"x": Axis(1.0, 2.0)}, ("c",), ("b",))
COLUMNS = {"x": [1.5, None, float("nan"), float("inf")], "c": ["a", None, "b", "a"], "b": [True, None, False, True]}


def one(values: pa.Array, ruler: Ruler) -> NumberProfile | CategoryProfile:
    return profile_stream([pa.record_batch({"v": values})], ruler).columns["v"]


def test_a_table_has_the_profile_of_its_frame() -> None:
    assert profile_stream(pa.table(COLUMNS).to_batches(), RULER) == profile(pd.DataFrame(COLUMNS), RULER)


def test_no_batches_are_no_rows() -> None:
    assert profile_stream([], RULER) == profile(pd.DataFrame(COLUMNS).iloc[:0], RULER)


@pytest.mark.parametrize("batch_rows", [1, 700, 65_536, 100_000])
def test_a_stream_may_be_cut_anywhere(batch_rows: int) -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random(100_000) < 0.3, 0.0, rng.normal(size=100_000))
    table = pa.table({"x": x, "c": rng.integers(0, 9, 100_000).astype(str), "b": x > 0})
    table = table.slice(0, 100 * batch_rows)
    assert profile_stream(table.to_batches(batch_rows), RULER) == profile(table.to_pandas(), RULER)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint16(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.decimal128(9, 2)]
)
def test_the_type_of_a_number_does_not_matter(kind: pa.DataType) -> None:
    values = pa.array([Decimal(1), Decimal(2), None], pa.decimal128(9, 2)).cast(pa.float64()).cast(kind)
    assert one(values, Ruler({"v": Axis()})) == one(pa.array([1.0, 2.0, None]), Ruler({"v": Axis()}))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["b", "a", "b", None]),
        pa.array(["b", "a", "b", None], pa.large_string()),
        pa.array(["b", "a", "b", None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 2], pa.int8()), pa.array(["b", "a", None])),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None], pa.uint32()), pa.array(["b", "a", "never met"])),
    ],
)
def test_categories_are_counted_however_they_are_held(values: pa.Array) -> None:
    assert one(values, Ruler({}, ("v",))) == CategoryProfile(4, 1, {"a": 1, "b": 2})


@pytest.mark.parametrize("values", [[1, 2, 2], [1.5, float("nan"), 1.5], [True, False, True]])
def test_what_is_not_text_counts_under_the_text_pandas_gives_it(values: list[float]) -> None:
    ruler = Ruler({}, ("v",))
    assert one(pa.array(values), ruler) == profile(pd.DataFrame({"v": values}), ruler).columns["v"]


@pytest.mark.parametrize("values", [[True, False, None, True], [1, 0, None, 1]])
def test_booleans_may_be_ones_and_zeros(values: list[bool | None]) -> None:
    assert one(pa.array(values), Ruler({}, (), ("v",))) == CategoryProfile(4, 1, {"true": 2, "false": 1})


@pytest.mark.parametrize("ruler", [Ruler({"v": Axis()}), Ruler({}, ("v",)), Ruler({}, (), ("v",))])
def test_a_column_of_nulls_is_all_null_whatever_it_was_to_hold(ruler: Ruler) -> None:
    column = one(pa.nulls(3), ruler)
    assert (column.rows, column.nulls) == (3, 3)


def test_the_wrong_kind_is_refused_with_its_name() -> None:
    with pytest.raises(DataError, match="column 'v' holds string; a number column was expected"):
        one(pa.array(["1"]), Ruler({"v": Axis()}))
    with pytest.raises(DataError, match="column 'v' holds str; true and false were expected"):
        one(pa.array(["yes"]), Ruler({}, (), ("v",)))
    with pytest.raises(DataError, match=r"lacks \['prices'\].*did you mean 'price'"):
        profile_stream([pa.record_batch({"price": [1]})], Ruler({"prices": Axis()}))


def test_a_ruler_is_fitted_from_a_table_as_from_its_frame() -> None:
    kinds = {"numbers": ["x"], "categories": ["c"], "booleans": ["b"]}
    chunked = pa.concat_tables([pa.table(COLUMNS), pa.table(COLUMNS)])
    assert fit_ruler(chunked, **kinds) == fit_ruler(chunked.to_pandas(), **kinds)


def test_a_parquet_file_is_profiled_batch_by_batch(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(10_000) / 7, "c": [f"plan {i % 5}" for i in range(10_000)], "b": [True] * 10_000})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=3_000)
    file = pq.ParquetFile(tmp_path / "rows.parquet", read_dictionary=["c"])
    assert profile_stream(file.iter_batches(1_000), RULER) == profile(table.to_pandas(), RULER)
