"""The bytes of one object, opened as often as a reader needs: unpacked within bounds, and told from other formats."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, Literal

from tasks.ingest.readers.unreadable import BrokenError

Format = Literal["csv", "jsonl", "parquet"]
GZIP = b"\x1f\x8b"
# A text that gzip makes 200 times smaller is a bomb, or so monotonous that nothing can be learned from it.
MAX_RATIO = 200
ALWAYS_UNPACKED_BYTES = 64 * 2**20
SNIFFED_BYTES = 512
COPIED_BYTES = 2**20
PACKED_WEIGHT = 5  # what a packed byte is taken to become, before anybody looked
OTHER_FORMATS = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive, or an Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"ARROW1": "Arrow",
}
MARKUP = (b"<!doctype", b"<html", b"<?xml")


@dataclass(frozen=True, slots=True)
class Content:
    """One object's bytes: its key (for its ending and for messages), its size, and a way to read them anew."""

    key: str
    size_bytes: int
    open_raw: Callable[[], BinaryIO]

    @classmethod
    def of(cls, key: str, content: bytes) -> Content:
        """Return bytes in memory as content."""
        return cls(key, len(content), lambda: io.BytesIO(content))

    @property
    def packed(self) -> bool:
        """Whether it is gzip, whatever its name says.

        Raises
        ------
        BrokenError
            When the name says so and the bytes do not.
        """
        with self.open_raw() as raw:
            packed = raw.read(len(GZIP)) == GZIP
        if self.size_bytes and self.key.lower().endswith(".gz") and not packed:
            raise BrokenError("not_gzip", "the name ends in .gz, but the bytes are not gzip's")
        return packed

    def opened(self) -> BinaryIO:
        """Return the bytes, unpacked if need be."""
        return _Unpacked(self.open_raw(), self.size_bytes) if self.packed else self.open_raw()

    def seekable(self) -> BinaryIO:
        """Return the bytes as a file that can be read from its end, unpacked into a nameless file if need be."""
        if not self.packed:
            return self.open_raw()
        with ExitStack() as unless_done:
            unpacked = unless_done.enter_context(TemporaryFile())
            with self.opened() as packed:
                shutil.copyfileobj(packed, unpacked, COPIED_BYTES)
            unpacked.seek(0)
            unless_done.pop_all()
        return unpacked


def weight_bytes(key: str, size_bytes: int, fmt: Format) -> int:
    """Return about how many bytes of text an object holds, from what a listing shows.

    Examples
    --------
    >>> weight_bytes("a.csv", 10, "csv"), weight_bytes("a.csv.gz", 10, "csv"), weight_bytes("a", 10, "parquet")
    (10, 50, 50)
    """
    return size_bytes * (PACKED_WEIGHT if fmt == "parquet" or key.lower().endswith(".gz") else 1)


def refuse_other_formats(content: Content, fmt: Format) -> None:
    """Raise `wrong_format` when csv or json lines begin as something else does.

    Parquet says itself what is wrong with it.
    """
    if fmt == "parquet":
        return
    with content.opened() as file:
        head = file.read(SNIFFED_BYTES)
    found = next((name for begin, name in OTHER_FORMATS.items() if head.startswith(begin)), None)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(MARKUP):
        found = "a web page or XML"
    elif fmt == "csv" and text.startswith((b'{"', b"[{")):
        found = "JSON"
    if found is not None:
        raise BrokenError("wrong_format", f"it begins as {found} does; expected {fmt}")


class _Unpacked(io.RawIOBase, BinaryIO):
    """What gzip unpacks, as long as it stays within bounds."""

    def __init__(self, raw: BinaryIO, packed_bytes: int) -> None:
        self._raw = raw
        self._file = gzip.GzipFile(fileobj=raw)
        self._left = max(ALWAYS_UNPACKED_BYTES, MAX_RATIO * packed_bytes)
        self._ratio = self._left / max(packed_bytes, 1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        try:
            found = self._file.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise BrokenError("not_gzip", str(error)) from error
        self._left -= len(found)
        if self._left < 0:
            raise BrokenError("too_large", f"it unpacks to more than {self._ratio:,.0f} times its size")
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        self._raw.close()
        super().close()
