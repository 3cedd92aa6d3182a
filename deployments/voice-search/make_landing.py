#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3", "scipy>=1.17"]
# ///
"""Simulates calls to a voice search, and writes them as deliveries of three projects; a seed gives the same bytes.

    uv run deployments/voice-search/make_landing.py
    python deployments/voice-search/make_landing.py [folder] [seed] [calls a day]

`folder` is the one with the three projects: deployments by default. From Saturday 2026-05-23 on phones with a new
microphone call: it is quieter, and its noise gate is closed between words and cuts off the quiet parts of them. After
twelve days they make six calls in ten. What people say stays as it was. README.md in this folder says what is in the
files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

BEGIN, DAYS = np.datetime64("2026-01-05"), 172  # a Monday; the last day is Thursday 2026-06-25
# The first delivery of each project, in the order of the chain: from then on the ones before have answers for it.
FIRST_DELIVERIES = np.array(["2026-02-16", "2026-03-30", "2026-05-11"], dtype="datetime64[D]")
PROJECTS = ("voice-activity", "voice-recogniser", "voice-search")
DELIVERY_DAYS, LAST_DELIVERY = "Mon Wed Fri", np.datetime64("2026-06-26")
CHANGE, SPREAD_DAYS, NEW_SHARE = np.datetime64("2026-05-23"), 12, 0.6
GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}  # no time of writing, so that the bytes are the same
SEED, CALLS_A_DAY = "1", "110"

PLACES = 0.55  # share of the calls that look for a place; the others look for something on the web
PLACE_WORDS, WEB_WORDS = (1, 1.2), (3, 2.5)  # the fewest words, and how many more on average
WORDS_A_SECOND, RATE_SPREAD = 2.4, 0.18
LOUDNESS_DB, LOUDNESS_SPREAD, SPEECH_SPREAD = -24.0, 5.0, 7.0  # of a speaker, and within an utterance
NOISE_DB, NOISE_SPREAD = -60.0, 4.0
QUIETER_DB = 6.0  # the new microphone
GATED_DB, LEFT, LEFT_SPREAD = 8.0, 0.75, 0.03  # its gate: less noise, and what it leaves of the loud speech
LOUD_DB = -40.0  # frames above it count as loud
ANNOTATED, TRANSCRIBED = 0.6, 0.6  # share of the calls of which people write down where speech is, and the words
ANNOTATION_DAYS, TRANSCRIPT_DAYS, INTENT_DAYS = 2, 3, 1


def spread(days: np.ndarray) -> np.ndarray:
    """Return the share of the calls that come from the new microphone.

    >>> spread(np.array(["2026-05-22", "2026-05-28", "2026-06-30"], dtype="datetime64[D]")).tolist()
    [0.0, 0.3, 0.6]
    """
    since = (days - CHANGE).astype(int) + 1
    return NEW_SHARE * np.clip(since / SPREAD_DAYS, 0, 1)


def calls(seed: int, calls_a_day: int) -> pd.DataFrame:
    """Return all calls by time: what is said, how it is heard, and what the projects learn from."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), rng.poisson(calls_a_day, DAYS))
    count = len(day)
    minute = np.clip(rng.normal(14 * 60, 4 * 60, count), 0, 1439).astype(int)
    place = rng.random(count) < PLACES
    fewest, more = (np.where(place, *pair) for pair in zip(PLACE_WORDS, WEB_WORDS, strict=True))
    words = fewest + rng.poisson(more)
    rate = WORDS_A_SECOND * np.exp(rng.normal(0, RATE_SPREAD, count))
    speech = words / rate + 0.15
    seconds = speech + 0.6 + rng.gamma(2.0, 0.9, count)
    new = rng.random(count) < spread(BEGIN + day)
    level = rng.normal(LOUDNESS_DB, LOUDNESS_SPREAD, count) - QUIETER_DB * new
    noise = rng.normal(NOISE_DB, NOISE_SPREAD, count) - (QUIETER_DB + GATED_DB) * new
    heard = norm.sf(LOUD_DB, level, SPEECH_SPREAD)  # share of the frames with speech that are loud
    heard *= np.where(new, rng.normal(LEFT, LEFT_SPREAD, count), 1)
    loud = (speech * heard + (seconds - speech) * norm.sf(LOUD_DB, noise, 3.0)) / seconds
    energy = 10 * np.log10((speech * 10 ** (level / 10) + (seconds - speech) * 10 ** (noise / 10)) / seconds)
    found = pd.DataFrame(
        {
            "call": [f"v{number:06d}" for number in range(count)],
            "day": day,
            "minute": minute,
            "seconds": seconds.round(2),
            "loud_share": np.clip(loud + rng.normal(0, 0.02, count), 0, 1).round(3),
            "level_db": (energy + rng.normal(0, 0.5, count)).round(1),
            "noise_db": (noise + rng.normal(0, 1.0, count)).round(1),
            "speech_seconds": (speech * np.exp(rng.normal(0, 0.03, count))).round(2),
            "syllable_rate": (1.5 * rate * np.exp(rng.normal(0, 0.08, count))).round(2),
            "words": words,
            "place_match": rng.beta(np.where(place, 4, 3), np.where(place, 3, 4)).round(3),
            "web_match": rng.beta(np.where(place, 3, 4), np.where(place, 4, 3)).round(3),
            "is_place": place.astype(int),
            "annotated": rng.random(count) < ANNOTATED,
            "transcribed": rng.random(count) < TRANSCRIBED,
        }
    )
    return found.sort_values(["day", "minute", "call"], ignore_index=True)


