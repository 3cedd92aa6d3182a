"""Text in any of the known encodings, as UTF-8: checked while it is read, a block at a time."""

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
    """The text of a file as UTF-8 bytes without a byte-order mark; what is no text is a `BrokenError`.

    Parameters
    ----------
    raw : BinaryIO
        Unpacked bytes, from their start; closed with this.
    encoding : 'utf-8', 'latin-1' or 'cp1252'
        Taken unless a byte-order mark says otherwise.

    Notes
    -----
    A NUL is refused: files that were cut, preallocated or written as UTF-16 without a mark are full of them.
    """

    def __init__(self, raw: BinaryIO, encoding: Encoding) -> None:
        self._raw = raw
        self._ready = raw.read(BLOCK_BYTES)
        found = next(((mark, name) for mark, name in MARKS if self._ready.startswith(mark)), (b"", encoding))
        self._ready = self._ready[len(found[0]) :]
        self._encoding = found[1]
        self._decoder = codecs.getincrementaldecoder(found[1])("strict")
        self._offset = len(found[0])
        self._text = b""
        self.quotes = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        """Fill a buffer with what is there, at most a block."""
        while not self._text:
            block = self._ready or self._raw.read(BLOCK_BYTES)
            self._ready = b""
            self._text = self._checked(block)
            if not block:
                break
        found = self._text[: len(buffer)]
        self._text = self._text[len(found) :]
        buffer[: len(found)] = found
        return len(found)

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end: Arrow takes what one call gives for a block."""
        if size < 0:
            return self.readall()
        found = []
        while size and (some := super().read(size)):
            found.append(some)
            size -= len(some)
        return found[0] if len(found) == 1 else b"".join(found)

    def drain(self) -> None:
        """Read what is left, for the checks alone."""
        while self.read(BLOCK_BYTES):
            continue

    def close(self) -> None:
        """Close the file it reads as well."""
        self._raw.close()
        super().close()

    def _checked(self, block: bytes) -> bytes:
        pending = self._decoder.getstate()[0]
        wide = self._encoding.startswith("utf-16")
        if not wide and b"\0" in block:
            raise self._nul()
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = self._offset - len(pending) + error.start
            detail = f"byte {at} is {error.object[error.start]:#04x}: {error.reason}"
            raise BrokenError(CODES[self._encoding], detail) from error
        if wide and "\0" in text:
            raise self._nul()
        self._offset += len(block)
        plain = block if self._encoding == "utf-8" and not pending and self._whole() else text.encode()
        self.quotes += plain.count(b'"')
        return plain

    def _nul(self) -> BrokenError:
        return BrokenError("nul_byte", f"there is a NUL within the {BLOCK_BYTES:,} bytes after byte {self._offset}")

    def _whole(self) -> bool:
        return not self._decoder.getstate()[0]
