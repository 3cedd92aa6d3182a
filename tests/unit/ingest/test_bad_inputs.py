"""What a delivery may look like, and what becomes of it: every case with its exact verdict and reason codes.

The way is the real one: bytes, what ingest reads of them, what the contract says of that. `accept` is without any
finding, `warn` accepts with one, `rows` quarantines rows, `batch` the whole delivery; a spec that cannot be meant is
refused before anything lands.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.ingest import Unreadable
from tasks.records import Landed, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, check_all, check_labels, read_suite, unreadable
from tests.deliveries import delivered

Row = dict[str, Any]
Rows = list[Row]
ALL = ("csv", "jsonl", "parquet")
TEXT = ("csv", "jsonl")
MANY = "too_many_refused_rows"
COUNT = 20
DAY = date(2026, 1, 5)
SPEC: dict[str, Any] = {
    "project": "shop",
    "scope": {"owner": "me", "objective": "Price.", "metric": "mean_absolute_error"},
    "source": {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}},
    "features": {"numbers": ["rooms", "size"], "categories": ["kind"], "booleans": ["paid"]},
}
RULES = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "size", "min_value": 0, "max_value": 500}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "rooms"}},
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "kind", "value_set": ["flat", "house"]},
        "severity": "warning",
    },
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": 100}, "severity": "warning"},
    {
        "type": "expect_column_unique_value_count_to_be_between",
        "kwargs": {"column": "rooms", "min_value": 2},
        "severity": "warning",
    },
    {
        "type": "expect_column_unique_value_count_to_be_between",
        "kwargs": {"column": "price", "min_value": 2},
        "severity": "critical",
    },
]


def good(count: int = COUNT) -> Rows:
    """Twenty rows that nothing speaks against."""
    return [
        {
            "id": f"{number:04}",
            "sold": f"2026-01-{number % 28 + 1:02}",
            "rooms": number % 5 + 1,
            "size": 40.5 + number,
            "kind": ("flat", "house")[number % 2],
            "paid": number % 3 == 0,
            "price": 1000.0 + number,
        }
        for number in range(count)
    ]


def with_value(column: str, value: Any, rows: int = 1) -> Rows:
    """The first rows have another value."""
    return [row | {column: value} if number < rows else row for number, row in enumerate(good())]


def renamed(old: str, new: str) -> Rows:
    return [{(new if name == old else name): value for name, value in row.items()} for row in good()]


def without(*columns: str) -> Rows:
    return [{name: value for name, value in row.items() if name not in columns} for row in good()]


def each_row(change: Callable[[int, Row], Row]) -> Rows:
    return [row | change(number, row) for number, row in enumerate(good())]


def as_csv(rows: Rows, separator: str = ",", line: str = "\n", decimal: str = ".") -> str:
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(out, delimiter=separator, lineterminator=line)
    writer.writerow(names)
    for row in rows:
        cells = ["" if row.get(name) is None else row[name] for name in names]
        writer.writerow([str(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in cells])
    return out.getvalue()


def as_jsonl(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def as_table(rows: Rows) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: as_array([row.get(name) for row in rows]) for name in names})


def as_array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def as_parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def written(rows: Rows, fmt: str) -> bytes:
    if fmt == "parquet":
        return as_parquet(as_table(rows))
    return (as_csv(rows) if fmt == "csv" else as_jsonl(rows)).encode()


@dataclass(frozen=True)
class Case:
    """What lands, the spec it meets, and what becomes of it."""

    name: str
    verdict: str
    reasons: frozenset[str]
    fmt: str
    content: Callable[[], bytes]
    key: str = "2026-01-05"
    source: dict[str, Any] = field(default_factory=dict)
    contract: dict[str, Any] = field(default_factory=dict)
    rules: bool = False
    label: dict[str, Any] | None = None


def of_rows(name: str, verdict: str, reasons: str, rows: Callable[[], Rows], *formats: str, **parts: Any) -> list[Case]:
    return [
        Case(f"{name} ({fmt})", verdict, frozenset(reasons.split()), fmt, partial(landing, rows, fmt), **parts)
        for fmt in formats or ALL
    ]


def landing(rows: Callable[[], Rows], fmt: str) -> bytes:
    return written(rows(), fmt)


def of_bytes(name: str, verdict: str, reasons: str, fmt: str, content: Callable[[], bytes], **parts: Any) -> Case:
    return Case(f"{name} ({fmt})", verdict, frozenset(reasons.split()), fmt, content, **parts)


def one_value(column: str, code: str, **values: Any) -> Iterable[Case]:
    """One of twenty rows has another value: accepted when there is no code, else that row is quarantined."""
    for name, value in values.items():
        verdict, reasons = ("rows", f"{code}:{column}") if code else ("accept", "")
        formats = TEXT if isinstance(value, (int, bool, float)) and not isinstance(value, str) else ALL
        label = f"{column} {name.replace('_', ' ')}"
        yield from of_rows(label, verdict, reasons, partial(with_value, column, value), *formats)


COLUMNS = [
    *of_rows("nothing wrong", "accept", "", good),
    *of_rows("renamed", "batch", "missing_column:rooms", lambda: renamed("rooms", "bedrooms")),
    *of_rows("added", "warn", "new_column", lambda: each_row(lambda _, row: {"garden": row["rooms"]})),
    *of_rows(
        "added and refused",
        "batch",
        "new_column:garden",
        lambda: each_row(lambda _, row: {"garden": row["rooms"]}),
        contract={"new_columns": "refuse"},
    ),
    *of_rows("dropped", "batch", "missing_column:kind", lambda: without("kind")),
    *of_rows("id dropped", "batch", "missing_column:id", lambda: without("id")),
    *of_rows("label dropped", "batch", "missing_column:price", lambda: without("price")),
    *of_rows("two dropped", "batch", "missing_column:kind missing_column:sold", lambda: without("kind", "sold")),
    *of_rows("reordered", "accept", "", lambda: [dict(reversed(row.items())) for row in good()]),
    *of_rows("another case", "batch", "missing_column:rooms", lambda: renamed("rooms", "Rooms")),
    *of_rows("a blank", "batch", "missing_column:rooms", lambda: renamed("rooms", " rooms")),
    *of_rows("another unicode form", "batch", "missing_column:size", lambda: renamed("size", "\uff53ize")),
    *of_rows("a name that looks alike", "batch", "missing_column:size", lambda: renamed("size", "s\u0456ze")),
    *of_rows("script in a name", "warn", "new_column", lambda: each_row(lambda *_: {"<script>alert(1)</script>": 1})),
    *of_rows("a path as a name", "warn", "new_column", lambda: each_row(lambda *_: {"../../etc/passwd": 1})),
    *of_rows("SQL as a name", "warn", "new_column", lambda: each_row(lambda *_: {'"; DROP TABLE rows; --': 1})),
    *of_rows("a name from right to left", "warn", "new_column", lambda: each_row(lambda *_: {"שלום\u202e": 1})),
    *of_rows("an empty name", "warn", "new_column", lambda: each_row(lambda *_: {"": 1})),
    of_bytes("duplicated", "batch", "column_twice", "csv", lambda: as_csv(good()).replace("size", "rooms", 1).encode()),
    of_bytes(
        "duplicated", "batch", "column_twice", "jsonl", lambda: as_jsonl(good()).replace('"size"', '"rooms"').encode()
    ),
    of_bytes(
        "duplicated",
        "batch",
        "column_twice",
        "parquet",
        lambda: as_parquet(as_table(good()).rename_columns(["id", "sold", "rooms", "rooms", "kind", "paid", "price"])),
    ),
    of_bytes(
        "5,000 columns",
        "warn",
        "new_column",
        "csv",
        lambda: as_csv([row | {f"c{n}": n for n in range(5_000)} for row in good(3)]).encode(),
    ),
    of_bytes(
        "5,000 columns",
        "warn",
        "new_column",
        "parquet",
        lambda: as_parquet(as_table([row | {f"c{n}": 0.5 for n in range(5_000)} for row in good(3)])),
    ),
]

VALUES = [
    *one_value(
        "size", "", missing=None, NA="NA", nan_text="NaN", nan=float("nan"), null="null", none="None", blanks="  ",
        negative_zero="-0.0", exponent="1e2", plus="+5", point_last="5.", point_first=".5", padded=" 5 ", tiny="1e-400",
        whole=7, past_2_to_the_53=2**53 + 1, a_null_marker=r"\N",
    ),
    *one_value(
        "size", "not_a_number", dash="-", word="many", decimal_comma="1,5", thousands="1,234.5", unit="12 m",
        currency="$5", formula="=cmd()", hexadecimal="0x10", underscore="1_000", boolean_text="true", truth=True,
        sql="1; DROP TABLE rows", script="<script>", date="2026-01-02", two_points="1.2.3", minus_last="5-",
    ),
    *one_value(
        "size", "not_finite", inf="inf", minus_inf="-inf", infinity="Infinity", overflow="1e400",
        inf_number=float("inf"),
    ),
    *one_value(
        "paid", "", Y="Y", N="n", one="1", zero="0", one_point="1.0", yes=" YES ", missing=None, NA="NA", a_number=1,
        a_null_marker=r"\N",
    ),
    *one_value("paid", "not_a_boolean", maybe="maybe", two="2", tee="t", on="on", three=3),
    *one_value(
        "kind", "", missing=None, NA="NA", dash="-", formula="=cmd()", script="<script>alert(1)</script>",
        path="../../etc/passwd", sql="'; DROP TABLE rows; --", right_to_left="\u202e\u05e9",
        emoji="🏠", new_line="a\nb", quote='a "b" c', comma="a, b", tab="a\tb",
        number=7, truth=True, zero_width="a\u200bb",
        long="x" * 10_000_000,
    ),
    *one_value(
        "sold", "", a_day="2026-01-02", a_moment="2026-01-02T03:04:05", with_a_zone="2026-01-02T03:04:05+05:00",
        in_utc="2026-01-02T03:04:05Z", with_a_blank="2026-01-02 03:04", compact="20260102", in_words="2 Jan 2026",
        in_long_words="January 2, 2026", with_slashes="2026/01/02", future="2999-01-01", long_ago="1900-01-01",
        microseconds="2026-01-02T03:04:05.123456", the_first_day="0001-01-01", the_last_day="9999-12-31",
        bigquery="2026-05-01 03:04:05 UTC", bigquery_with_a_fraction="2026-05-01 03:04:05.123456 UTC",
        gmt="2026-05-01 03:04:05 GMT", db2="2026-05-01-03.04.05.123456", midnight_as_24="2026-05-01 24:00:00",
        midnight_as_24_short="2026-05-01T24:00", comma_before_millis="2026-05-01T03:04:05,123",
        java="2026-05-01T03:04:05+02:00[Europe/Berlin]", java_in_utc="2026-05-01T03:04:05Z[UTC]",
        week="2026-W18-5", compact_week="2026W185", far_ahead="2026-05-01T03:04:05+14:00",
    ),
    *one_value(
        "sold", "not_a_time", american="01/02/2026", german="02.01.2026", seconds="1767312000", no_day="2026-02-30",
        word="soon", a_year="2026", excel="46024", past_the_calendar="10000-01-01", month_13="2026-13-01",
        before_the_calendar="0001-01-01T00:00:00+05:00", after_24="2026-05-01 24:00:01", week_60="2026-W60-1",
        day_8_of_a_week="2026-W18-8", another_zone="2026-05-01T03:04:05[Asia/Tokyo]",
    ),
    *one_value("sold", "missing_time", missing=None, NA="NA", blanks=" ", a_null_marker=r"\N"),
    *one_value("id", "missing_id", missing=None, blanks="  ", a_null_marker=r"\N"),
    *one_value("id", "", with_a_bar="a|b", with_a_backslash="a\\b", formula="=1+1", path="../x", NA="NA", number=12345),
    *one_value("price", "", missing=None, negative="-5", zero="0"),
    *one_value("price", "not_a_number", word="cheap", formula="=2*3"),
    *of_rows("id with leading zeros and without", "accept", "", lambda: with_value("id", "1")),
    *of_rows("id twice", "rows", "duplicate_id", lambda: with_value("id", "0001")),
    *of_rows("id twice but for blanks", "rows", "duplicate_id", lambda: with_value("id", " 0001 ")),
    *of_rows("every id the same", "batch", f"duplicate_id {MANY}", lambda: with_value("id", "0001", COUNT)),
    *of_rows("ids past 2^53", "accept", "", lambda: each_row(lambda number, _: {"id": 2**53 + number})),
    *of_rows("ids past 2^63", "accept", "", lambda: each_row(lambda number, _: {"id": 2**63 + number})),
    *of_rows("mixed time zones", "accept", "", lambda: each_row(
        lambda number, _: {"sold": f"2026-01-02T03:04:05{('Z', '+01:00', '-0800', '+05')[number % 4]}"}
    )),
    *of_rows("four date formats", "accept", "", lambda: each_row(
        lambda number, _: {"sold": ("2026-01-02", "20260102", "2 Jan 2026", "2026-01-02T00:00")[number % 4]}
    )),
    *of_rows("days first as the spec says", "accept", "", lambda: with_value("sold", "31.12.2025", COUNT),
             source={"time_format": "%d.%m.%Y"}),
    *of_rows("a few in ISO 8601 among days first", "accept", "", lambda: with_value("sold", "31/12/2025", 9),
             source={"time_format": "%d/%m/%Y"}),
    *of_rows("month 31 though the spec says months first", "rows", "not_a_time:sold",
             lambda: with_value("sold", "31/12/2025"), source={"time_format": "%m/%d/%Y"}),
    *of_rows("seconds as the spec says", "accept", "", lambda: with_value("sold", 1767312000, COUNT),
             source={"time_format": "epoch_s"}),
    *of_rows("milliseconds as the spec says", "accept", "", lambda: with_value("sold", "1767312000123", COUNT),
             source={"time_format": "epoch_ms"}),
    *of_rows("days of a spreadsheet as the spec says", "accept", "", lambda: with_value("sold", 46024.5, COUNT),
             source={"time_format": "excel"}),
    *of_rows("a count past the calendar", "rows", "not_a_time:sold", lambda: with_value("sold", "1e300"),
             source={"time_format": "epoch_s"}),
    *of_rows("grouped as the spec says", "accept", "", lambda: with_value("size", "1,234.5", COUNT),
             source={"thousands": ","}),
    *of_rows("grouped with blanks that do not break", "accept", "", lambda: with_value("size", "1\u202f234", 3),
             source={"thousands": " "}),
    *of_rows("a group of two digits", "rows", "not_a_number:size", lambda: with_value("size", "12,34"),
             source={"thousands": ","}),
    *of_rows("many american dates", "batch", f"not_a_time:sold {MANY}", lambda: with_value("sold", "01/02/2026", 3)),
    *of_rows("int to float", "accept", "", lambda: each_row(lambda _, row: {"rooms": float(row["rooms"])})),
    *of_rows("int to text", "accept", "", lambda: each_row(lambda _, row: {"rooms": str(row["rooms"])})),
    *of_rows("int to words", "batch", f"not_a_number:rooms {MANY}", lambda: with_value("rooms", "three", COUNT)),
    *of_rows("booleans as Y and N", "accept", "", lambda: each_row(lambda _, row: {"paid": "NY"[row["paid"]]})),
    *of_rows("booleans as 1 and 0", "accept", "", lambda: each_row(lambda _, row: {"paid": int(row["paid"])})),
    *of_rows("a thousand categories", "accept", "", lambda: [
        row | {"id": str(number), "kind": f"k{number}"} for number, row in enumerate(good(1000))
    ]),
    *of_rows("a column that is empty", "accept", "", lambda: with_value("size", None, COUNT)),
    *of_rows("a column that is constant", "accept", "", lambda: with_value("rooms", 3, COUNT)),
    *of_rows("labels all missing", "accept", "", lambda: with_value("price", None, COUNT)),
    *of_rows("one row", "accept", "", lambda: good(1)),
    *of_rows("one bad row of one", "batch", f"not_a_number:size {MANY}", lambda: [good(1)[0] | {"size": "big"}]),
    *of_rows("two bad rows of twenty", "rows", "not_a_number:size", lambda: with_value("size", "big", 2)),
    *of_rows("three bad rows of twenty", "batch", f"not_a_number:size {MANY}", lambda: with_value("size", "big", 3)),
]  # fmt: skip

CONTRACT = [
    *of_rows("nothing wrong, with rules", "accept", "", good, rules=True),
    *of_rows("units x 1000", "batch", f"expect_column_values_to_be_between:size {MANY}",
             lambda: each_row(lambda _, row: {"size": row["size"] * 1000}), rules=True),
    *of_rows("sign flip", "batch", f"expect_column_values_to_be_between:size {MANY}",
             lambda: each_row(lambda _, row: {"size": -row["size"]}), rules=True),
    *of_rows("one outlier", "rows", "expect_column_values_to_be_between:size",
             lambda: with_value("size", 9999), "csv", rules=True),
    *of_rows("a column lost its values", "batch", f"expect_column_values_to_not_be_null:rooms {MANY}",
             lambda: with_value("rooms", None, COUNT), rules=True),
    *of_rows("a stuck column", "warn", "expect_column_unique_value_count_to_be_between",
             lambda: with_value("rooms", 3, COUNT), "csv", rules=True),
    *of_rows("a stuck label", "batch", "expect_column_unique_value_count_to_be_between:price",
             lambda: with_value("price", 5.0, COUNT), "csv", rules=True),
    *of_rows("a new category", "warn", "expect_column_values_to_be_in_set",
             lambda: with_value("kind", "castle"), "csv", rules=True),
    *of_rows("10 x the usual volume", "warn", "expect_table_row_count_to_be_between",
             lambda: good(10 * COUNT), "csv", rules=True),
]  # fmt: skip


def csv_bytes(*replacements: tuple[str, str]) -> bytes:
    text = as_csv(good())
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def lines() -> list[str]:
    return as_csv(good()).splitlines(keepends=True)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", as_csv(good()))
    return out.getvalue()


def accented(encoding: str) -> bytes:
    return as_csv(with_value("kind", "Größe")).encode(encoding)


TWICE = "not_a_number:price not_a_number:rooms not_a_number:size not_a_boolean:paid not_a_time:sold"
EVERYTHING = " ".join(f"missing_column:{name}" for name in ("id", "sold", "rooms", "size", "paid", "kind", "price"))
SEMICOLON, COMMA = {"separator": ";"}, {"separator": ";", "decimal": ","}
IN_CSV = [
    of_bytes("zero bytes", "batch", "empty", "csv", lambda: b""),
    of_bytes("blank lines only", "batch", "empty", "csv", lambda: b"\n\r\n\n"),
    of_bytes("a byte-order mark only", "batch", "empty", "csv", lambda: b"\xef\xbb\xbf"),
    of_bytes("header only", "batch", "empty", "csv", lines()[0].encode),
    of_bytes("header only, no line end", "batch", "empty", "csv", lambda: lines()[0].strip().encode()),
    of_bytes("no header", "batch", EVERYTHING, "csv", lambda: "".join(lines()[1:]).encode()),
    of_bytes("header twice", "rows", TWICE, "csv", lambda: "".join([*lines(), lines()[0]]).encode()),
    of_bytes("two files put together", "rows", TWICE, "csv", lambda: "".join(
        [*lines()[:11], lines()[0], *lines()[11:]]).encode()),
    of_bytes("CR", "accept", "", "csv", lambda: as_csv(good(), line="\r").encode()),
    of_bytes("CRLF", "accept", "", "csv", lambda: as_csv(good(), line="\r\n").encode()),
    of_bytes("mixed line ends", "accept", "", "csv", lambda: csv_bytes(("\n", "\r\n"))),
    of_bytes("no last line end", "accept", "", "csv", lambda: as_csv(good()).rstrip().encode()),
    of_bytes("blank lines between", "accept", "", "csv", lambda: as_csv(good(), line="\n\n").encode()),
    of_bytes("UTF-8 with its mark", "accept", "", "csv", lambda: accented("utf-8-sig")),
    of_bytes("UTF-16 with its mark", "accept", "", "csv", lambda: accented("utf-16")),
    of_bytes("UTF-16 big end first", "accept", "", "csv", lambda: b"\xfe\xff" + accented("utf-16-be")),
    of_bytes("UTF-16 without a mark", "batch", "nul_byte", "csv", lambda: accented("utf-16-le")),
    of_bytes("UTF-16 cut in half", "batch", "not_utf16", "csv", lambda: accented("utf-16")[:-1]),
    of_bytes("UTF-32", "batch", "nul_byte", "csv", lambda: accented("utf-32")),
    of_bytes("latin-1 unsaid", "batch", "not_utf8", "csv", lambda: accented("latin-1")),
    of_bytes("latin-1 said", "accept", "", "csv", lambda: accented("latin-1"), source={"encoding": "latin-1"}),
    of_bytes("cp1252 said", "accept", "", "csv", lambda: as_csv(with_value("kind", "€ “a”")).encode("cp1252"),
             source={"encoding": "cp1252"}),
    of_bytes("a byte cp1252 does not have", "batch", "not_cp1252", "csv",
             lambda: csv_bytes(("flat", "fl@t")).replace(b"@", b"\x81"), source={"encoding": "cp1252"}),
    of_bytes("UTF-8 with its mark, cp1252 said", "accept", "", "csv", lambda: accented("utf-8-sig"),
             source={"encoding": "cp1252"}),
    of_bytes("half a character", "batch", "not_utf8", "csv", lambda: accented("utf-8").split("ö".encode(), 1)[0]
             + b"\xc3"),
    of_bytes("NUL in a cell", "batch", "nul_byte", "csv", lambda: csv_bytes(("flat", "fl\0t"))),
    of_bytes("NULs at the end", "batch", "nul_byte", "csv", lambda: csv_bytes() + bytes(4096)),
    of_bytes("only NULs", "batch", "nul_byte", "csv", lambda: bytes(4096)),
    of_bytes("unclosed quote", "batch", "unclosed_quote", "csv", lambda: csv_bytes(("flat", '"flat'))),
    of_bytes("unclosed quote in the header", "batch", "unclosed_quote", "csv", lambda: csv_bytes(("kind", '"kind'))),
    of_bytes("an inch mark", "batch", "unclosed_quote", "csv", lambda: csv_bytes(("flat", 'fl"at'))),
    of_bytes("a cell too few", "batch", "ragged_row", "csv", lambda: csv_bytes((",flat", ""))),
    of_bytes("a cell too many", "batch", "ragged_row", "csv", lambda: csv_bytes(("flat", "flat,old"))),
    of_bytes("cut off in the last row", "batch", "ragged_row", "csv", lambda: csv_bytes()[:-20]),
    of_bytes("a separator at every end", "batch", "ragged_row", "csv", lambda: as_csv(good(), line=",\n").replace(
        ",\n", "\n", 1).encode()),
    of_bytes("two separators at every end", "batch", "column_twice", "csv",
             lambda: as_csv(good(), line=",,\n").encode()),
    of_bytes("one separator at every end", "warn", "new_column", "csv", lambda: as_csv(good(), line=",\n").encode()),
    of_bytes("a comment above", "batch", "ragged_row", "csv", lambda: b"# exported today\n" + csv_bytes()),
    of_bytes("semicolons unsaid", "batch", "wrong_separator", "csv", lambda: as_csv(good(), ";").encode()),
    of_bytes("tabs unsaid", "batch", "wrong_separator", "csv", lambda: as_csv(good(), "\t").encode()),
    of_bytes("bars unsaid", "batch", "wrong_separator", "csv", lambda: as_csv(good(), "|").encode()),
    of_bytes("commas, semicolons said", "batch", "wrong_separator", "csv", csv_bytes, source=SEMICOLON),
    of_bytes("semicolons said", "accept", "", "csv", lambda: as_csv(good(), ";").encode(), source=SEMICOLON),
    of_bytes("tabs said", "accept", "", "csv", lambda: as_csv(good(), "\t").encode(), source={"separator": "\t"}),
    of_bytes("bars said", "accept", "", "csv", lambda: as_csv(good(), "|").encode(), source={"separator": "|"}),
    of_bytes("decimal commas said", "accept", "", "csv", lambda: as_csv(good(), ";", decimal=",").encode(),
             source=COMMA),
    of_bytes("decimal commas unsaid", "batch", f"not_a_number:price not_a_number:size {MANY}", "csv",
             lambda: as_csv(good(), ";", decimal=",").encode(), source=SEMICOLON),
    of_bytes("decimal points, commas said", "batch", f"not_a_number:price not_a_number:size {MANY}", "csv",
             lambda: as_csv(good(), ";").encode(), source=COMMA),
    of_bytes("gzip", "accept", "", "csv", lambda: gzip.compress(csv_bytes()), key="a.csv.gz"),
    of_bytes("gzip by another name", "accept", "", "csv", lambda: gzip.compress(csv_bytes()), key="a.csv"),
    of_bytes("two gzip files in one", "accept", "", "csv", lambda: gzip.compress(lines()[0].encode()) + gzip.compress(
        "".join(lines()[1:]).encode()), key="a.csv.gz"),
    of_bytes("no gzip", "batch", "not_gzip", "csv", csv_bytes, key="a.csv.gz"),
    of_bytes("truncated gzip", "batch", "not_gzip", "csv", lambda: gzip.compress(csv_bytes())[:-9], key="a.csv.gz"),
    of_bytes("a flipped bit in gzip", "batch", "not_gzip", "csv", lambda: flipped(gzip.compress(csv_bytes()), 60)),
    of_bytes("a bomb", "batch", "too_large", "csv", lambda: gzip.compress(b"id,sold\n" + b"x" * 80_000_000, 1)),
    of_bytes("a zip archive", "batch", "wrong_format", "csv", zipped),
    of_bytes("an old Excel workbook", "batch", "wrong_format", "csv", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
    of_bytes("Parquet", "batch", "wrong_format", "csv", lambda: as_parquet(as_table(good()))),
    of_bytes("JSON lines", "batch", "wrong_format", "csv", lambda: as_jsonl(good()).encode()),
    of_bytes("a web page", "batch", "wrong_format", "csv", lambda: b"<!DOCTYPE html><html>Log in</html>"),
    of_bytes("random bytes", "batch", "not_utf8", "csv", lambda: bytes(range(128, 256))),
]  # fmt: skip


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 8]) + content[at + 1 :]


def jsonl(*more: str) -> bytes:
    return (as_jsonl(good()) + "".join(more)).encode()


def first_line(**values: str) -> bytes:
    """The first row has values that are in the file as they are here."""
    row = json.loads(as_jsonl(good(1)))
    cells = [f'"{name}": {values.get(name, json.dumps(value))}' for name, value in row.items()]
    return ("{" + ", ".join(cells) + "}\n" + as_jsonl(good()[1:])).encode()


IN_JSONL = [
    of_bytes("zero bytes", "batch", "empty", "jsonl", lambda: b""),
    of_bytes("blank lines only", "batch", "empty", "jsonl", lambda: b"\n \n"),
    of_bytes("blank lines between", "accept", "", "jsonl", lambda: as_jsonl(good()).replace("\n", "\n\n").encode()),
    of_bytes("CRLF", "accept", "", "jsonl", lambda: as_jsonl(good()).replace("\n", "\r\n").encode()),
    of_bytes("CR", "batch", "not_jsonl", "jsonl", lambda: as_jsonl(good()).replace("\n", "\r").encode()),
    of_bytes("UTF-8 with its mark", "accept", "", "jsonl", lambda: b"\xef\xbb\xbf" + jsonl()),
    of_bytes("UTF-16 with its mark", "accept", "", "jsonl", lambda: as_jsonl(good()).encode("utf-16")),
    of_bytes("latin-1 unsaid", "batch", "not_utf8", "jsonl",
             lambda: as_jsonl(with_value("kind", "é")).encode("latin-1")),
    of_bytes("gzip", "accept", "", "jsonl", lambda: gzip.compress(jsonl()), key="a.jsonl.gz"),
    of_bytes("truncated gzip", "batch", "not_gzip", "jsonl", lambda: gzip.compress(jsonl())[:-9], key="a.jsonl.gz"),
    of_bytes("one array", "batch", "not_jsonl", "jsonl", lambda: json.dumps(good()).encode()),
    of_bytes("an array a line", "batch", "not_jsonl", "jsonl", lambda: jsonl("[1, 2]\n")),
    of_bytes("a number a line", "batch", "not_jsonl", "jsonl", lambda: jsonl("7\n")),
    of_bytes("null a line", "batch", "not_jsonl", "jsonl", lambda: jsonl("null\n")),
    of_bytes("cut off in the last line", "batch", "not_jsonl", "jsonl", lambda: jsonl()[:-9]),
    of_bytes("two objects in a line", "batch", "not_jsonl", "jsonl",
             lambda: as_jsonl(good()).replace("\n", "", 1).encode()),
    of_bytes("single quotes", "batch", "not_jsonl", "jsonl", lambda: jsonl("{'id': 1}\n")),
    of_bytes("a comma too many", "batch", "not_jsonl", "jsonl", lambda: jsonl('{"id": 1,}\n')),
    of_bytes("a comment", "batch", "not_jsonl", "jsonl", lambda: b"// today\n" + jsonl()),
    of_bytes("a pit of brackets", "batch", "not_jsonl", "jsonl", lambda: b"[" * 100_000),
    of_bytes("half a character", "batch", "not_jsonl", "jsonl", lambda: first_line(kind='"\\ud800"')),
    of_bytes("a NUL escaped", "batch", "nul_byte", "jsonl", lambda: first_line(kind='"a\\u0000"')),
    of_bytes("the text of an escape", "accept", "", "jsonl", lambda: first_line(kind='"a\\\\u0000"')),
    of_bytes("NULs at the end", "batch", "nul_byte", "jsonl", lambda: jsonl() + bytes(64)),
    of_bytes("a name twice in a line", "batch", "column_twice", "jsonl", lambda: first_line(kind='"a", "kind": "b"')),
    of_bytes("a bare NaN", "accept", "", "jsonl", lambda: first_line(size="NaN")),
    of_bytes("a bare Infinity", "rows", "not_finite:size", "jsonl", lambda: first_line(size="-Infinity")),
    of_bytes("a bare 1e400", "rows", "not_finite:size", "jsonl", lambda: first_line(size="1e400")),
    of_bytes("400 digits", "rows", "not_finite:size", "jsonl", lambda: first_line(size="9" * 400)),
    of_bytes("10,000 digits", "batch", "not_jsonl", "jsonl", lambda: first_line(size="9" * 10_000)),
    of_bytes("a list as a number", "rows", "not_a_number:size", "jsonl", lambda: first_line(size="[1]")),
    of_bytes("a list as a category", "rows", "not_a_category:kind", "jsonl", lambda: first_line(kind='["flat"]')),
    of_bytes("an object as a category", "rows", "not_a_category:kind", "jsonl", lambda: first_line(kind='{"a": 1}')),
    of_bytes("a list as an id", "rows", "not_a_category:id", "jsonl", lambda: first_line(id="[1]")),
    of_bytes("an object as a time", "rows", "not_a_time:sold", "jsonl", lambda: first_line(sold='{"$date": 1}')),
    of_bytes("seconds as a time", "rows", "not_a_time:sold", "jsonl", lambda: first_line(sold="1767312000")),
    of_bytes("a key some rows lack", "accept", "", "jsonl",
             lambda: as_jsonl([without("size")[0], *good()[1:]]).encode()),
    of_bytes("an id some rows lack", "rows", "missing_id:id", "jsonl", lambda: as_jsonl(
        [without("id")[0], *good()[1:]]).encode()),
    of_bytes("empty objects", "batch", EVERYTHING, "jsonl", lambda: b"{}\n{}\n"),
    of_bytes("csv", "batch", "not_jsonl", "jsonl", csv_bytes),
    of_bytes("Parquet", "batch", "wrong_format", "jsonl", lambda: as_parquet(as_table(good()))),
    of_bytes("a web page", "batch", "wrong_format", "jsonl", lambda: b"<html><body>503</body></html>"),
]  # fmt: skip


def column(name: str, values: pa.Array) -> Callable[[], bytes]:
    def content() -> bytes:
        table = as_table(good())
        return as_parquet(table.set_column(table.column_names.index(name), name, values))

    return content


def typed(name: str, values: Callable[[int], Any], kind: pa.DataType) -> Callable[[], bytes]:
    return column(name, pa.array([values(number) for number in range(COUNT)], kind))


def damaged() -> bytes:
    """A bit of the first page is flipped; its checksum differs."""
    content = as_parquet(as_table(good()), write_page_checksum=True, use_dictionary=False, compression="none")
    return flipped(content, content.index(b"0007"))


NOON = datetime(2026, 1, 2, 12)  # noqa: DTZ001 - a file may well hold times of no zone
KOLKATA = timezone(timedelta(hours=5, minutes=30))
IN_PARQUET = [
    of_bytes("zero bytes", "batch", "empty", "parquet", lambda: b""),
    of_bytes("no rows", "batch", "empty", "parquet", lambda: as_parquet(as_table(good()).slice(0, 0))),
    of_bytes("no columns", "batch", "empty", "parquet", lambda: as_parquet(pa.table({}))),
    of_bytes("truncated", "batch", "not_parquet", "parquet", lambda: as_parquet(as_table(good()))[:-3]),
    of_bytes("cut in half", "batch", "not_parquet", "parquet", lambda: as_parquet(as_table(good()))[:500]),
    of_bytes("its end only", "batch", "not_parquet", "parquet", lambda: as_parquet(as_table(good()))[-500:]),
    of_bytes("csv", "batch", "not_parquet", "parquet", csv_bytes),
    of_bytes("random bytes", "batch", "not_parquet", "parquet", lambda: bytes(range(256)) * 9),
    of_bytes("a flipped bit", "batch", "not_parquet", "parquet", damaged),
    of_bytes("gzip", "accept", "", "parquet", lambda: gzip.compress(as_parquet(as_table(good()))), key="a.parquet.gz"),
    of_bytes("brotli inside", "accept", "", "parquet", lambda: as_parquet(as_table(good()), compression="brotli")),
    of_bytes("zstd inside", "accept", "", "parquet", lambda: as_parquet(as_table(good()), compression="zstd")),
    of_bytes("many row groups", "accept", "", "parquet", lambda: as_parquet(as_table(good()), row_group_size=3)),
    of_bytes("dictionaries", "accept", "", "parquet", lambda: as_parquet(pa.table(
        {name: values.combine_chunks().dictionary_encode() if name == "kind" else values
         for name, values in zip(as_table(good()).column_names, as_table(good()).columns, strict=True)}))),
    of_bytes("an unexpected list", "warn", "new_column", "parquet", lambda: as_parquet(
        as_table(good()).append_column("tags", pa.array([["a"]] * COUNT)))),
    of_bytes("a list as a category", "batch", f"not_a_category:kind {MANY}", "parquet",
             typed("kind", lambda _: ["flat"], pa.list_(pa.string()))),
    of_bytes("a block as a category", "batch", f"not_a_category:kind {MANY}", "parquet",
             typed("kind", lambda _: {"a": 1}, pa.struct([("a", pa.int64())]))),
    of_bytes("a map as a category", "batch", f"not_a_category:kind {MANY}", "parquet",
             typed("kind", lambda _: [("a", 1)], pa.map_(pa.string(), pa.int64()))),
    of_bytes("a list as a number", "batch", f"not_a_number:size {MANY}", "parquet",
             typed("size", lambda number: [float(number)], pa.list_(pa.float64()))),
    of_bytes("bytes as an id", "batch", f"not_a_category:id {MANY}", "parquet",
             typed("id", lambda number: b"%d" % number, pa.binary())),
    of_bytes("large text", "accept", "", "parquet", typed("id", str, pa.large_string())),
    of_bytes("whole ids", "accept", "", "parquet", typed("id", int, pa.int16())),
    of_bytes("ids as floats", "accept", "", "parquet", typed("id", float, pa.float64())),
    of_bytes("unsigned ids", "accept", "", "parquet", typed("id", lambda number: 2**64 - 1 - number, pa.uint64())),
    of_bytes("whole ids with a gap", "rows", "missing_id:id", "parquet",
             typed("id", lambda number: number or None, pa.int64())),
    of_bytes("a NUL in a cell", "batch", "nul_byte", "parquet", typed("kind", lambda _: "a\0", pa.string())),
    of_bytes("decimals", "accept", "", "parquet", typed("size", Decimal, pa.decimal128(9, 2))),
    of_bytes("halves", "accept", "", "parquet", typed("size", float, pa.float16())),
    of_bytes("an infinity", "rows", "not_finite:size", "parquet",
             typed("size", lambda number: float("inf") if number == 0 else 1.0, pa.float32())),
    of_bytes("booleans with a gap", "accept", "", "parquet",
             typed("paid", lambda number: None if number == 0 else True, pa.bool_())),
    of_bytes("booleans as whole numbers", "accept", "", "parquet", typed("paid", lambda number: number % 2, pa.int8())),
    of_bytes("a duration as a number", "batch", f"not_a_number:size {MANY}", "parquet",
             typed("size", lambda number: number, pa.duration("s"))),
    of_bytes("days", "accept", "", "parquet", typed("sold", lambda _: NOON.date(), pa.date32())),
    of_bytes("moments", "accept", "", "parquet", typed("sold", lambda _: NOON, pa.timestamp("ns"))),
    of_bytes("moments of a zone", "accept", "", "parquet",
             typed("sold", lambda _: NOON.replace(tzinfo=KOLKATA), pa.timestamp("ms", "Asia/Kolkata"))),
    of_bytes("moments of no zone there is", "batch", "not_parquet", "parquet",
             typed("sold", lambda _: 0, pa.timestamp("s", "Mars/Olympus"))),
    of_bytes("a moment is missing", "rows", "missing_time:sold", "parquet",
             typed("sold", lambda number: NOON if number else None, pa.timestamp("us"))),
    of_bytes("seconds of the year 300,000", "rows", "not_a_time:sold", "parquet",
             typed("sold", lambda number: 10**13 if number == 0 else 1767312000 + number, pa.timestamp("s"))),
    of_bytes("INT96 of the year 9999", "accept", "", "parquet", lambda: as_parquet(
        as_table(good()).set_column(1, "sold", pa.array([datetime(9999, 12, 31)] * COUNT, pa.timestamp("us"))),  # noqa: DTZ001 - the last day that Python has
        use_deprecated_int96_timestamps=True)),
    of_bytes("hours as a time", "batch", f"not_a_time:sold {MANY}", "parquet",
             typed("sold", lambda _: NOON.time(), pa.time64("us"))),
    of_bytes("whole numbers as a time", "batch", f"not_a_time:sold {MANY}", "parquet",
             typed("sold", lambda _: 1767312000, pa.int64())),
    of_bytes("bytes as a number", "batch", f"not_a_number:size {MANY}", "parquet",
             typed("size", lambda _: b"\x00\xff", pa.binary())),
    of_bytes("only missing values", "accept", "", "parquet", typed("size", lambda _: None, pa.null())),
]  # fmt: skip


def labels(*pairs: tuple[Any, Any]) -> Rows:
    filler = [{"id": f"f{number}", "price": float(number)} for number in range(COUNT)]
    return [*({"id": name, "price": value} for name, value in pairs), *filler]


APART = {"column": "price", "uri": "prices"}
LABELS = [
    *of_rows("labels", "accept", "", labels, label=APART),
    *of_rows("labels constant", "accept", "", lambda: [row | {"price": 1.0} for row in labels()], label=APART),
    *of_rows("a label missing", "rows", "missing_label:price", lambda: labels(("a", None)), label=APART),
    *of_rows("a label as a word", "rows", "not_a_number:price", lambda: labels(("a", "cheap")), label=APART),
    *of_rows("a label without an id", "rows", "missing_id:id", lambda: labels((None, 1.0)), label=APART),
    *of_rows("a label twice", "rows", "repeated_label", lambda: labels(("a", 1.0), ("a", 1.0)), label=APART),
    *of_rows("two labels of a row", "rows", "contradictory_label", lambda: labels(("a", 1.0), ("a", 2.0)), label=APART),
    *of_rows("labels without their column", "batch", "missing_column:price", lambda: [
        {"id": row["id"]} for row in labels()], label=APART),
    *of_rows("labels with more columns", "accept", "", lambda: [row | {"note": "x"} for row in labels()], label=APART),
    *of_rows("labels that land apart all missing", "batch", f"missing_label:price {MANY}", lambda: [
        row | {"price": None} for row in labels()], "csv", "jsonl", label=APART),
    of_bytes("labels, header only", "batch", "empty", "csv", lambda: b"id,price\n", label=APART),
    of_bytes("labels with decimal commas", "accept", "", "csv", lambda: as_csv(labels(), ";", decimal=",").encode(),
             label=APART | {"separator": ";", "decimal": ","}),
]  # fmt: skip

CASES = [*COLUMNS, *VALUES, *CONTRACT, *IN_CSV, *IN_JSONL, *IN_PARQUET, *LABELS]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suite") / "expectations.json"
    path.write_text(json.dumps({"name": "shop", "expectations": RULES}))
    return read_suite(path, ProjectSpec.model_validate(SPEC))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_delivery_has_its_verdict_and_its_reason_codes(case: Case, rules: Suite) -> None:
    assert outcome(case, rules) == (case.verdict, case.reasons)


def test_there_are_as_many_cases_as_were_promised_and_none_has_the_name_of_another() -> None:
    assert len(CASES) >= 230
    assert len({case.name for case in CASES}) == len(CASES)


def outcome(case: Case, rules: Suite) -> tuple[str, frozenset[str]]:
    checked = checked_of(case, rules if case.rules else Suite(Path("none")))
    codes = {code for text in checked.refused["reasons"] for code in text.split(";")}
    if checked.verdict == "accepted":
        noted = frozenset(finding.rule for finding in checked.findings)
        return "warn" if noted else "accept", noted
    if not codes:
        codes = {finding.rule for finding in checked.findings if finding.severity == "critical"}
    return "rows" if checked.verdict == "partly_quarantined" else "batch", frozenset(codes)


def checked_of(case: Case, suite: Suite) -> ValidatedDelivery:
    label = case.label or SPEC["source"]["label"]
    apart = case.label is not None
    fmt = {"format": case.fmt}
    source = SPEC["source"] | case.source | ({} if apart else fmt) | {"label": label | (fmt if apart else {})}
    spec = ProjectSpec.model_validate(SPEC | {"source": source, "contract": case.contract})
    content = case.content()
    landed = Landed("labels" if apart else "rows", case.key, len(content), DAY)
    read = delivered(content, landed, spec, b"")
    if isinstance(read, Unreadable):
        return unreadable("none", landed, (read.reason, read.detail), spec)
    found = check_labels(read, spec, suite) if apart else check_all([read], spec, suite)[0]
    assert found.rows_in == len(read.frame)
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"features": {"numbers": ["rooms", "price"]}}, "the label 'price' is also a feature"),
        ({"features": {"numbers": ["rooms"], "categories": ["rooms"]}}, "named twice"),
        ({"features": {"numbers": ["sold"]}}, "event_time 'sold' is also a feature"),
        ({"features": {}}, "no feature is named"),
        ({"source": SPEC["source"] | {"id": ["id", "id"]}}, "named twice"),
        ({"source": SPEC["source"] | {"id": []}}, "source.id"),
        ({"source": SPEC["source"] | {"id": ["price"]}}, "an id must be known before the label"),
        ({"source": SPEC["source"] | {"separator": "::"}}, "source.separator"),
        ({"source": SPEC["source"] | {"encoding": "ebcdic"}}, "source.encoding"),
        ({"source": SPEC["source"] | {"decimal": "'"}}, "source.decimal"),
        ({"source": SPEC["source"] | {"format": "xlsx"}}, "source.format"),
        ({"source": SPEC["source"] | {"settle_minutes": -1}}, "source.settle_minutes"),
        ({"source": SPEC["source"] | {"complete_marker": "a/b"}}, "source.complete_marker"),
        ({"source": SPEC["source"] | {"batch": "night"}}, "source.batch"),
        ({"source": SPEC["source"] | {"s3_addressing": "dns"}}, "source.s3_addressing"),
        ({"source": SPEC["source"] | {"identity": "time"}}, "source.identity"),
        ({"source": SPEC["source"] | {"thousands": "."}}, "decimal and thousands are both"),
        ({"source": SPEC["source"] | {"every": 0}}, "source.every"),
        ({"source": SPEC["source"] | {"time_format": "%Q"}}, "names no day"),
        ({"source": SPEC["source"] | {"time_format": "%d.%Q"}}, "'Q' is a bad directive"),
        ({"source": SPEC["source"] | {"time_format": "seconds"}}, "names no day"),
        ({"source": SPEC["source"] | {"time_format": "%d.%m. %H:%M"}}, "names no year, so every row would be of 1900"),
        ({"source": SPEC["source"] | {"time_format": "%d.%m.%%Y"}}, "names no year"),
        ({"privacy": {"drop": ["rooms"]}}, "privacy.drop names 'rooms'"),
        ({"privacy": {"pseudonymise": ["size"]}}, "only ids and categories"),
        ({"contract": {"max_bad_share": 1.5}}, "contract.max_bad_share"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused_before_anything_lands(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ProjectSpec.model_validate(SPEC | change)
    reported = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in refused.value.errors()]
    assert said in " ".join(reported)
