"""Half a year of a taxi company's rides, as such data comes: late, again, corrected, changed, over two clock changes.

Everything follows from the seed. Fares depend on distance and zone; a week is a delivery.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

FIRST = date(2025, 10, 13)
WEEKS = 26
BEFORE = 6  # weeks that land with the first night
AUTUMN, SPRING = date(2025, 10, 26), date(2026, 3, 29)  # when clocks change in Berlin
GAP, AGAIN, CORRECTED, NEW_ZONE, ADDED, KIND, BROKEN = 3, 5, 7, 9, 11, 14, 18
"""The weeks in which something happens."""
SPEC = """\
project: rides
scope: {owner: fleet, objective: The fare of a ride., metric: mean_absolute_error}
source:
  uri: rides
  id: [ride]
  identity: id_and_time # numbers begin again every eight weeks
  event_time: started
  arrival: filename
  label: {column: fare, uri: fares, delay_days: 7}
features:
  numbers: [distance, seats]
  categories: [zone]
  function: features:features
  made: {numbers: [per_seat]}
contract: {max_bad_share: 0.3}
split: {holdout_days: 14, folds: 1, fold_days: 14}
training:
  task: regression
  time_treatments: [all_history]
  iterations: [20]
  learning_rate: 0.2
  estimators: [{use: hist_gradient_boosting, parameters: {max_leaf_nodes: 6}}]
gate: {min_rows: 40, max_latency_ms: 5000}
monitoring: {window_days: 7, period_days: 7}
schedule: {time_zone: Europe/Berlin}
"""
FUNCTION = '''\
"""What a ride costs a seat."""


def features(frame):
    if (frame["distance"] > 500).any():
        raise ValueError("no ride is that long")
    return frame.assign(per_seat=frame["distance"] / frame["seats"].astype(float))
'''


@dataclass
class HalfYear:
    """The project's folder, and what has landed in it."""

    folder: Path
    rides_a_week: int = 60
    random: Random = field(default_factory=lambda: Random(7))
    landed: set[tuple[str, str]] = field(default_factory=set)
    """The id and the time of each ride that was delivered."""
    fares: dict[tuple[str, str], float] = field(default_factory=dict)

    def write(self) -> None:
        for name in ("rides", "fares"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "project.yaml").write_text(SPEC, encoding="utf-8")
        (self.folder / "features.py").write_text(FUNCTION, encoding="utf-8")
        (self.folder / "expectations.json").write_text('{"name": "rides", "expectations": []}', encoding="utf-8")

    def replace_in_spec(self, old: str, new: str) -> None:
        path = self.folder / "project.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def night(self, week: int) -> date:
        return FIRST + timedelta(days=7 * week)

    def land(self, week: int) -> None:
        """Let land what comes in a week: of the first night, of all weeks before; none in a gap, and then of both."""
        weeks = range(week - BEFORE, week + 1) if week == 0 else [GAP, week] if week == GAP + 1 else [week]
        if week == GAP:
            return
        rides = [ride for each in weeks for ride in self._rides(each)]
        self._write("rides", self.night(week), rides, week)
        self._land_fares(week)
        if week == AGAIN:  # the same file again, under another name
            path = self.folder / "rides" / f"{self.night(week)}.csv"
            (path.parent / f"{self.night(week)}-copy.csv").write_bytes(path.read_bytes())
        if week == CORRECTED:
            corrected = [[*ride[:2], f"{float(ride[2]) + 0.1:.1f}", *ride[3:]] for ride in rides[:10]]
            self._write("rides", self.night(week) + timedelta(days=1), corrected, week)

    def _rides(self, week: int) -> Iterator[list[str]]:
        random, start = self.random, datetime.combine(self.night(week), datetime.min.time(), UTC) - timedelta(days=7)
        zones = ["mitte", "nord", "sued", *(["airport"] if week >= NEW_ZONE else [])]
        for number in range(self.rides_a_week):
            started = start + timedelta(minutes=number * 7 * 24 * 60 // self.rides_a_week, seconds=random.randrange(60))
            if number < 4 and started.date() <= AUTUMN < started.date() + timedelta(days=7):
                started = datetime(AUTUMN.year, AUTUMN.month, AUTUMN.day, number // 2, 30 + number, tzinfo=UTC)
            distance, seats, zone = random.uniform(1, 20), random.choice([1, 2, 4]), random.choice(zones)
            if week == BROKEN and number < 5:
                distance = 900.0  # on which the project's function raises
            ride = str((week % 8) * self.rides_a_week + number)
            cells = [ride, started.strftime("%Y-%m-%dT%H:%M:%SZ"), f"{distance:.1f}", str(seats), zone]
            self.landed.add((cells[0], cells[1]))
            self.fares[cells[0], cells[1]] = 3 + 2 * distance + 4 * (zone == "airport") + random.gauss(0, 1)
            yield [*cells, str(random.randrange(3))] if week >= ADDED else cells

    def _land_fares(self, week: int) -> None:
        known = self.night(week) - timedelta(days=7)
        due = [key for key in self.fares if key[1][:10] < str(known)]
        rows = [[*key, f"{self.fares.pop(key):.2f}"] for key in due]
        if rows:
            self._write("fares", self.night(week), rows, week)

    def _write(self, kind: str, night: date, rows: list[list[str]], week: int) -> None:
        named = {"rides": ["ride", "started", "distance", "seats", "zone"], "fares": ["ride", "started", "fare"]}[kind]
        header = [*named, "tier"] if kind == "rides" and week >= ADDED else named
        lines = [",".join(cells) for cells in (header, *rows)]
        path = self.folder / kind / f"{night}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.utime(path, (1_750_000_000 + week,) * 2)
