"""A picture that came with data is shown only if it is a whole PNG, and only its pixels are."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from tasks.render.png_picture import picture_address

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int = 2, height: int = 2, bits: int = 8, kind: int = 0, interlaced: int = 0) -> bytes:
    return part(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced))


LINES = b"\0\x10\x20\0\x30\x40"
PIXELS, END = part(b"IDAT", zlib.compress(LINES)), part(b"IEND", b"")
GOOD = SIGNATURE + header() + PIXELS + END


def shown(content: bytes) -> bytes | None:
    address = picture_address(content)
    return None if address is None else base64.b64decode(address.removeprefix("data:image/png;base64,"))


def test_a_picture_is_shown_with_the_same_pixels() -> None:
    found = shown(GOOD)
    assert found is not None
    assert found.startswith(SIGNATURE + header())
    assert zlib.decompress(found[len(SIGNATURE + header()) + 8 : -len(END) - 4]) == LINES


def test_only_the_pixels_are_kept() -> None:
    text = part(b"tEXt", b"Comment\0<script>alert(1)</script>")
    assert shown(SIGNATURE + header() + text + PIXELS + text + END + b"<script>alert(1)</script>") == shown(GOOD)


def test_pixels_in_several_parts_are_one_picture() -> None:
    packed = zlib.compress(LINES)
    assert shown(SIGNATURE + header() + part(b"IDAT", packed[:3]) + part(b"IDAT", packed[3:]) + END) == shown(GOOD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        SIGNATURE,
        GOOD[:-1],
        GOOD.replace(PIXELS, PIXELS[:-1] + b"\0"),  # another checksum
        GOOD.replace(PIXELS, part(b"IDAT", zlib.compress(LINES + b"\0"))),  # a pixel too many
        GOOD.replace(PIXELS, part(b"IDAT", zlib.compress(LINES[:-1]))),  # a pixel too few
        GOOD.replace(PIXELS, part(b"IDAT", zlib.compress(bytes(50_000_000), 9))),  # a bomb
        GOOD.replace(PIXELS, part(b"IDAT", b"not packed")),
        GOOD.replace(PIXELS, part(b"IDAT", zlib.compress(b"\5" + LINES[1:]))),  # no such filter
        GOOD.replace(PIXELS, b""),
        SIGNATURE + PIXELS + header() + END,
        GOOD.replace(header(), header(0, 2)),
        GOOD.replace(header(), header(100_000, 100_000)),
        GOOD.replace(header(), header(bits=3)),
        GOOD.replace(header(), header(kind=1)),
        GOOD.replace(header(), header(interlaced=1)),
        GOOD + bytes(2**16),
    ],
)
def test_anything_else_is_not_shown(content: bytes) -> None:
    assert shown(content) is None
