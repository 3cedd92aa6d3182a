"""Files that only the process that wrote them can read: what is delivered is encrypted before it is on disk."""

from __future__ import annotations

import io
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

BLOCK_BYTES = 16
KEY = secrets.token_bytes(32)  # of this process; never stored


class SealedFile(io.RawIOBase, BinaryIO):
    """A file encrypted with AES-256 in counter mode; the key ends with the process.

    It is written from the start, or from there again; it is read at any position.

    Source: NIST SP 800-38A, section 6.5.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a"
    ...     with SealedFile(path) as file:
    ...         _ = file.write(b"Ann has a secret")
    ...     with file.opened() as sealed:
    ...         _ = sealed.seek(4)
    ...         path.read_bytes().find(b"Ann"), sealed.read(3)
    (-1, b'has')
    """

    def __init__(self, path: Path, nonce: bytes | None = None) -> None:
        self._path = path
        self._writes = nonce is None
        self._nonce = nonce or secrets.token_bytes(BLOCK_BYTES)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC if self._writes else os.O_RDONLY
        self._file = os.fdopen(os.open(path, flags, 0o600), "w+b" if self._writes else "rb", buffering=0)
        self._stream = self._at(0)

    def opened(self) -> BinaryIO:
        """Return the file, written and closed, for reading."""
        return SealedFile(self._path, self._nonce)

    def readable(self) -> bool:
        """Return whether it was opened for reading."""
        return not self._writes

    def writable(self) -> bool:
        """Return whether it was opened for writing."""
        return self._writes

    def seekable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: bytes, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        """Append content, all of it."""
        left = memoryview(self._stream.update(content))
        while left:
            left = left[self._file.write(left) :]
        return len(content)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what io.RawIOBase calls
        """Fill a buffer from the present place, as far as there is content."""
        content = self._stream.update(self._file.read(len(buffer)))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int = -1, /) -> bytes:
        """Return the content from the present place, at most `size` bytes; fewer only at the end."""
        return self.readall() if size < 0 else self._stream.update(self._file.read(size))

    def seek(self, offset: int, origin: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        place = self._file.seek(offset, origin)
        self._stream = self._at(place)
        return place

    def tell(self) -> int:
        """Return the present place."""
        return self._file.tell()

    def truncate(self, size: int | None = None, /) -> int:
        """Remove all content: what is written instead is encrypted with other numbers."""
        left = self._file.truncate(size)
        self._nonce = secrets.token_bytes(BLOCK_BYTES)
        self._stream = self._at(self._file.tell())
        return left

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _at(self, place: int) -> CipherContext:
        """Return the key stream from a place on."""
        first = (int.from_bytes(self._nonce, "big") + place // BLOCK_BYTES) % 2 ** (8 * BLOCK_BYTES)
        stream = Cipher(AES(KEY), CTR(first.to_bytes(BLOCK_BYTES, "big"))).encryptor()
        stream.update(bytes(place % BLOCK_BYTES))
        return stream
