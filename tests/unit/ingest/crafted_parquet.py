"""Parquet files as no writer makes them: their footers and page headers, byte by byte.

Source: the Thrift compact protocol, and parquet.thrift of Apache Parquet.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

NUMBER, LONG, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
STOP = b"\0"
INT32 = 1


def varint(number: int) -> bytes:
    """Return a number as seven bits a byte."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def signed(number: int) -> bytes:
    return varint((number << 1) ^ (number >> 63))


def struct_of(*fields: tuple[int, int, bytes]) -> bytes:
    """Return a struct of (number, type, content), in the order of their numbers."""
    before, out = 0, b""
    for number, kind, content in fields:
        out += bytes([(number - before) << 4 | kind]) + content
        before = number
    return out + STOP


def list_of(kind: int, items: Sequence[bytes]) -> bytes:
    count = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
    return count + b"".join(items)


def text(content: bytes) -> bytes:
    return varint(len(content)) + content


def element(name: bytes, children: int | None = None) -> bytes:
    """Return an element of a schema: a group with children, or a column of whole numbers."""
    if children is None:
        return struct_of((1, NUMBER, signed(INT32)), (3, NUMBER, signed(0)), (4, BINARY, text(name)))
    return struct_of((3, NUMBER, signed(1)), (4, BINARY, text(name)), (5, NUMBER, signed(children)))


def parquet(schema: Sequence[bytes], groups: Sequence[bytes] = (), rows: int = 0, pages: bytes = b"") -> bytes:
    """Return a file with some bytes of pages after its first four."""
    footer = struct_of(
        (1, NUMBER, signed(1)),
        (2, LIST, list_of(STRUCT, schema)),
        (3, LONG, signed(rows)),
        (4, LIST, list_of(STRUCT, groups)),
    )
    return b"PAR1" + pages + footer + struct.pack("<I", len(footer)) + b"PAR1"


def one_value_page(value: int, statistics: bytes = b"") -> bytes:
    """Return a page of one whole number, with a header as long as its statistics."""
    said = struct_of((5, BINARY, text(statistics))) if statistics else None
    data = struct_of(
        (1, NUMBER, signed(1)),
        (2, NUMBER, signed(0)),
        (3, NUMBER, signed(3)),
        (4, NUMBER, signed(3)),
        *([(5, STRUCT, said)] if said else []),
    )
    sizes = ((1, NUMBER, signed(0)), (2, NUMBER, signed(4)), (3, NUMBER, signed(4)))
    return struct_of(*sizes, (5, STRUCT, data)) + struct.pack("<i", value)


def row_group(name: bytes, values: int, size_bytes: int, start: int) -> bytes:
    """Return a row group of one column, with the place of its pages."""
    column = struct_of(
        (1, NUMBER, signed(INT32)),
        (2, LIST, list_of(NUMBER, [signed(0)])),
        (3, LIST, list_of(BINARY, [text(name)])),
        (4, NUMBER, signed(0)),
        (5, LONG, signed(values)),
        (6, LONG, signed(size_bytes)),
        (7, LONG, signed(size_bytes)),
        (9, LONG, signed(start)),
    )
    chunk = struct_of((2, LONG, signed(start)), (3, STRUCT, column))
    return struct_of((1, LIST, list_of(STRUCT, [chunk])), (2, LONG, signed(size_bytes)), (3, LONG, signed(values)))


def nested(levels: int) -> bytes:
    """Return a file without rows, of one column within so many records."""
    return parquet([element(b"schema", 1), *[element(b"a", 1)] * levels, element(b"x")])


def the_same_pages_in_each_row_group(pages: int, groups: int) -> bytes:
    """Return a file of which each row group says that it has all pages of the file."""
    content = one_value_page(1) * pages
    group = row_group(b"id", 1, len(content), 4)
    return parquet([element(b"schema", 1), element(b"id")], [group] * groups, groups, content)


def long_page_headers(pages: int, statistics: int) -> bytes:
    """Return a file with a value in each of its pages, and much in their headers that is not needed."""
    content = one_value_page(7, b"x" * statistics) * pages
    group = row_group(b"id", pages, len(content), 4)
    return parquet([element(b"schema", 1), element(b"id")], [group], pages, content)


def wide(columns: int) -> bytes:
    """Return a file without rows, of so many columns."""
    return parquet([element(b"schema", columns), *(element(b"%x" % number) for number in range(columns))])
