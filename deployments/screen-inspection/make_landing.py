#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3"]
# ///
"""Draws pictures of phone screens, with and without faults, and writes them as deliveries; a seed gives the same bytes.

    uv run deployments/screen-inspection/make_landing.py
    python deployments/screen-inspection/make_landing.py [folder] [seed] [screens a day]

On Monday 2026-05-04 the station gets new lamps: it is brighter, the glare is elsewhere, a scratch shines instead of
being dark, and dust that no one saw before is as dark as a dead pixel was. README.md in this folder says what is in the
files.
"""

from __future__ import annotations

import hashlib
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

BEGIN, END, CHANGE = (np.datetime64(day) for day in ("2026-03-02", "2026-06-06", "2026-05-04"))  # Mondays but the end
FIRST_DELIVERY, LAST_LABELS = np.datetime64("2026-04-20"), np.datetime64("2026-06-22")
DELIVERY_DAYS = "Mon Wed Fri"
GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}  # no time of writing, so that the bytes are the same
SEED, SCREENS = "1", "40"
SIDE, STEP = 24, 4  # pixels; grey levels are multiples of it
SCRATCHED, DEAD, DUSTY = 0.16, 0.1, 0.35  # shares of the screens
OVERLOOKED, IMAGINED = 0.03, 0.02  # by an inspector
LABELLED, SOON_DAYS, LATE, LATE_DAYS = 0.9, 2, 0.25, (3, 14)
BROKEN = np.datetime64("2026-04-28")  # the day of which three pictures arrive broken


def png(pixels: np.ndarray) -> bytes:
    """Return grey levels as a PNG picture: one part with the size, one with the lines, each behind a filter of 0."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), pixels]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(lines, 9)) + part(b"IEND", b"")


def picture(rng: np.random.Generator, *, scratched: bool, dead: bool, dusty: bool, new: bool) -> np.ndarray:
    """Return a picture of a screen under the old lamps or the new ones."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    light = rng.normal(165 if new else 130, 7)
    slope = rng.normal(0.8, 0.2) * (x - y if new else y - SIDE / 2)
    at = rng.normal((5, 18) if new else (18, 6), 1.5)
    glare = rng.gamma(4, 17 if new else 6) * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / 18)
    screen = light + slope + glare + rng.normal(0, 4, (SIDE, SIDE))
    if dusty:  # a few grains, which are no fault
        for grain_y, grain_x in rng.uniform(2, SIDE - 3, (rng.integers(1, 4), 2)):
            grain = np.exp(-((y - grain_y) ** 2 + (x - grain_x) ** 2) / 0.8)
            screen -= (rng.uniform(25, 60) if new else rng.uniform(2, 8)) * grain
    if scratched:
        depth = rng.gamma(6, 7) + 8
        screen += (0.9 * depth if new else -depth) * scratch(rng, y, x)
    if dead:
        for pixel in rng.integers(1, SIDE - 1, (rng.integers(1, 4), 2)):
            screen[tuple(pixel)] -= rng.uniform(80, 150) if new else rng.uniform(25, 70)
    return (np.clip(screen, 0, 252) / STEP).round().astype(np.uint8) * STEP


def scratch(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how much of a scratch is on each pixel, from 0 to 1."""
    middle, angle, half = rng.uniform(7, SIDE - 8, 2), rng.uniform(0, np.pi), rng.uniform(3, 7)
    across = (y - middle[0]) * np.cos(angle) - (x - middle[1]) * np.sin(angle)
    along = (y - middle[0]) * np.sin(angle) + (x - middle[1]) * np.cos(angle)
    return np.exp(-(across**2) / 0.7) * (np.abs(along) <= half)


def delivery_days(days: np.ndarray) -> np.ndarray:
    """Return when something of a day lands: the next Monday, Wednesday or Friday, and not before the history does.

    >>> days = np.array(["2026-03-03", "2026-04-17", "2026-04-20", "2026-06-19"], dtype="datetime64[D]")
    >>> delivery_days(days).astype(str).tolist()
    ['2026-04-20', '2026-04-20', '2026-04-22', '2026-06-22']
    """
    day = days.astype("datetime64[D]")
    landed = np.maximum(np.busday_offset(day + 1, 0, roll="forward", weekmask=DELIVERY_DAYS), FIRST_DELIVERY)
    return np.minimum(landed, LAST_LABELS)


def drawn(folder: Path, seed: int, count: int) -> pd.DataFrame:
    """Write the pictures of all screens; return one row for each, with its label and when that is known."""
    rng, rows = np.random.default_rng(seed), []
    for day in np.arange(BEGIN, END):
        if not np.is_busday(day):
            continue
        for number in range(count):
            scratched, dead, dusty = rng.random(3) < (SCRATCHED, DEAD, DUSTY)
            content = png(picture(rng, scratched=scratched, dead=dead, dusty=dusty, new=day >= CHANGE))
            name = f"{day}/{number:02}.png"
            path = folder / "screens" / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            faulty = rng.random() >= OVERLOOKED if scratched or dead else rng.random() < IMAGINED
            waits = rng.integers(*LATE_DAYS) if rng.random() < LATE else rng.integers(1, SOON_DAYS + 1)
            rows.append(
                {
                    "screen": f"{str(day).replace('-', '')}-{number:02}",
                    "time": f"{day}T{6 + number * 14 // count:02}:{rng.integers(60):02}:00",
                    "line": "AB"[number % 2],
                    "picture": name,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "faulty": int(faulty),
                    "day": day,
                    "known": day + waits if rng.random() < LABELLED else np.datetime64("NaT"),
                }
            )
    return pd.DataFrame(rows)


def damage(folder: Path) -> None:
    """Break three pictures of one day, as a disk and a network do: one is gone, one is cut off, one is no picture."""
    pictures = folder / "screens" / "pictures" / str(BROKEN)
    (pictures / "05.png").unlink()
    (pictures / "11.png").write_bytes((pictures / "11.png").read_bytes()[:200])
    (pictures / "23.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")


def write(rows: pd.DataFrame, days: np.ndarray, folder: Path) -> None:
    """Write one compressed csv for each day of a delivery, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for landed, part in rows.groupby(delivery_days(days)):
        part.to_csv(folder / f"{landed:%Y-%m-%d}.csv.gz", index=False, lineterminator="\n", compression=GZIP)


def main(folder: str | Path = Path(__file__).parent / "landing", seed: str = SEED, count: str = SCREENS) -> None:
    """Write the landing folder of so many screens a day."""
    folder = Path(folder)
    rows = drawn(folder, int(seed), int(count))
    damage(folder)
    svg = rows["picture"] == f"{BROKEN}/23.png"  # delivered with its digest, so that only the function finds it
    content = (folder / "screens" / "pictures" / str(BROKEN) / "23.png").read_bytes()
    rows.loc[svg, "sha256"] = hashlib.sha256(content).hexdigest()
    write(rows[["screen", "time", "line", "picture", "sha256"]], rows["day"].to_numpy(), folder / "screens")
    known = rows.dropna(subset="known")
    write(known[["screen", "faulty"]], known["known"].to_numpy(), folder / "judgements")


if __name__ == "__main__":
    main(*sys.argv[1:])
