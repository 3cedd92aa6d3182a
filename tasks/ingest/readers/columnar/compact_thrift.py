"""Reads structs in the compact protocol of Thrift, in which footers and page headers of Parquet are written.

Only wanted fields are kept, so that a file of a few megabytes does not become many times that in Python objects.

Source: the specification of the Thrift compact protocol (doc/specs/thrift-compact-protocol.md of Apache Thrift).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Fields: TypeAlias = dict[int, Any]
"""The fields of a struct by number: numbers, booleans, structs, and lists of structs."""
Wanted: TypeAlias = Mapping[int, "Wanted"]
"""The fields to keep, and within them, if they are structs or lists of structs, those to keep there."""

STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
NUMBER_BITS = 64
NOTHING: Wanted = {}


class CompactStruct:
    """A struct at the beginning of some bytes; `position` is that of the next byte to read.

    Examples
    --------
    Field 1 is the number -3, field 2 a text of two bytes, field 3 a struct with true in its field 1:

    >>> content = bytes([0x15, 0x05, 0x18, 0x02, 65, 66, 0x1C, 0x11, 0x00, 0x00])
    >>> CompactStruct(content).fields({1: {}, 3: {1: {}}}), CompactStruct(content).fields({3: {}})
    ({1: -3, 3: {1: True}}, {3: {}})
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def fields(self, wanted: Wanted) -> Fields:
        """Return the wanted fields of the struct by number.

        Raises
        ------
        IndexError
            The bytes end within the struct.
        ValueError
            A number has more than 64 bits.
        """
        fields: Fields = {}
        number = 0
        while (head := self._byte()) != STOP:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            within = wanted.get(number)
            value = kind == TRUE if kind in {TRUE, FALSE} else self._value(kind, within)
            if within is not None:
                fields[number] = value
        return fields

    def _byte(self) -> int:
        value = self._content[self.position]
        self.position += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while shift < NUMBER_BITS:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the highest bit says that there is more
                if value.bit_length() > NUMBER_BITS:
                    break
                return value
            shift += 7
        raise ValueError(f"the number before byte {self.position} has more than {NUMBER_BITS} bits")

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _list(self, wanted: Wanted | None) -> list[Fields] | None:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()  # noqa: PLR2004 - all ones: the count follows
        kind = BYTE if head & 15 in {TRUE, FALSE} else head & 15
        if kind == STRUCT and wanted is not None:
            return [self.fields(wanted) for _ in range(count)]
        for _ in range(count):
            self._value(kind, None)
        return None

    def _value(self, kind: int, wanted: Wanted | None) -> Any:
        if kind == STRUCT:
            return self.fields(NOTHING if wanted is None else wanted)
        if kind in {LIST, SET}:
            return self._list(wanted)
        if kind == MAP:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._value(kinds >> 4, None)
                self._value(kinds & 15, None)
        elif kind in {BYTE, DOUBLE, BINARY}:
            skipped = self._unsigned() if kind == BINARY else {BYTE: 1, DOUBLE: 8}[kind]
            self.position += skipped
        else:
            return self._integer()
        if self.position > len(self._content):
            raise IndexError(self.position)
        return None
