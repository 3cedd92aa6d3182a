"""A PNG picture that came with data, as an address that a page can show: checked part by part, and written again."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")  # width, height, bits, kind, compression, filter, interlace
PART = struct.Struct(">I4s")
CHECKSUM_BYTES = 4
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the kind of the picture
BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
MOST_BYTES, MOST_SIDE, MOST_FILTER = 64 * 1024, 512, 4


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A row with its picture as a `data:` address, or None where there is none to show, and why it is shown."""

    row: str
    why: str
    address: str | None


def picture_address(content: bytes) -> str | None:
    """Return a PNG picture as a `data:` address; None if it is none, is damaged, or is too large for a page.

    Only its pixels and its palette are kept: no text, no profile, and nothing before, between or after the parts. What
    is unpacked has exactly the size that its header says. Other formats are not shown: an SVG may have a script.

    Examples
    --------
    >>> picture_address(b"<svg onload='alert(1)'/>") is None
    True
    """
    parts = _parts(content) if len(content) <= MOST_BYTES else None
    if parts is None or len(parts[b"IHDR"]) != HEADER.size:
        return None
    width, height, bits, kind, *rest = HEADER.unpack(parts[b"IHDR"])
    if bits not in BITS.get(kind, ()) or rest != [0, 0, 0] or not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
        return None
    line_bytes = 1 + (width * bits * SAMPLES[kind] + 7) // 8
    lines = _unpacked(parts[b"IDAT"], height * line_bytes)
    if lines is None or max(lines[::line_bytes]) > MOST_FILTER:
        return None
    parts[b"IDAT"] = zlib.compress(lines, 9)
    written = SIGNATURE + b"".join(_part(name, parts[name]) for name in NEEDED if name in parts)
    return f"data:image/png;base64,{base64.b64encode(written).decode('ascii')}"


def _parts(content: bytes) -> dict[bytes, bytes] | None:
    """Return the parts that a picture is shown from, by name; None if they are damaged or not all there."""
    if not content.startswith(SIGNATURE):
        return None
    parts: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while b"IEND" not in parts:
        if at + PART.size + CHECKSUM_BYTES > len(content):
            return None
        size, name = PART.unpack_from(content, at)
        at += PART.size
        data, checksum = content[at : at + size], content[at + size : at + size + CHECKSUM_BYTES]
        if checksum != struct.pack(">I", zlib.crc32(name + data)) or (name != b"IHDR" and b"IHDR" not in parts):
            return None
        if name in NEEDED:
            parts[name] = parts.get(name, b"") + data if name == b"IDAT" else data
        at += size + CHECKSUM_BYTES
    return parts if b"IDAT" in parts else None


def _unpacked(packed: bytes, size: int) -> bytes | None:
    """Return the lines of a picture; None if they are not exactly so many bytes."""
    unpacker = zlib.decompressobj()
    try:
        lines = unpacker.decompress(packed, size + 1)
    except zlib.error:
        return None
    return lines if len(lines) == size and unpacker.eof else None


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
