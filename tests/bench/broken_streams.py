"""Streams with a source that breaks, is mended, or only seems to: what each night decided, and what was wrong about it.

    python -m tests.bench.broken_streams [seed ...]

200 rows a day, labels a week late, 120 days known to the first training. A fault begins on the twentieth night and
ends, where it does, on the fortieth: a night after the end is calm. Faults of few nights come before, after and within
a change of the world. No retraining may learn from a row that is broken, and without a change there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.backtest.strategy import BacktestResult
from tasks.records import suspected_days, suspected_in
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


def two_offsets(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(temp=rows["temp"] + 10, dist=rows["dist"] + 4)


def far_offset(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(temp=rows["temp"] + 30)


def other_label(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(label=rows["label"] * 1.609344)


def no_label(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return rows.assign(label=0.0)


@dataclass(frozen=True)
class Fault:
    """What breaks, on which nights, what is right on one of the first three, and the night of a change of the world."""

    damage: Damage
    right: frozenset[str]
    nights: tuple[range, ...] = (range(ONSET, NIGHTS),)
    change: int | None = None

    def breaks(self, night: int) -> bool:
        return any(night in span for span in self.nights)


SEEN = frozenset({"quarantine", "ask", "hold"})
LATE = frozenset({*SEEN, "score"})  # a fault of labels shows once they have come
MENDED = (range(ONSET, END),)
AGAIN = (range(ONSET, ONSET + 4), range(ONSET + 12, ONSET + 20))
CHANGE = 27
LASTING = {
    "miles": Fault(miles, frozenset({"quarantine"})),
    "some miles": Fault(some_miles, SEEN),
    "turned sign": Fault(turned, frozenset({"quarantine"})),
    "offset": Fault(offset, SEEN),
    "time zone": Fault(zone, frozenset({"quarantine", "ask"})),
    "emptier": Fault(emptier, frozenset({"quarantine", "ask"})),
    "copies": Fault(copies, frozenset({"quarantine", "ask"})),
    "two offsets": Fault(two_offsets, SEEN),
    "far offset": Fault(far_offset, SEEN),
    "label in miles": Fault(other_label, LATE),
}
FAULTS = {
    **LASTING,
    **{f"{name}, mended": replace(fault, nights=MENDED) for name, fault in LASTING.items()},
    "five nights of an offset": Fault(offset, SEEN, (range(ONSET, ONSET + 5),)),
    "five nights of two offsets": Fault(two_offsets, SEEN, (range(ONSET, ONSET + 5),)),
    "offset, mended, again": Fault(offset, SEEN, AGAIN),
    "some miles, mended, again": Fault(some_miles, SEEN, AGAIN),
    "offset before a change": Fault(offset, SEEN, (range(ONSET, ONSET + 5),), CHANGE),
    "two offsets after a change": Fault(two_offsets, LATE, (range(CHANGE + 2, CHANGE + 7),), CHANGE),
    "some miles within a change": Fault(some_miles, SEEN, (range(CHANGE, CHANGE + 9),), CHANGE),
    "label in miles before a change": Fault(other_label, LATE, (range(ONSET, ONSET + 3),), CHANGE),
    "no label": Fault(no_label, LATE, (range(ONSET, ONSET + 6),)),
    "offset from the first night on": Fault(offset, SEEN, (range(NIGHTS),)),
}


def stream(name: str, seed: int) -> BrokenStream:
    """Return a stream with a fault."""
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    days = [_day(number, rng, FAULTS[name]) for number in range(KNOWN + NIGHTS)]
    rows = pd.concat(days, ignore_index=True).assign(row_id=lambda all_rows: [f"r{n:07d}" for n in all_rows.index])
    labels = rows[["row_id", "label"]].assign(arrival=[day + timedelta(days=DELAY) for day in rows["arrival"]])
    known = labels["arrival"] <= FIRST_DAY + timedelta(days=KNOWN + NIGHTS - 1)
    return BrokenStream(name, seed, rows.drop(columns="label"), labels[known].reset_index(drop=True))


def _day(number: int, rng: np.random.Generator, fault: Fault) -> pd.DataFrame:
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
    night = number - KNOWN
    changed = fault.change is not None and night >= fault.change
    rows["label"] = mean * (1.25 if changed else 1.0) + rng.normal(size=ROWS)
    delivered = fault.damage(rows, rng) if fault.breaks(night) else rows
    day = FIRST_DAY + timedelta(days=number)
    return delivered.assign(event_date=day, t=pd.Timestamp(day) + pd.Timedelta(hours=12), arrival=day)


def wrongs(name: str, played: BrokenStream, result: BacktestResult) -> list[str]:
    """Return what was decided wrongly."""
    fault, first_night = FAULTS[name], played.night(0)
    actions = {(decision.night - first_night).days: decision.action for decision in result.decisions}
    begin = fault.nights[0].start
    first = {actions[number] for number in range(begin, begin + 3) if number in actions}
    wrong = [
        f"learned on night {(training.night - first_night).days} from broken days {learned}"
        for training in result.retrainings
        if (learned := _broken_days_learned(fault, played, result, training.night))
    ]
    wrong += [f"retrained on night {n}" for n, action in actions.items() if action == "retrain" and not fault.change]
    wrong += [] if first & fault.right else [f"only {sorted(first)} on the first nights"]
    wrong += [f"asked {count} times" for count in [list(actions.values()).count("ask")] if count > len(fault.nights)]
    calm = fault.nights[-1].stop + 1 + 2 * DELAY  # the window and the cohort of the rows in doubt have passed
    late = [number for number, action in actions.items() if number > calm and action in {"ask", "quarantine"}]
    return wrong + [f"{actions[number]} on night {number}, after the end" for number in late[:1]]


def _broken_days_learned(fault: Fault, played: BrokenStream, result: BacktestResult, night: date) -> list[int]:
    """Return the broken nights with rows that a training of a night learned from."""
    spans = suspected_days(suspected_in(entry for entry in result.record if entry.night <= night), night)
    known = range((night - played.night(0)).days - DELAY + 1)
    days = {number: played.night(number) for number in known if fault.breaks(number)}
    return [
        number
        for number, day in days.items()
        if day not in result.quarantined and not any(first <= day <= last for first, last in spans)
    ]


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
    """Play every stream."""
    found = []
    for seed in seeds:
        for name in list(FAULTS)[: sized(len(FAULTS), 1)]:
            played = stream(name, seed)
            found.append((name, seed, wrongs(name, played, LeewayPolicy().run(played, "policy"))))
            console.print(*map(str, found[-1]))
    return BrokenStreams(found)


if __name__ == "__main__":
    shown = bench_broken_streams(Console(), tuple(map(int, sys.argv[1:])) or (1,))
    Console().print(shown.table())
