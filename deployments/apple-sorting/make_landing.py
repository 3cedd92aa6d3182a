#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3"]
# ///
"""Simulates the apples of a packing house, the register of its growers and the grades; a seed gives the same bytes.

    uv run deployments/apple-sorting/make_landing.py
    python deployments/apple-sorting/make_landing.py [folder] [seed] [apples a day]

What happens: from 1 April on the apples become slowly yellower and softer, as they do in a cold store. The register
of Monday 20 April has codes instead of the names of the varieties, and that of the week after has names again. From
Monday 4 May on a cider maker buys the small ones that are sound: a grade that did not exist. README.md in this folder
says what is in the files.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

BEGIN, END = pd.Timestamp("2026-01-05"), pd.Timestamp("2026-06-06")
FIRST_DELIVERY = date(2026, 3, 23)  # has the history; then one lands on Mondays, Wednesdays and Fridays
LANDING_DAYS = (0, 2, 4)
RIPER_FROM = pd.Timestamp("2026-04-01")
RECODED = date(2026, 4, 20)
CIDER_FROM = pd.Timestamp("2026-05-04")
GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}  # no time of writing, so that the bytes are the same
SEED, APPLES = "1", "90"

GROWERS = 48
VARIETIES = ["braeburn", "elstar", "gala", "jonagold"]
CODES = {"braeburn": "V1", "elstar": "V2", "gala": "V3", "jonagold": "V4"}
RED_ENOUGH = np.array([0.50, 0.33, 0.62, 0.25])  # the share of red skin that an apple of grade extra has
REDNESS = np.array([0.52, 0.38, 0.60, 0.33])  # of the varieties on average
HUE, HUE_A_DAY = 104.0, -0.06  # degrees of the ground colour, and how it changes as apples ripen
FIRMNESS, FIRMNESS_A_DAY = 7.6, -0.003
LARGE_MM, SMALL_MM, SOUND_MM2, POOR_MM2 = 66.0, 64.0, 25.0, 60.0
GRADED, OTHERWISE = 0.8, 0.04  # the share with a grade; how often an inspector decides otherwise


def growers(seed: int) -> pd.DataFrame:
    """Return the register: a variety and an altitude for each grower."""
    rng = np.random.default_rng([seed, 1])
    kinds = rng.permutation(np.arange(GROWERS) % len(VARIETIES))
    return pd.DataFrame(
        {
            "grower": [f"g{number:02d}" for number in range(GROWERS)],
            "variety": np.array(VARIETIES)[kinds],
            "altitude_m": rng.integers(10, 90, GROWERS) * 10,
        }
    )


def apples(seed: int, a_day: int) -> pd.DataFrame:
    """Return the apples by time, with their grades."""
    rng = np.random.default_rng([seed, 2])
    days = pd.date_range(BEGIN, END, inclusive="left")
    count = rng.poisson(a_day, len(days))
    size = int(count.sum())
    time = (days.repeat(count) + pd.to_timedelta(rng.integers(6 * 60, 22 * 60, size), unit="min")).sort_values()
    register = growers(seed)
    of = rng.integers(0, GROWERS, size)
    kind = register["variety"].map(VARIETIES.index).to_numpy()[of]
    riper = np.maximum((time - RIPER_FROM).days.to_numpy(), 0)
    frame = pd.DataFrame(
        {
            "apple": np.arange(size) + 300_000,
            "time": time,
            "grower": register["grower"].to_numpy()[of],
            "size_mm": rng.normal(70 - register["altitude_m"].to_numpy()[of] / 200, 5.5, size).clip(45, 100).round(1),
            "redness": rng.beta(8 * REDNESS[kind], 8 * (1 - REDNESS[kind])).round(2),
            "blemish_mm2": rng.gamma(0.7, 35, size).round(1),
            "firmness_kg": rng.normal(FIRMNESS + FIRMNESS_A_DAY * riper, 0.8).clip(3, 12).round(2),
            "hue": rng.normal(HUE + HUE_A_DAY * riper, 7).round(1),
        }
    )
    return frame.assign(grade=grades(rng, frame, kind))


def grades(rng: np.random.Generator, frame: pd.DataFrame, kind: np.ndarray) -> np.ndarray:
    """Return what an inspector says: by size, red for its variety, and blemishes, never by hue or firmness."""
    large, sound = frame["size_mm"] >= LARGE_MM, frame["blemish_mm2"] <= SOUND_MM2
    red = frame["redness"] >= RED_ENOUGH[kind]
    grade = np.where(frame["blemish_mm2"] > POOR_MM2, "juice", np.where(large & sound & red, "extra", "table"))
    grade = np.where(rng.random(len(frame)) < OTHERWISE, rng.choice(["extra", "juice", "table"], len(frame)), grade)
    bought = (frame["time"] >= CIDER_FROM) & (frame["size_mm"] < SMALL_MM) & (grade != "juice")
    return np.where(bought, "cider", grade)


# --- what lands ------------------------------------------------------------------------------------------------------


def nights(moments: pd.Series) -> pd.Series:
    """Return when something lands: with the next delivery after its day, and not before the history does.

    >>> nights(pd.Series(pd.to_datetime(["2026-01-05 08:00", "2026-04-20 21:00", "2026-04-24 06:00"]))).tolist()
    [datetime.date(2026, 3, 23), datetime.date(2026, 4, 22), datetime.date(2026, 4, 27)]
    """
    return moments.map(lambda moment: max(_next_delivery(moment.date() + timedelta(days=1)), FIRST_DELIVERY))


def _next_delivery(day: date) -> date:
    while day.weekday() not in LANDING_DAYS:
        day += timedelta(days=1)
    return day


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a compressed csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, lineterminator="\n", compression=GZIP, date_format="%Y-%m-%dT%H:%M")


def write_registers(register: pd.DataFrame, folder: Path) -> None:
    """Write the register of each Monday, once with codes instead of names."""
    mondays = [day.date() for day in pd.date_range(BEGIN, END, freq="W-MON")]
    write(
        pd.concat([register.assign(valid_from=day) for day in mondays if day <= FIRST_DELIVERY]),
        folder / f"{FIRST_DELIVERY}.csv.gz",
    )
    for day in (day for day in mondays if day > FIRST_DELIVERY):
        coded = register.assign(variety=register["variety"].map(CODES)) if day == RECODED else register
        write(coded.assign(valid_from=day), folder / f"{day}.csv.gz")


def main(folder: str | Path = Path(__file__).parent / "landing", seed: str = SEED, a_day: str = APPLES) -> None:
    """Write the landing folder of a packing house that measures so many apples a day."""
    folder, found = Path(folder), apples(int(seed), int(a_day))
    for night, part in found.groupby(nights(found["time"])):
        write(part.drop(columns="grade"), folder / "apples" / f"{night}.csv.gz")
    rng = np.random.default_rng([int(seed), 3])
    graded = found[rng.random(len(found)) < GRADED]
    known = nights(graded["time"] + pd.to_timedelta(rng.integers(1, 4, len(graded)) - 1, unit="D"))
    for night, part in graded[known <= END.date()].groupby(known):
        write(part[["apple", "grade"]], folder / "grades" / f"{night}.csv.gz")
    write_registers(growers(int(seed)), folder / "growers")


if __name__ == "__main__":
    main(*sys.argv[1:])
