"""How much memory hostile deliveries take: `python -m tests.integration.hostile_deliveries FOLDER` takes them in.

A process of its own, with a limit on its memory: it fails, or is killed, when a delivery asks for more. Each format is
one night, with all its hostile deliveries and a good one after them. It prints what became of each delivery, and the
megabytes that the process grew by.
"""

from __future__ import annotations

import gc
import gzip
import io
import json
import resource
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.ingest.task import take_in
from tasks.lake import Lake, latest
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

MEGABYTE = 2**20
MEMORY_MB = 512
NIGHT = date(2026, 1, 9)
MOMENT = datetime(2026, 1, 9, 12, tzinfo=UTC)
GOOD = {"id": "1", "sold": "2026-01-02", "rooms": "3", "price": "9"}
NAMES = list(GOOD)
LISTED = 10_000_000


def dictionary_of_one_long_text() -> bytes:
    """Some kilobytes that are 1.3 GB of text: every row points at the same megabyte."""
    texts = pa.array([f"{number:07}" * 140_000 for number in range(3)])
    column = pa.DictionaryArray.from_arrays(pa.array(np.arange(1_325, dtype=np.int32) % 3), texts)
    return _parquet(_good(1_325).append_column("note", column), store_schema=False)


def texts_of_a_megabyte(count: int) -> pa.Array:
    """Texts that are stored once, as a dictionary of three."""
    texts = pa.array([f"{number:07}" * 140_000 for number in range(3)])
    return pa.DictionaryArray.from_arrays(pa.array(np.arange(count, dtype=np.int32) % 3), texts)


def lists_of_one_long_text() -> bytes:
    """150 rows with lists of ten texts each, which are the same megabytes."""
    lists = pa.ListArray.from_arrays(pa.array(range(0, 1_510, 10), pa.int32()), texts_of_a_megabyte(1_500))
    return _parquet(_good(150).append_column("note", lists), store_schema=False)


def records_of_one_long_text() -> bytes:
    """A field of a record instead of a column."""
    records = pa.StructArray.from_arrays([texts_of_a_megabyte(1_325)], ["text"])
    return _parquet(_good(1_325).append_column("note", records), store_schema=False)


def maps_of_one_long_text() -> bytes:
    """Maps with ten keys in each row."""
    ends = pa.array(range(0, 1_510, 10), pa.int32())
    keys = pa.array([str(number % 10) for number in range(1_500)])
    maps = pa.MapArray.from_arrays(ends, keys, texts_of_a_megabyte(1_500))
    return _parquet(_good(150).append_column("note", maps), store_schema=False)


def views_of_one_long_text() -> bytes:
    """A column that its writer has declared to be views into one buffer."""
    views = texts_of_a_megabyte(150).cast(pa.string()).cast(pa.string_view())
    return _parquet(_good(150).append_column("note", views), dictionary_pagesize_limit=2**30)


def runs_of_one_value() -> bytes:
    """20,000,000 rows of one number, of true and of nothing, which are runs of some bytes."""
    rows = 20_000_000
    columns = {name: pa.array([value]).take(pa.array(np.zeros(rows, np.int32))) for name, value in GOOD.items()}
    more = {"flag": pa.array(np.ones(rows, dtype=bool)), "none": pa.nulls(rows, pa.int64())}
    return _parquet(pa.table(columns | more), use_dictionary=True)


def prefixes_of_one_long_text() -> bytes:
    """150 texts of a megabyte, each of which repeats the one before."""
    out = io.BytesIO()
    rows = _good(50).append_column("note", pa.array(["x" * 1_000_000] * 50))
    encoded = {"use_dictionary": False, "column_encoding": {"note": "DELTA_BYTE_ARRAY"}, "write_statistics": False}
    with pq.ParquetWriter(out, rows.schema, compression="zstd", data_page_size=2**30, **encoded) as writer:
        for _ in range(3):
            writer.write_table(rows)
    return out.getvalue()


