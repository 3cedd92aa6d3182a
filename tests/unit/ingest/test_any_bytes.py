"""Whatever bytes land, in whatever format: a delivery or a reason, never an exception."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.ingest import Content, Spool, Unreadable, delivery
from tasks.ingest.readers.columnar.compact_thrift import CompactStruct
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tests.deliveries import delivered

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))
GOOD = "id,sold,rooms\n7,2026-01-02,3\n8,2026-01-03,4\n"
LANDED = Landed("rows", "a", 9, date(2026, 1, 2))
laws = settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parquet() -> bytes:
    out = io.BytesIO()
    rows = {
        "id": ["7", "8"],
        "rooms": [3, None],
        "when": pd.Series(["2026-01-02", None], dtype="datetime64[us]"),
        "tags": [["a"], []],
    }
    pq.write_table(pa.table(rows), out)
    return out.getvalue()


SEEDS = {
    "csv": GOOD.encode(),
    "jsonl": b'{"id": "7", "sold": "2026-01-02", "rooms": [3]}\n{"id": 8, "more": {"a": null}}\n',
    "parquet": parquet(),
}
texts = st.text(alphabet=st.sampled_from(list('",;\t|\n\r\0\\ab1{}[]:é\ufeff\u202e🏠')), max_size=60)


def read_of(content: bytes, fmt: str, **source: Any) -> Delivery | Unreadable:
    spec = ProjectSpec.model_validate(HOUSES | {"source": HOUSES["source"] | {"format": fmt} | source})
    return delivered(content, LANDED, spec, b"")


def is_delivered_or_refused(found: Delivery | Unreadable) -> bool:
    if isinstance(found, Delivery):
        return found.row_count == len(found.frame) and bool(found.frame.columns.is_unique)
    return bool(found.reason and found.detail)


@pytest.mark.parametrize("fmt", SEEDS)
@laws
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_delivery_or_a_reason(fmt: str, content: bytes) -> None:
    assert is_delivered_or_refused(read_of(content, fmt))


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "latin-1"])
@laws
@given(text=texts, separator=st.sampled_from([",", ";", "\t", "|"]))
def test_any_text_is_a_delivery_or_a_reason(fmt: str, encoding: str, text: str, separator: str) -> None:
    said = "utf-8" if encoding == "utf-16" else encoding
    content = text.encode(encoding, errors="replace")
    assert is_delivered_or_refused(read_of(content, fmt, encoding=said, separator=separator))
    assert is_delivered_or_refused(read_of(gzip.compress(content), fmt, encoding=said, separator=separator))


@pytest.mark.parametrize("fmt", SEEDS)
@laws
@given(data=st.data())
def test_a_good_file_with_any_damage_is_a_delivery_or_a_reason(fmt: str, data: st.DataObject) -> None:
    content = bytearray(SEEDS[fmt])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    assert is_delivered_or_refused(read_of(bytes(content), fmt))
    assert is_delivered_or_refused(read_of(bytes(content[:cut]), fmt))
    assert is_delivered_or_refused(read_of(bytes(content[cut:]), fmt))


def test_a_parquet_file_with_a_damaged_footer_is_a_delivery_or_a_reason() -> None:
    """Some of these ended the process when pyarrow was asked for a column chunk."""
    whole, random = SEEDS["parquet"], Random(1)
    footer_bytes = int.from_bytes(whole[-8:-4], "little")
    for _ in range(1_000):
        content = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            content[-random.randint(5, footer_bytes + 8)] = random.randrange(256)
        assert is_delivered_or_refused(read_of(bytes(content), "parquet"))


@laws
@given(content=st.one_of(st.binary(max_size=60), texts.map(str.encode)))
def test_in_pieces_on_disk_any_bytes_are_what_they_are_in_memory(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for fmt in ("csv", "jsonl"):
        spec = ProjectSpec.model_validate(HOUSES | {"source": HOUSES["source"] | {"format": fmt}})
        folder = tmp_path_factory.mktemp("spool") / "rows"
        kept = delivery([Content.of("a", content)], "name", LANDED, spec, b"", Spool(folder))
        held = delivery([Content.of("a", content)], "name", LANDED, spec, b"")
        if isinstance(held, Unreadable) or isinstance(kept, Unreadable):
            assert kept == held
        else:
            assert kept.row_count == held.row_count
            assert list(kept.frame) == list(held.frame)


def test_a_parquet_file_on_disk_with_a_zone_that_does_not_exist_is_a_reason(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"when": pa.array([0], pa.timestamp("us", "Mars/Phobos"))}), out)
    spec = ProjectSpec.model_validate(HOUSES | {"source": HOUSES["source"] | {"format": "parquet"}})
    found = delivery([Content.of("a", out.getvalue())], "name", LANDED, spec, b"", Spool(tmp_path / "rows"))
    assert isinstance(found, Unreadable)
    assert found.reason == "not_parquet"


def test_a_number_of_a_footer_with_more_than_64_bits_is_refused() -> None:
    longest = bytes([0x16]) + b"\xff" * 9 + b"\x01\x00"  # field 1, nine bytes of ones, and the 64th bit
    assert CompactStruct(longest).fields({1: {}}) == {1: -(2**63)}
    for too_long in (b"\xff" * 9 + b"\x02\x00", b"\xff" * 60 + b"\x01\x00"):
        with pytest.raises(ValueError, match="more than 64 bits"):
            CompactStruct(bytes([0x16]) + too_long).fields({1: {}})


def test_what_a_footer_lists_and_no_one_needs_is_not_kept() -> None:
    structs = 200_000
    content = b"\x19\xfc" + varint(structs) + bytes(structs) + b"\x15\x0e\x00"  # field 1: structs; field 2: 7
    tracemalloc.start()
    assert CompactStruct(content).fields({2: {}}) == {2: 7}
    assert tracemalloc.get_traced_memory()[1] < structs
    tracemalloc.stop()


def varint(value: int) -> bytes:
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def test_a_parquet_file_that_is_cut_anywhere_is_a_reason() -> None:
    content = SEEDS["parquet"]
    found = [read_of(content[:cut], "parquet") for cut in range(1, len(content), 7)]
    assert {each.reason for each in found if isinstance(each, Unreadable)} == {"not_parquet"}
    assert not any(isinstance(each, Delivery) for each in found)