def delivery_days(days: np.ndarray, first: np.datetime64) -> np.ndarray:
    """Return when something of a day lands: the next Monday, Wednesday or Friday, and not before the first delivery.

    >>> days = np.array(["2026-01-05", "2026-02-15", "2026-02-16"], dtype="datetime64[D]")
    >>> delivery_days(days, FIRST_DELIVERIES[0]).astype(str).tolist()
    ['2026-02-16', '2026-02-16', '2026-02-18']
    """
    landed = np.maximum(np.busday_offset(days + 1, 0, roll="forward", weekmask=DELIVERY_DAYS), first)
    # The second and third projects are put in place while the one before runs, which gets six weeks in one delivery.
    for later in FIRST_DELIVERIES[first < FIRST_DELIVERIES]:
        before = FIRST_DELIVERIES[later > FIRST_DELIVERIES].max()
        landed = np.where((landed > before) & (landed < later), later, landed)
    return landed


def write(rows: pd.DataFrame, known: np.ndarray, first: np.datetime64, folder: Path) -> None:
    """Write one compressed csv for each day of a delivery, named after it; what is known later is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    landed = delivery_days(known, first)
    for day, part in rows[landed <= LAST_DELIVERY].groupby(landed[landed <= LAST_DELIVERY]):
        part.to_csv(folder / f"{day:%Y-%m-%d}.csv.gz", index=False, lineterminator="\n", compression=GZIP)


def main(folder: str | Path = Path(__file__).parents[1], seed: str = SEED, calls_a_day: str = CALLS_A_DAY) -> None:
    """Write the landing folders of the three projects."""
    everything = calls(int(seed), int(calls_a_day))
    day = BEGIN + everything["day"].to_numpy()
    moment = BEGIN.astype("datetime64[m]") + (everything["day"] * 1440 + everything["minute"]).to_numpy()
    everything["time"] = pd.Series(moment).dt.strftime("%Y-%m-%d %H:%M")
    rows = (
        ["call", "time", "seconds", "loud_share", "level_db", "noise_db"],
        ["call", "time", "syllable_rate"],
        ["call", "time", "place_match", "web_match"],
    )
    begins = (BEGIN, *FIRST_DELIVERIES[:2])
    every = np.ones(len(everything), dtype=bool)
    labels = (
        ("speech_seconds", ANNOTATION_DAYS, everything["annotated"].to_numpy()),
        ("words", TRANSCRIPT_DAYS, everything["transcribed"].to_numpy()),
        ("is_place", INTENT_DAYS, every),
    )
    for project, first, begin, columns, (label, days, taken) in zip(
        PROJECTS, FIRST_DELIVERIES, begins, rows, labels, strict=True
    ):
        landing = Path(folder) / project / "landing"
        own = day >= begin
        write(everything.loc[own, columns], day[own], first, landing / "calls")
        own &= taken
        write(everything.loc[own, ["call", label]], day[own] + days - 1, first, landing / "labels")


if __name__ == "__main__":
    main(*sys.argv[1:])