@cache
def one_row_with_a_list() -> bytes:
    """A kilobyte that asks for one list of 10,000,000 numbers."""
    numbers = pa.ListArray.from_arrays(pa.array([0, LISTED], pa.int32()), pa.array(np.zeros(LISTED, np.int8)))
    return _parquet(_good(1).append_column("note", numbers))


def a_footer_that_says_less() -> bytes:
    """The same list, with a footer that claims a fraction of its values."""
    content = one_row_with_a_list()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    claimed = content[-footer:].replace(_varint(2 * LISTED), _varint(2 * 1_100_000))
    return content[:-footer] + claimed


def blocks_of_a_megabyte() -> bytes:
    """Values of a fixed length of a million bytes, repeated."""
    block = pa.FixedSizeBinaryArray.from_buffers(pa.binary(1_000_000), 1, [None, pa.py_buffer(b"x" * 1_000_000)])
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(150, np.int32)), block)
    return _parquet(_good(150).append_column("note", column), store_schema=False)


def columns_of_parquet(count: int = 20_000) -> bytes:
    names = [*NAMES, *(f"c{number}" for number in range(count))]
    return _parquet(pa.table({name: pa.nulls(1, pa.int8()) for name in names}))


def columns_of_csv(count: int) -> bytes:
    return ",".join([*NAMES, *(f"c{number}" for number in range(count))]).encode() + b"\n" + b"," * count + b",,,\n"


def repeated_columns_of_csv() -> bytes:
    return ",".join([*NAMES, *(f"c{number // 2}" for number in range(500_000))]).encode() + b"\n"


def header_without_end() -> bytes:
    return b"id" + b"," * 30_000_000


def other_keys_on_each_line(count: int = 30_000) -> bytes:
    return "".join(json.dumps(GOOD | {f"key{number}": 1}) + "\n" for number in range(count)).encode()


def a_wide_line_and_many_short_ones() -> bytes:
    wide = json.dumps(GOOD | {f"key{number}": 1 for number in range(15_000)})
    return (wide + "\n" + '{"id": "2", "note": "%s"}\n' % ("x" * 500) * 20_000).encode()


def lists_of_lists() -> bytes:
    inner = "[" + ",".join(["[]"] * 2_500_000) + "]"
    return (json.dumps(GOOD)[:-1] + f', "note": {inner}}}\n').encode()


def short_lists_on_each_line() -> bytes:
    line = (json.dumps(GOOD | {"id": "2"})[:-1] + f', "note": [{",".join(["[]"] * 20_000)}]}}\n').encode()
    return line * 30


def cells_of_one_character() -> bytes:
    """One row longer than a block, then rows of empty cells."""
    names = ",".join([*NAMES, *(f"c{number}" for number in range(2_000))]).encode()
    long = b"1,2026-01-02,3,9," + b"x" * 2_500_000 + b"," * 1_999 + b"\n"
    return names + b"\n" + long + (b"1,2026-01-02,3,9" + b"," * 2_000 + b"\n") * 500


def long_names_of_many_rows() -> bytes:
    """Two megabytes of names: 10,000 rows would be 20 GB when each is stored as JSON."""
    names = [*NAMES, *(f"c{number}" + "x" * 3_900 for number in range(500))]
    return ",".join(names).encode() + b"\n" + (b"1,2026-01-02,3,9" + b"," * 500 + b"\n") * 10_000


def zeros_in_gzip() -> bytes:
    return gzip.compress(b"id,sold,rooms,price\n" + b"1,2026-01-02,3,9\n" * 10_000_000, 9)


ATTACKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a dictionary of one long text": ("parquet", dictionary_of_one_long_text),
    "lists of one long text": ("parquet", lists_of_one_long_text),
    "records of one long text": ("parquet", records_of_one_long_text),
    "maps of one long text": ("parquet", maps_of_one_long_text),
    "views of one long text": ("parquet", views_of_one_long_text),
    "runs of one value": ("parquet", runs_of_one_value),
    "texts that repeat the one before": ("parquet", prefixes_of_one_long_text),
    "one list of 10,000,000 numbers": ("parquet", one_row_with_a_list),
    "a footer that says less than its pages": ("parquet", a_footer_that_says_less),
    "blocks of a megabyte": ("parquet", blocks_of_a_megabyte),
    "20,000 columns of parquet": ("parquet", columns_of_parquet),
    "50,000 columns of csv": ("csv", lambda: columns_of_csv(50_000)),
    "500,000 columns of csv": ("csv", lambda: columns_of_csv(500_000)),
    "500,000 columns that repeat": ("csv", repeated_columns_of_csv),
    "a header that does not end": ("csv", header_without_end),
    "other keys on each line": ("jsonl", other_keys_on_each_line),
    "a wide line and many short ones": ("jsonl", a_wide_line_and_many_short_ones),
    "a list of 2,500,000 lists": ("jsonl", lists_of_lists),
    "lists on each line": ("jsonl", short_lists_on_each_line),
    "a long row, then empty cells": ("csv", cells_of_one_character),
    "long names of many rows": ("csv", long_names_of_many_rows),
    "a gzip bomb": ("csv", zeros_in_gzip),
}


def _good(rows: int) -> pa.Table:
    ids = pa.array([str(number) for number in range(rows)])
    return pa.table({name: ids if name == "id" else pa.array([value] * rows) for name, value in GOOD.items()})


def _parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", **options)
    return out.getvalue()


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


NAMED = {"id": ["id"], "event_time": "sold", "label": {"column": "price"}}


def spec_of(fmt: str) -> ProjectSpec:
    source = {"uri": "landing", "format": fmt, "arrival": "filename", **NAMED}
    scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    named: dict[str, Any] = {"project": "houses", "scope": scope, "source": source}
    return ProjectSpec.model_validate(named | {"features": {"numbers": ["rooms"]}, "ingest": {"memory_mb": MEMORY_MB}})


def land(fmt: str, folder: Path, *, hostile: bool = True) -> None:
    """Write the hostile deliveries of a format, and a good one that is read after them."""
    landing = folder / "landing"
    landing.mkdir(parents=True)
    for name, (its_format, build) in ATTACKS.items():
        if its_format == fmt and hostile:
            (landing / f"2026-01-05 {name}").write_bytes(build())
    rows = _good(3)
    good = {
        "parquet": _parquet(rows),
        "csv": b"id,sold,rooms,price\n" + b"1,2026-01-02,3,9\n",
        "jsonl": json.dumps(GOOD).encode(),
    }
    (landing / "2026-01-06 good").write_bytes(good[fmt])
    (folder / "expectations.json").write_text('{"name": "houses", "expectations": [], "meta": {}}', encoding="utf-8")


def night(fmt: str, folder: Path) -> dict[str, Any]:
    """Take the deliveries of a format in; return the findings about each."""
    spec, lake, spool = spec_of(fmt), Lake(str(folder / "lake")), folder / "spool"
    landed = take_in(lake, spec, folder, NIGHT, MOMENT, spool / "landed")
    store(lake, spec, verdicts(landed, spec, folder, spool / "checked"), NIGHT, MOMENT)
    batches = latest(lake, "houses")
    return {
        batch.key.partition(" ")[2]: {"verdict": batch.verdict, "findings": json.loads(batch.findings)}
        for batch in batches
    }


def main(folder: Path) -> None:
    """Land all, then take all in with little memory; what a night imports was imported before."""
    formats = ("csv", "jsonl", "parquet")
    for fmt in formats:
        land(fmt, folder / fmt)
        land(fmt, folder / "good" / fmt, hostile=False)
        night(fmt, folder / "good" / fmt)
    gc.collect()
    pa.default_memory_pool().release_unused()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    before, allowed = _status_mb("VmRSS"), (_status_mb("VmData") + 2 * MEMORY_MB) * MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    found: dict[str, Any] = {}
    for fmt in formats:
        found |= {f"{fmt}: {name}": what for name, what in night(fmt, folder / fmt).items()}
        sys.stderr.write(f"{fmt}: {_status_mb('VmHWM') - before} MB\n")
    print(json.dumps({"deliveries": found, "grown_mb": _status_mb("VmHWM") - before}))  # noqa: T201 - what is read


def _status_mb(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))
