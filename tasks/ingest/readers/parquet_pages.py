"""The headers of the pages of a Parquet file: what its columns unpack to, before anything is unpacked.

The footer cannot be relied on: Arrow allocates what the page headers say, and a footer may say less. Where the pages
are is read from the footer here: pyarrow ends the process when it is asked for a column chunk that is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import pyarrow.parquet as pq

from tasks.ingest.readers.bounds import POINTER_BYTES, Bounds
from tasks.ingest.readers.unreadable import BrokenError

HEADER_BYTES = (2**12, 2**24)  # a header with long statistics is read again; Arrow reads no longer ones either
FOOTER_END_BYTES = 8  # four bytes of length, then PAR1
# Field numbers of parquet.thrift.
UNPACKED, PACKED, DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_2 = 2, 3, 5, 7, 8
VALUES, ENCODING, ENCODING_2 = 1, 2, 4
ROW_GROUPS, COLUMN_CHUNKS, CHUNK = 4, 1, 3
CHUNK_BYTES, DATA_OFFSET, DICTIONARY_OFFSET = 7, 9, 11
DELTA_BYTE_ARRAY = 7  # each text repeats the beginning of the one before, so a few bytes may be a page long
# Types of the compact protocol of Thrift.
STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12


class Page(NamedTuple):
    """What the header of a page says."""

    values: int
    unpacked_bytes: int
    is_dictionary: bool
    is_delta: bool


@dataclass(slots=True)
class DeltaColumns:
    """The columns with a page in the encoding DELTA_BYTE_ARRAY, and the bytes of the largest such page."""

    paths: set[str] = field(default_factory=set)
    page_bytes: int = 0


def refuse_long_footer(file: BinaryIO, size_bytes: int, bounds: Bounds) -> None:
    """Raise `too_large` when the footer, which is read as a whole, is longer than a quarter of a chunk."""
    file.seek(max(0, size_bytes - FOOTER_END_BYTES))
    footer_bytes = int.from_bytes(file.read(4), "little")
    allowed = bounds.chunk_bytes // 4
    if allowed < footer_bytes < size_bytes:
        raise bounds.too_large(f"its footer has {footer_bytes:,} bytes", f"{allowed:,}")


def checked_pages(file: BinaryIO, metadata: pq.FileMetaData, bounds: Bounds) -> DeltaColumns:
    """Read the header of every page; return which columns have texts that may be as long as a page.

    Raises
    ------
    BrokenError
        `too_large` when a page, the pages that are open at once, or the values that one row may have, are larger than
        the bounds; `not_parquet` when a header cannot be read.
    """
    delta, allowed = DeltaColumns(), 2 * bounds.chunk_bytes
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    for chunks in _row_groups(file):
        if len(chunks) != len(leaves):
            raise BrokenError("not_parquet", f"a row group has {len(chunks)} columns; the schema has {len(leaves)}")
        open_bytes = repeated = 0
        for leaf, chunk in zip(leaves, chunks, strict=True):
            largest = {False: 0, True: 0}
            for page in _pages(file, chunk):
                largest[page.is_dictionary] = max(largest[page.is_dictionary], page.unpacked_bytes)
                if leaf.max_repetition_level:
                    repeated += page.values
                if page.is_delta:
                    delta.paths.add(leaf.path)
                    delta.page_bytes = max(delta.page_bytes, page.unpacked_bytes)
            open_bytes += sum(largest.values())
            if open_bytes > allowed * 2 or max(largest.values()) > allowed:
                raise bounds.too_large(f"its pages unpack to {open_bytes:,} bytes at once", f"{allowed:,} a page")
            if repeated * POINTER_BYTES > allowed:
                raise bounds.too_large(f"its lists have {repeated:,} values", f"{allowed // POINTER_BYTES:,} at once")
    return delta


def _row_groups(file: BinaryIO) -> list[list[dict[int, Any]]]:
    """Return, by row group, the metadata of the chunk of each column."""
    size_bytes = file.seek(0, 2)
    file.seek(size_bytes - FOOTER_END_BYTES)
    footer_bytes = int.from_bytes(file.read(4), "little")
    file.seek(size_bytes - FOOTER_END_BYTES - footer_bytes)
    try:
        footer = _Compact(file.read(footer_bytes)).struct()
    except (IndexError, RecursionError) as error:
        raise BrokenError("not_parquet", "its footer does not end") from error
    groups = [_structs(group, COLUMN_CHUNKS) for group in _structs(footer, ROW_GROUPS)]
    return [[_fields(chunk, CHUNK) for chunk in chunks] for chunks in groups]


def _pages(file: BinaryIO, chunk: dict[int, Any]) -> Iterator[Page]:
    """Yield the pages of a column of a row group."""
    position = min((start for name in (DATA_OFFSET, DICTIONARY_OFFSET) if (start := _number(chunk, name))), default=0)
    if position < 0:
        raise BrokenError("not_parquet", f"a column begins at byte {position}")
    if not position:  # a row group without rows
        return
    end = position + _number(chunk, CHUNK_BYTES)
    while position < end:
        header, length = _header(file, position)
        packed, unpacked = _number(header, PACKED, -1), _number(header, UNPACKED, -1)
        if packed < 0 or unpacked < 0:
            raise BrokenError("not_parquet", f"the header of the page at byte {position} has no size")
        position += length + packed
        data, data_2 = _fields(header, DATA_PAGE), _fields(header, DATA_PAGE_2)
        is_delta = DELTA_BYTE_ARRAY in {_number(data, ENCODING), _number(data_2, ENCODING_2)}
        values = _number(data, VALUES) + _number(data_2, VALUES)
        yield Page(values, unpacked, DICTIONARY_PAGE in header, is_delta)


def _number(fields: dict[int, Any], name: int, default: int = 0) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else default


def _fields(header: dict[int, Any], name: int) -> dict[int, Any]:
    value = header.get(name)
    return value if isinstance(value, dict) else {}


def _structs(fields: dict[int, Any], name: int) -> list[dict[int, Any]]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _header(file: BinaryIO, position: int) -> tuple[dict[int, Any], int]:
    """Return the fields of a page header, and its length."""
    for size in HEADER_BYTES:
        file.seek(position)
        content = file.read(size)
        reader = _Compact(content)
        try:
            return reader.struct(), reader.position
        except RecursionError:
            break
        except IndexError:
            if len(content) < size:
                break
    raise BrokenError("not_parquet", f"the header of the page at byte {position} does not end")


class _Compact:
    """Reads a struct in the compact protocol of Thrift; texts, maps, and lists of anything but structs are skipped.

    Examples
    --------
    Field 1 is the number -3, field 2 a text of two bytes, field 3 a struct with true in its field 1:

    >>> _Compact(bytes([0x15, 0x05, 0x18, 0x02, 65, 66, 0x1C, 0x11, 0x00, 0x00])).struct()
    {1: -3, 2: None, 3: {1: True}}
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def struct(self) -> dict[int, Any]:
        """Return the fields by number."""
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != STOP:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = kind == TRUE if kind in {TRUE, FALSE} else self._value(kind)
        return fields

    def _byte(self) -> int:
        value = self._content[self.position]
        self.position += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the highest bit says that there is more
                return value
            shift += 7

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _list(self) -> list[dict[int, Any]] | None:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()  # noqa: PLR2004 - all ones: the count follows
        if head & 15 == STRUCT:
            return [self.struct() for _ in range(count)]
        for _ in range(count):
            self._value(BYTE if head & 15 in {TRUE, FALSE} else head & 15)
        return None

    def _value(self, kind: int) -> Any:
        if kind == STRUCT:
            return self.struct()
        if kind in {LIST, SET}:
            return self._list()
        if kind == MAP:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._value(kinds >> 4)
                self._value(kinds & 15)
        elif kind in {BYTE, DOUBLE, BINARY}:
            skipped = self._unsigned() if kind == BINARY else {BYTE: 1, DOUBLE: 8}[kind]
            self.position += skipped
        else:
            return self._integer()
        if self.position > len(self._content):
            raise IndexError(self.position)
        return None
