"""The headers of the pages of a Parquet file: what its columns unpack to, before anything is unpacked.

The footer cannot be relied on: Arrow allocates what the page headers say, and a footer may say less. Where the pages
are is read from the footer here: pyarrow ends the process when it is asked for a column chunk that is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import pyarrow.parquet as pq

from tasks.ingest.readers.bounds import MOST_LEVELS, POINTER_BYTES, Bounds, too_deep
from tasks.ingest.readers.columnar.compact_thrift import CompactStruct, Fields, Wanted
from tasks.ingest.readers.unreadable import BrokenError

HEADER_BYTES = (2**12, 2**16, 2**20, 2**24)  # one with long statistics is read again; Arrow reads no longer ones
FOOTER_END_BYTES = 8  # four bytes of length, then PAR1
# Field numbers of parquet.thrift.
UNPACKED, PACKED, DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_2 = 2, 3, 5, 7, 8
VALUES, ENCODING, ENCODING_2 = 1, 2, 4
SCHEMA, CHILDREN = 2, 5
ROW_GROUPS, COLUMN_CHUNKS, GROUP_BYTES, CHUNK = 4, 1, 2, 3
CHUNK_BYTES, DATA_OFFSET, DICTIONARY_OFFSET = 7, 9, 11
DELTA_BYTE_ARRAY = 7  # each text repeats the beginning of the one before, so a few bytes may be a page long
# What is kept of a footer, and of the header of a page.
IN_CHUNK: Wanted = {CHUNK: {CHUNK_BYTES: {}, DATA_OFFSET: {}, DICTIONARY_OFFSET: {}}}
IN_FOOTER: Wanted = {SCHEMA: {CHILDREN: {}}, ROW_GROUPS: {COLUMN_CHUNKS: IN_CHUNK, GROUP_BYTES: {}}}
IN_HEADER: Wanted = {
    UNPACKED: {},
    PACKED: {},
    DATA_PAGE: {VALUES: {}, ENCODING: {}},
    DICTIONARY_PAGE: {},
    DATA_PAGE_2: {VALUES: {}, ENCODING_2: {}},
}


class RowGroup(NamedTuple):
    """What the footer says of a row group: the bytes that it unpacks to, and where the chunk of each column is."""

    unpacked_bytes: int
    chunks: list[Fields]


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


def checked_pages(
    file: BinaryIO, metadata: pq.FileMetaData, groups: Sequence[RowGroup], bounds: Bounds
) -> DeltaColumns:
    """Read the header of every page; return which columns have texts that may be as long as a page.

    Raises
    ------
    BrokenError
        `too_large` when a page, the pages that are open at once, or the values that one row may have, are larger than
        the bounds; `not_parquet` when a header cannot be read.
    """
    delta, allowed = DeltaColumns(), 2 * bounds.chunk_bytes
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    for _, chunks in groups:
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


def row_groups(file: BinaryIO, bounds: Bounds) -> list[RowGroup]:
    """Return the row groups of a file, from its footer.

    Raises
    ------
    BrokenError
        `not_parquet` when the footer cannot be read, or its columns overlap; `too_large` when there are more columns,
        or deeper ones, than can be read.
    """
    size_bytes = file.seek(0, 2)
    file.seek(size_bytes - FOOTER_END_BYTES)
    footer_bytes = int.from_bytes(file.read(4), "little")
    file.seek(size_bytes - FOOTER_END_BYTES - footer_bytes)
    try:
        footer = CompactStruct(file.read(footer_bytes)).fields(IN_FOOTER)
    except (IndexError, RecursionError) as error:
        raise BrokenError("not_parquet", "its footer does not end") from error
    _refuse_schema([_number(element, CHILDREN) for element in _structs(footer, SCHEMA)], bounds)
    groups = [
        RowGroup(_number(group, GROUP_BYTES), [_fields(chunk, CHUNK) for chunk in _structs(group, COLUMN_CHUNKS)])
        for group in _structs(footer, ROW_GROUPS)
    ]
    claimed = sum(max(_number(chunk, CHUNK_BYTES), 0) for group in groups for chunk in group.chunks)
    if claimed > size_bytes:  # the same pages would be read over and over
        detail = f"its columns overlap: their chunks have {claimed:,} bytes in a file of {size_bytes:,}"
        raise BrokenError("not_parquet", detail)
    return groups


def _refuse_schema(children: Sequence[int], bounds: Bounds) -> None:
    """Raise `too_large` when a schema has too many columns or levels; each element follows its parent."""
    bounds.refuse_columns(children.count(0))
    open_groups: list[int] = []  # how many elements each of the groups around the next element still has
    for count in children:
        while open_groups and not open_groups[-1]:
            open_groups.pop()
        if open_groups:
            open_groups[-1] -= 1
        if count > 0:
            open_groups.append(count)
        if len(open_groups) > MOST_LEVELS:
            raise too_deep("a column")


def _pages(file: BinaryIO, chunk: Fields) -> Iterator[Page]:
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


def _number(fields: Fields, name: int, default: int = 0) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else default


def _fields(header: Fields, name: int) -> Fields:
    value = header.get(name)
    return value if isinstance(value, dict) else {}


def _structs(fields: Fields, name: int) -> list[Fields]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _header(file: BinaryIO, position: int) -> tuple[Fields, int]:
    """Return the fields of a page header, and its length."""
    for size in HEADER_BYTES:
        file.seek(position)
        content = file.read(size)
        reader = CompactStruct(content)
        try:
            return reader.fields(IN_HEADER), reader.position
        except RecursionError:
            break
        except IndexError:
            if len(content) < size:
                break
    raise BrokenError("not_parquet", f"the header of the page at byte {position} does not end")
