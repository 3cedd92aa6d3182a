"""The bytes of one object, opened as often as needed: uncompressed within bounds, checked for other formats."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from tasks.ingest.readers.bounds import MAX_RATIO
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.readers.unreadable import BrokenError

Format = Literal["csv", "jsonl", "parquet"]
GZIP = b"\x1f\x8b"
ALWAYS_ALLOWED_BYTES = 64 * 2**20
SNIFFED_BYTES = 512
COPIED_BYTES = 2**20
COMPRESSION_RATIO = 5  # assumed until the object is read
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
    """The bytes of one object: its key (for its ending and for messages), its size, and a function that opens it."""

    key: str
    size_bytes: int
    open_raw: Callable[[], BinaryIO]

    @classmethod
    def of(cls, key: str, content: bytes) -> Content:
        """Return bytes in memory as content."""
        return cls(key, len(content), lambda: io.BytesIO(content))

    @property
    def compressed(self) -> bool:
        """Whether it is gzip, whatever its key.

        Raises
        ------
        BrokenError
            When the key ends in .gz and the bytes are not gzip.
        """
        with self.open_raw() as raw:
            is_gzip = raw.read(len(GZIP)) == GZIP
        if self.size_bytes and self.key.lower().endswith(".gz") and not is_gzip:
            raise BrokenError("not_gzip", "the name ends in .gz, but the bytes are not gzip")
        return is_gzip

    def opened(self) -> BinaryIO:
        """Return the bytes, uncompressed if necessary."""
        return _Uncompressed(self.open_raw(), self.size_bytes) if self.compressed else self.open_raw()

    def seekable(self) -> BinaryIO:
        """Return the bytes as a seekable file, uncompressed into an encrypted temporary file if necessary."""
        if not self.compressed:
            return self.open_raw()
        with TemporaryDirectory() as folder:
            with SealedFile(Path(folder) / "content") as sealed, self.opened() as stream:
                shutil.copyfileobj(stream, sealed, COPIED_BYTES)
            return sealed.opened()  # it stays readable when its folder is gone


def estimated_text_bytes(key: str, size_bytes: int, fmt: Format) -> int:
    """Return an estimate of the bytes of text in an object, from its listing.

    Examples
    --------
    >>> estimated_text_bytes("a.csv", 10, "csv"), estimated_text_bytes("a.csv.gz", 10, "csv")
    (10, 50)
    """
    return size_bytes * (COMPRESSION_RATIO if fmt == "parquet" or key.lower().endswith(".gz") else 1)


def refuse_other_formats(content: Content, fmt: Format) -> None:
    """Raise `wrong_format` when csv or JSON lines begin with the first bytes of another format.

    The Parquet reader reports this itself.
    """
    if fmt == "parquet":
        return
    with content.opened() as file:
        head = file.read(SNIFFED_BYTES)
    other = next((name for begin, name in OTHER_FORMATS.items() if head.startswith(begin)), None)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(MARKUP):
        other = "a web page or XML"
    elif fmt == "csv" and text.startswith((b'{"', b"[{")):
        other = "JSON"
    if other is not None:
        raise BrokenError("wrong_format", f"it begins like {other}; expected {fmt}")


class _Uncompressed(io.RawIOBase, BinaryIO):
    """The uncompressed bytes of gzip, within bounds."""

    def __init__(self, raw: BinaryIO, compressed_bytes: int) -> None:
        self._raw = raw
        self._file = gzip.GzipFile(fileobj=raw)
        self._left = max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * compressed_bytes)
        self._ratio = self._left / max(compressed_bytes, 1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        try:
            block = self._file.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise BrokenError("not_gzip", str(error)) from error
        self._left -= len(block)
        if self._left < 0:
            raise BrokenError("too_large", f"its uncompressed size is more than {self._ratio:,.0f} times its size")
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._file.close()
        self._raw.close()
        super().close()
