#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3", "pyarrow>=24", "scipy>=1.17"]
# ///
"""Simulates the callers: they look at what the search has understood, and say a search again, or open what it found.

    python deployments/voice-search/callers.py [folder] [seed] [calls a day]

A caller who is shown a number of words that is wrong by more than one says the search again in six cases of ten, and
else in one of twenty. Who does not opens something in seven of ten cases, if a place was looked for and is shown, or
the other way round. So the feedback depends on the answers, as it does in life, and cannot be written beforehand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from make_landing import BEGIN, CALLS_A_DAY, DELIVERY_DAYS, GZIP, SEED, calls

WRONG_BY, REDONE, REDONE_ANYWAY, OPENED, THRESHOLD = 1.0, 0.6, 0.05, 0.7, 0.5


def feedback(truth: pd.DataFrame, shown: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the events of calls: `call`, `event`, `time`.

    Parameters
    ----------
    truth : DataFrame
        Every call, as `make_landing.calls` makes it.
    shown : DataFrame
        `call`, `words_heard` and `is_place`, the answers of the recogniser and of the search.
    """
    draws = np.random.default_rng([seed, 1]).random((len(truth), 2))
    moods = pd.DataFrame(draws, columns=["again", "opens"]).assign(call=truth["call"].sort_values().to_numpy())
    seen = shown.merge(truth[["call", "day", "minute", "words", "is_place"]], on="call", suffixes=("_shown", ""))
    seen = seen.merge(moods, on="call").sort_values("call", ignore_index=True)
    wrong = (seen["words_heard"] - seen["words"]).abs() > WRONG_BY
    redone = seen["again"] < np.where(wrong, REDONE, REDONE_ANYWAY)
    right = (seen["is_place_shown"] >= THRESHOLD) == (seen["is_place"] == 1)
    clicked = ~redone & right & (seen["opens"] < OPENED)
    moment = BEGIN.astype("datetime64[m]") + (seen["day"] * 1440 + seen["minute"] + 1).to_numpy()
    times = pd.Series(moment, seen.index).dt.strftime("%Y-%m-%d %H:%M")
    events = [
        pd.DataFrame({"call": seen["call"][own], "event": name, "time": times[own]})
        for name, own in (("redone", redone), ("clicked", clicked))
    ]
    return pd.concat(events).sort_values(["time", "call"], ignore_index=True)


def answers(folder: Path) -> dict[np.datetime64, pd.DataFrame]:
    """Return the answers in the files of a project, by the day of the delivery that was answered."""
    if not folder.is_dir():
        return {}
    files = {path: np.datetime64(path.name.removeprefix("predictions-")[:10]) for path in folder.glob("*.parquet")}
    return {
        day: pd.concat([pd.read_parquet(path) for path in sorted(files) if files[path] == day], ignore_index=True)
        for day in sorted(set(files.values()))
    }


def main(folder: str | Path = Path(__file__).parents[1], seed: str = SEED, calls_a_day: str = CALLS_A_DAY) -> None:
    """Write the feedback to the answers that there are; each lands with the next delivery. Files there are stay."""
    projects, truth = Path(folder), None
    heard, found = (answers(projects / name / "answers") for name in ("voice-recogniser", "voice-search"))
    landing = projects / "voice-search" / "landing" / "feedback"
    landing.mkdir(parents=True, exist_ok=True)
    for day, rows in found.items():
        landed = np.busday_offset(day + 1, 0, roll="forward", weekmask=DELIVERY_DAYS)
        path = landing / f"{landed}.csv.gz"
        if path.exists() or day not in heard:
            continue
        truth = calls(int(seed), int(calls_a_day)) if truth is None else truth
        answered = rows[["row_id", "prediction"]].set_axis(["call", "is_place"], axis=1)
        shown = heard[day][["call", "words_heard"]].merge(answered, on="call")
        noted = feedback(truth, shown, int(seed))
        noted.to_csv(path, index=False, lineterminator="\n", compression=GZIP)


if __name__ == "__main__":
    main(*sys.argv[1:])
