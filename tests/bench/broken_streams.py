"""Streams with a source that breaks, is mended, or only seems to: what each night decided, and what was wrong about it.

    python -m tests.bench.broken_streams [seed ...]

200 rows a day, labels a week late, 120 days known to the first training. A fault begins on the twentieth night and
ends, where it does, on the fortieth. No stream may lead to a retraining, and a night after the end is calm.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Shown
from tests.bench.policybench_adapter import LeewayPolicy
from tests.bench.sizes import sized

FIRST_DAY, KNOWN, NIGHTS, ROWS, DELAY = date(2025, 1, 6), 120, sized(70, 24), 200, 7
ONSET, END = 20, 40
Damage = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass
class BrokenStream:
    """What `LeewayPolicy` plays; `task`, `metric` and the rest are as in its `Stream`."""

    name: str
    seed: int
    rows: pd.DataFrame
    labels: pd.DataFrame
    begin: date = FIRST_DAY + timedelta(days=KNOWN - 1)
    nights: int = NIGHTS
    task: str = "regression"
    metric: str = "mean_absolute_error"
    label_delay_days: int = DELAY
    min_labelled: float = 0.5

    def night(self, number: int) -> date:
        """Return the date of a night."""
        return self.begin + timedelta(days=number + 1)


def miles(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(dist=rows["dist"] * 1.609344)


def some_miles(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return rows.assign(dist=rows["dist"].where(rng.random(len(rows)) > 0.3, rows["dist"] * 1.609344))


def turned(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(temp=-rows["temp"])


def offset(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(temp=rows["temp"] + 12)


def zone(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(hour=np.mod(rows["hour"] + 6, 24))


def emptier(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return rows.assign(temp=rows["temp"].where(rng.random(len(rows)) > 0.3))


def copies(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return pd.concat([rows.iloc[10:], rows.iloc[10:20]], ignore_index=True)


FAULTS: dict[str, tuple[Damage, frozenset[str]]] = {  # and what is right on one of the first three nights
    "miles": (miles, frozenset({"quarantine"})),
    "some miles": (some_miles, frozenset({"quarantine", "ask", "hold"})),
    "turned sign": (turned, frozenset({"quarantine"})),
    "offset": (offset, frozenset({"quarantine", "ask", "hold"})),
    "time zone": (zone, frozenset({"quarantine", "ask"})),
    "emptier": (emptier, frozenset({"quarantine", "ask"})),
    "copies": (copies, frozenset({"quarantine", "ask"})),
}


def stream(name: str, seed: int, *, mended: bool) -> BrokenStream:
    """Return a stream with a fault that lasts, or ends."""
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    days = [_day(number, rng, FAULTS[name][0], mended=mended) for number in range(KNOWN + NIGHTS)]
    rows = pd.concat(days, ignore_index=True).assign(row_id=lambda all_rows: [f"r{n:07d}" for n in all_rows.index])
    labels = rows[["row_id", "label"]].assign(arrival=[day + timedelta(days=DELAY) for day in rows["arrival"]])
    known = labels["arrival"] <= FIRST_DAY + timedelta(days=KNOWN + NIGHTS - 1)
    return BrokenStream(name, seed, rows.drop(columns="label"), labels[known].reset_index(drop=True))


def _day(number: int, rng: np.random.Generator, damage: Damage, *, mended: bool) -> pd.DataFrame:
    hour = np.mod(np.round(np.where(rng.random(ROWS) < 0.6, rng.normal(9, 2, ROWS), rng.normal(18, 2.5, ROWS))), 24)
    rows = pd.DataFrame(
        {
            "dist": np.exp(2 + 0.5 * rng.normal(size=ROWS)),
            "temp": 15 + 8 * rng.normal(size=ROWS),
            "hour": hour,
            "city": rng.choice(list("abcd"), ROWS, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )
    mean = 1.5 * rows["dist"] + rows["temp"] / 4 + 2 * np.cos((rows["hour"] - 15) / 24 * 2 * np.pi)
    rows["label"] = mean + rng.normal(size=ROWS)
    night = number - KNOWN
    broken = damage(rows, rng) if night >= ONSET and not (mended and night >= END) else rows
    day = FIRST_DAY + timedelta(days=number)
    return broken.assign(event_date=day, t=pd.Timestamp(day) + pd.Timedelta(hours=12), arrival=day)


def wrongs(name: str, nights: list[dict[str, object]], *, mended: bool) -> list[str]:
    """Return what was decided wrongly."""
    by_number = {int(str(each["night"])): str(each["action"]) for each in nights}
    first = {by_number[number] for number in range(ONSET, ONSET + 3) if number in by_number}
    wrong = [f"retrained on night {number}" for number, action in by_number.items() if action == "retrain"]
    wrong += [] if first & FAULTS[name][1] else [f"only {sorted(first)} on the first nights"]
    wrong += [f"asked {count} times" for count in [list(by_number.values()).count("ask")] if count > 1]
    calm = END + 1 + DELAY  # the window of the rows in doubt has passed
    late = [
        number for number, action in by_number.items() if mended and number > calm and action in {"ask", "quarantine"}
    ]
    return wrong + [f"{by_number[number]} on night {number}, after the end" for number in late[:1]]


@dataclass
class BrokenStreams:
    """What was wrong, by stream."""

    found: list[tuple[str, int, list[str]]]

    def table(self) -> Table:
        """Return a row for each stream."""
        shown = Table("stream", "seed", "wrong", title="broken streams", title_justify="left", show_edge=False)
        for name, seed, wrong in self.found:
            shown.add_row(name, str(seed), "; ".join(wrong) or "nothing")
        return shown


def bench_broken_streams(console: Console, seeds: tuple[int, ...] = (1,)) -> Shown:
    """Play every stream, lasting and mended."""
    found = []
    for seed in seeds:
        for name in list(FAULTS)[: sized(len(FAULTS), 1)]:
            for mended in (False, True):
                nights, _ = LeewayPolicy().play(stream(name, seed, mended=mended), "policy")
                found.append((f"{name}{', mended' if mended else ''}", seed, wrongs(name, nights, mended=mended)))
                console.print(*map(str, found[-1]))
    return BrokenStreams(found)


if __name__ == "__main__":
    shown = bench_broken_streams(Console(), tuple(map(int, sys.argv[1:])) or (1,))
    Console().print(shown.table())
