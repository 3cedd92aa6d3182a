from __future__ import annotations

import gzip
import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.ingest import Unreadable, parsed


def frame_of(content: bytes, key: str = "a.csv", fmt: Any = "csv") -> pd.DataFrame:
    frame = parsed(content, key, fmt)
    assert isinstance(frame, pd.DataFrame), frame
    return frame


def fault_of(content: bytes, key: str = "a.csv", fmt: Any = "csv") -> Unreadable:
    fault = parsed(content, key, fmt)
    assert isinstance(fault, Unreadable), fault
    return fault


def parquet_of(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def test_every_csv_cell_stays_the_text_it_was() -> None:
    frame = frame_of(b"zip,count,flag,gap\n01234,1e3,true,\nNA,1_0, x ,nan\n")
    assert frame.to_dict("list") == {
        "zip": ["01234", "NA"],
        "count": ["1e3", "1_0"],
        "flag": ["true", " x "],
        "gap": ["", "nan"],
    }
    assert {str(kind) for kind in frame.dtypes} == {"str"}


def test_a_byte_order_mark_quotes_line_breaks_and_windows_line_ends_are_understood() -> None:
    frame = frame_of(b'\xef\xbb\xbfid,note\r\n1,"two\nlines, ""quoted"""\r\n')
    assert frame.to_dict("list") == {"id": ["1"], "note": ['two\nlines, "quoted"']}


def test_a_packed_file_is_unpacked() -> None:
    assert frame_of(gzip.compress(b"id\n7\n"), "a.csv.gz")["id"].tolist() == ["7"]
    assert fault_of(b"id\n7\n", "a.csv.gz").reason == "not_gzip"
    assert fault_of(gzip.compress(b"id\n7\n" * 99)[:-9], "a.csv.gz").reason == "not_gzip"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"id,sold\n", b"id,sold"])
def test_a_file_without_rows_is_a_frame_without_rows(content: bytes) -> None:
    assert len(frame_of(content)) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b\n1,2\n3\n", "ragged_row"),
        (b"a,b\n1,2,3\n", "ragged_row"),
        (b'a,b\n1,"2\n3,4\n', "unclosed_quote"),
        (b"a;b\n1;2\n", "wrong_separator"),
        ("a,b\n1,é\n".encode("latin-1"), "not_utf8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "nul_byte"),
        (b"a,a\n1,2\n", "column_twice"),
    ],
)
def test_what_is_no_csv_is_a_value_with_a_reason(content: bytes, reason: str) -> None:
    assert fault_of(content).reason == reason


def test_a_text_may_be_in_any_of_the_encodings_the_spec_knows_and_a_mark_is_believed_before_it() -> None:
    text = "id,street\n1,Größe\n"
    for encoding in ("latin-1", "cp1252"):
        read = parsed(text.encode(encoding), "a.csv", "csv", encoding=encoding)
        assert isinstance(read, pd.DataFrame)
        assert read["street"].tolist() == ["Größe"]
    for marked in (text.encode("utf-16"), text.encode("utf-8-sig"), b"\xfe\xff" + text.encode("utf-16-be")):
        assert frame_of(marked)["street"].tolist() == ["Größe"]


def test_a_cell_of_ten_megabytes_is_read_with_the_rows_before_and_after_it() -> None:
    long = "x" * 10_000_000
    content = "id,note\n" + "1,a\n" * 400_000 + f"2,{long}\n" + "3,b\n"
    frame = frame_of(content.encode())
    assert (len(frame), frame["id"].iloc[-2], frame["note"].iloc[-1]) == (400_002, "2", "b")
    assert frame["note"].iloc[-2] == long


def test_a_row_past_all_bounds_is_a_value_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.ingest.readers.csv_reader.BLOCK_BYTES", 100)
    monkeypatch.setattr("tasks.ingest.readers.bounds.ROW_SHARE", 1000 / 2**30)
    assert fault_of(b"id,note\n1," + b"x" * 3000).reason == "row_too_long"
    assert len(frame_of(b"id,note\n" + b"1,a\n" * 99 + b"1," + b"x" * 900)) == 100
    assert fault_of(b"{" + b" " * 3000, "a.jsonl", "jsonl").reason == "row_too_long"


def test_what_is_packed_out_of_all_proportion_is_not_unpacked_whole() -> None:
    bomb = gzip.compress(b"id\n" + b"0" * 80_000_000, 1)
    assert fault_of(bomb, "a.csv.gz").detail.startswith("its uncompressed size is more than")
    assert len(frame_of(gzip.compress(b"id\n" + b"7\n" * 1_000_000), "a.csv.gz")) == 1_000_000


def test_a_ragged_row_far_down_is_named_by_its_line_and_found_behind_several_blocks() -> None:
    content = b"id,note\n" + b"1,abcdefghij\n" * 300_000 + b"2\n" + b"3,c\n" * 1000
    assert fault_of(content).detail == "line 300002 has 1 cells, the header 2"


def test_a_fault_names_the_line_and_keeps_its_content_to_itself() -> None:
    detail = fault_of(b"name,plan\nAnn,1\nBo Secret\n").detail
    assert detail == "line 3 has 1 cells, the header 2"


def test_json_lines_keep_pythons_own_values() -> None:
    frame = frame_of(b'{"id": 7, "zip": "01234"}\n\n{"id": 8.5, "more": true}\n', "a.jsonl", "jsonl")
    assert frame["id"].tolist() == [7, 8.5]
    assert frame["zip"].tolist() == ["01234", None]
    assert frame["more"].tolist() == [None, True]


@pytest.mark.parametrize("content", [b'{"id": 7', b"[1, 2]\n", b'{"id": 7}\nseven\n', b"[" * 100_000])
def test_a_line_that_is_no_json_object_is_a_value_with_a_reason(content: bytes) -> None:
    assert fault_of(content, "a.jsonl", "jsonl").reason == "not_jsonl"


def test_half_a_character_is_refused_before_anything_chokes_on_it() -> None:
    assert "half a character" in fault_of(b'{"id": "\\ud800"}', "a.jsonl", "jsonl").detail
    assert frame_of(b'{"id": "\\ud83d\\ude00"}', "a.jsonl", "jsonl")["id"].tolist() == ["\N{GRINNING FACE}"]


def test_parquet_keeps_whole_numbers_and_booleans_whole_when_some_are_missing() -> None:
    table = pa.table({"id": [7, None], "flag": [True, None], "zip": pa.array(["01234", None]).dictionary_encode()})
    frame = frame_of(parquet_of(table), "a.parquet", "parquet")
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "str"]
    assert frame["id"].tolist() == [7, pd.NA]


def test_a_truncated_parquet_file_and_a_column_twice_are_values_with_a_reason() -> None:
    content = parquet_of(pa.table({"id": [7]}))
    assert fault_of(content[:-3], "a.parquet", "parquet").reason == "not_parquet"
    assert fault_of(b"id\n7\n", "a.parquet", "parquet").reason == "not_parquet"
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    assert fault_of(parquet_of(twice), "a.parquet", "parquet").reason == "column_twice"
