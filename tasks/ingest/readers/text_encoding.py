"""Reads text in any supported encoding as UTF-8, checked block by block."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, Literal

from tasks.ingest.readers.unreadable import BrokenError

Encoding = Literal["utf-8", "latin-1", "cp1252"]
BLOCK_BYTES = 2**20
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
CODES = {"utf-8": "not_utf8", "utf-16-le": "not_utf16", "utf-16-be": "not_utf16", "cp1252": "not_cp1252"}


class Utf8(io.RawIOBase, BinaryIO):
    """The text of a file as UTF-8 bytes without a byte-order mark; reading invalid text raises `BrokenError`.

    Parameters
    ----------
    raw : BinaryIO
        Uncompressed bytes from the start; closed together with this reader.
    encoding : 'utf-8', 'latin-1' or 'cp1252'
        The encoding, unless there is a byte-order mark.

    Notes
    -----
    A NUL is refused: it is frequent in files that were cut, preallocated or written as UTF-16 without a mark.
    """

    def __init__(self, raw: BinaryIO, encoding: Encoding) -> None:
        self._raw = raw
        self._ready = raw.read(BLOCK_BYTES)
        marks = ((mark, name) for mark, name in MARKS if self._ready.startswith(mark))
        mark, self._encoding = next(marks, (b"", encoding))
        self._ready = self._ready[len(mark) :]
        self._decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        self._offset = len(mark)
        self._text = b""
        self.quotes = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        """Fill a buffer with available text, at most a block."""
        text = self._available(len(buffer))
        buffer[: len(text)] = text
        return len(text)

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end: Arrow treats the result of one call as a block."""
        if size < 0:
            return self.readall()
        parts = []
        while size and (part := self._available(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def drain(self) -> None:
        """Read the rest, only to check it."""
        while self.read(BLOCK_BYTES):
            continue

    def close(self) -> None:
        """Close the underlying file as well."""
        self._raw.close()
        super().close()

    def _available(self, most: int) -> bytes:
        """Return the next text, at most a block; nothing at the end."""
        while not self._text:
            block = self._ready or self._raw.read(BLOCK_BYTES)
            self._ready = b""
            self._text = self._checked(block)
            if not block:
                break
        text, self._text = self._text[:most], self._text[most:]
        return text

    def _checked(self, block: bytes) -> bytes:
        pending = self._decoder.getstate()[0]
        wide = self._encoding.startswith("utf-16")
        if not wide and b"\0" in block:
            raise self._nul()
        if self._encoding == "utf-8" and not pending and block.isascii():
            self._offset += len(block)
            self.quotes += block.count(b'"')
            return block
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = self._offset - len(pending) + error.start
            detail = f"byte {at} is {error.object[error.start]:#04x}: {error.reason}"
            raise BrokenError(CODES[self._encoding], detail) from error
        if wide and "\0" in text:
            raise self._nul()
        self._offset += len(block)
        utf8 = block if self._encoding == "utf-8" and not pending and self._whole() else text.encode()
        self.quotes += utf8.count(b'"')
        return utf8

    def _nul(self) -> BrokenError:
        return BrokenError("nul_byte", f"there is a NUL within the {BLOCK_BYTES:,} bytes after byte {self._offset}")

    def _whole(self) -> bool:
        return not self._decoder.getstate()[0]
