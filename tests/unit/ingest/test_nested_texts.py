"""Texts that Parquet stores once count in every row, at any depth, and are decoded to what was written."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.ingest.readers.bounds import Bounds
from tasks.ingest.readers.columnar.nested_texts import decoded_column, plain_type, text_bytes
from tasks.ingest.readers.columnar.parquet import columnar

TEXT = pa.dictionary(pa.int32(), pa.string())
RECORD = pa.struct([("a", TEXT), ("b", pa.int64())])
REQUIRED = pa.struct([pa.field("a", TEXT, nullable=False)])
COLUMNS: dict[str, tuple[pa.DataType, list[Any], list[int]]] = {
    "texts": (TEXT, ["ab", None, "ab", "c"], [2, 0, 2, 1]),
    "blocks": (pa.dictionary(pa.int32(), pa.binary(3)), [b"abc", None, b"abc"], [3, 0, 3]),
    "lists": (pa.list_(TEXT), [["ab", "c"], None, [], ["ab"]], [3, 0, 0, 2]),
    "large lists": (pa.large_list(TEXT), [["ab"], ["ab", None, "c"]], [2, 3]),
    "pairs": (pa.list_(TEXT, 2), [["ab", "c"], ["c", "c"]], [3, 2]),
    "records": (
        pa.struct([("a", TEXT), ("b", pa.int64())]),
        [{"a": "ab", "b": 1}, None, {"a": None, "b": 2}],
        [2, 0, 0],
    ),
    "lists of records": (pa.list_(pa.struct([("a", TEXT)])), [[{"a": "ab"}, {"a": "c"}], []], [3, 0]),
    "maps": (pa.map_(pa.string(), TEXT), [[("k", "ab"), ("l", "c")], [("k", "ab")]], [3, 2]),
    "required texts of missing records": (REQUIRED, [None, None, None], [0, 0, 0]),
    "lists of missing records": (pa.list_(REQUIRED), [[None, None], None, [None]], [0, 0, 0]),
    "large lists of records": (pa.large_list(REQUIRED), [[{"a": "ab"}, None], [], None], [2, 0, 0]),
    "pairs of records": (pa.list_(REQUIRED, 2), [[{"a": "ab"}, {"a": "c"}], [{"a": "c"}, {"a": "c"}]], [3, 2]),
    "maps in records": (
        pa.struct([("m", pa.map_(pa.string(), TEXT)), ("r", REQUIRED)]),
        [{"m": [("k", "ab")], "r": None}, None, {"m": None, "r": None}],
        [2, 0, 0],
    ),
    "numbers": (pa.int64(), [1, 2], [0, 0]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_texts_of_each_row_are_counted_also_in_a_slice(name: str) -> None:
    kind, values, sizes = COLUMNS[name]
    array = pa.array(values, kind)
    assert text_bytes(array).tolist() == sizes
    assert text_bytes(array.slice(1)).tolist() == sizes[1:]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_decoded_column_has_the_same_values_and_no_dictionary(name: str) -> None:
    kind, values, _ = COLUMNS[name]
    column = pa.chunked_array([pa.array(values, kind)])
    for part in (column, column.slice(1), column.slice(0, 1)):
        found = decoded_column(part)
        assert found.to_pylist() == part.to_pylist()
        assert found.type == plain_type(kind)
        assert "dictionary" not in str(found.type)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in {"blocks", "numbers"}])
def test_a_file_gives_what_was_written(name: str) -> None:
    kind, values, _ = COLUMNS[name]
    file = io.BytesIO()
    pq.write_table(pa.table({"note": pa.array(values, plain_type(kind))}), file)
    chunks = list(columnar(file, Bounds()))
    assert pa.concat_tables(chunks)["note"].to_pylist() == pa.array(values, kind).to_pylist()
