"""What is measured on a picture of a screen: light, sharpness, and what a scratch or a dead pixel leaves on it.

Every value is a sum of whole numbers with one division at its end, so that another program gets the same bits.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pandas as pd

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")  # width, height, and what kind of picture
SIDES = (16, 256)  # pixels
GLARE, EDGE, LINE = 248, 40, 7  # grey level; difference of grey levels; pixels
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def of_pictures(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with what is measured on the picture of each."""
    measured = [measures(grey(content)) for content in rows["picture"]]
    return rows.assign(**{name: [one[name] for one in measured] for name in (measured[0] if measured else ())})


def grey(content: bytes) -> np.ndarray:
    """Return the grey levels of a PNG picture, shape (height, width), from 0 to 255.

    Raises
    ------
    ValueError
        It is no PNG picture of 8-bit grey levels, or a part of it is damaged.
    """
    if not content.startswith(SIGNATURE):
        raise ValueError("no PNG picture")
    header, packed, at = b"", b"", len(SIGNATURE)
    while at + 12 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        data, checksum = content[at + 8 : at + 8 + size], content[at + 8 + size : at + 12 + size]
        if checksum != struct.pack(">I", zlib.crc32(kind + data)):
            raise ValueError(f"part {kind!r} of the PNG picture is damaged")
        header, packed, at = (data if kind == b"IHDR" else header), packed + data * (kind == b"IDAT"), at + 12 + size
    width, height, *form = HEADER.unpack(header) if len(header) == HEADER.size else (0, 0)
    if form != [8, 0, 0, 0, 0] or not all(SIDES[0] <= side <= SIDES[1] for side in (width, height)):
        raise ValueError(f"a PNG picture of {width} x {height} pixels and form {form}; expected 8-bit grey levels")
    lines = zlib.decompressobj().decompress(packed, height * (width + 1) + 1)
    if len(lines) != height * (width + 1):
        raise ValueError("the PNG picture has another number of pixels than it says")
    return unfiltered(np.frombuffer(lines, np.uint8).reshape(height, width + 1))


def unfiltered(lines: np.ndarray) -> np.ndarray:
    """Return the pixels of a PNG picture without the filter of each line (PNG specification, 9.2)."""
    pixels = np.zeros((len(lines) + 1, lines.shape[1]), np.int64)  # with a line above and a pixel on the left of 0
    for y, line in enumerate(lines, 1):
        if line[0] == 0:
            pixels[y, 1:] = line[1:]
            continue
        kind, above, made = int(line[0]), pixels[y - 1].tolist(), [0]
        for x, value in enumerate(line[1:].tolist(), 1):
            left, up, corner = made[x - 1], above[x], above[x - 1]
            made.append((value + (0, left, up, (left + up) // 2, nearest(left, up, corner))[kind]) % 256)
        pixels[y] = made
    return pixels[1:, 1:]


def nearest(left: int, up: int, corner: int) -> int:
    """Return the neighbour that is nearest to left + up - corner: Paeth's predictor."""
    return min((left, up, corner), key=lambda one: abs(left + up - corner - one))


def measures(pixels: np.ndarray) -> dict[str, float]:
    """Return what is measured on grey levels.

    `brightness` is their mean, `glare` the share of nearly white pixels, `sharpness` the mean Laplacian, `edges` the
    share of pixels where it is large. `dark_spot` and `bright_spot` are how far a pixel differs from the mean of its
    eight neighbours, at most; `dark_line` and `bright_line` the same of the seven pixels of a line. The corners are the
    means of the quarters, less the brightness.

    >>> flat = np.full((16, 16), 100)
    >>> flat[8, 8] = 20  # a dead pixel
    >>> found = measures(flat)
    >>> found["dark_spot"], found["bright_spot"], found["dark_line"], found["sharpness"]
    (80.0, 10.0, 10.0, 0.8163265306122449)
    """
    height, width = pixels.shape
    inner = pixels[1:-1, 1:-1]
    across = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    laplacian = np.abs(4 * inner - across)
    square = sum(pixels[y : height - 2 + y, x : width - 2 + x] for y in range(3) for x in range(3))
    apart = 9 * inner - square  # eight times the pixel, less its neighbours
    lines = np.concatenate([along(apart, down, right).ravel() for down, right in DIRECTIONS])
    total, count = int(pixels.sum()), pixels.size
    quarters = [part for half in np.array_split(pixels, 2) for part in np.array_split(half, 2, axis=1)]
    corners = {
        f"corner_{number}": (int(part.sum()) * count - total * part.size) / (count * part.size)
        for number, part in enumerate(quarters, 1)
    }
    return {
        "brightness": total / count,
        "glare": int((pixels >= GLARE).sum()) / count,
        "sharpness": int(laplacian.sum()) / laplacian.size,
        "edges": int((laplacian >= EDGE).sum()) / laplacian.size,
        "dark_spot": int(-apart.min()) / 8,
        "bright_spot": int(apart.max()) / 8,
        "dark_line": int(-lines.min()) / (8 * LINE),
        "bright_line": int(lines.max()) / (8 * LINE),
        **corners,
    }


def along(values: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return the sums of each seven values in one direction."""
    height, width = values.shape[0] - down * (LINE - 1), values.shape[1] - abs(right) * (LINE - 1)
    start = (LINE - 1) if right < 0 else 0
    parts = (
        values[down * step : down * step + height, start + right * step : start + right * step + width]
        for step in range(LINE)
    )
    return np.sum([*parts], axis=0)
