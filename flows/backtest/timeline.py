"""A history as a replay runs over it: rows by the night they landed on, found by place instead of searched for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from flows.backtest.history import History
from tasks.arrays import DayArray, IntArray
from tasks.profiles import Ruler, TableProfile, profile, sum_profiles


@dataclass(frozen=True)
class Timeline:
    """A history whose rows are named by their place in it."""

    history: History

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.history.rows)

    @cached_property
    def dates(self) -> pd.Series[date]:
        """Event date of each row, in a form that is compared fast."""
        return self.history.rows["event_date"].astype(pd.ArrowDtype(pa.date32())).reset_index(drop=True)

    @cached_property
    def days(self) -> DayArray:
        """Event date of each row."""
        return self.history.rows["event_date"].to_numpy().astype("datetime64[D]")

    @cached_property
    def arrivals(self) -> DayArray:
        """Arrival of each row."""
        return self.history.rows["arrival"].to_numpy().astype("datetime64[D]")

    @cached_property
    def _by_arrival(self) -> tuple[IntArray, DayArray]:
        order = np.argsort(self.arrivals, kind="stable")
        return order, self.arrivals[order]

    def landed(self, after: date | None, until: date) -> IntArray:
        """Return the rows that landed after one night (from the first on, for None) and until another."""
        order, arrivals = self._by_arrival
        first = 0 if after is None else int(np.searchsorted(arrivals, np.datetime64(after), side="right"))
        return order[first : int(np.searchsorted(arrivals, np.datetime64(until), side="right"))]

    def newer(self, places: IntArray, than: date) -> IntArray:
        """Return those of some rows whose event date is later than a day."""
        return places[self.days[places] > np.datetime64(than)]

    def rows(self, places: IntArray) -> pd.DataFrame:
        """Return some rows."""
        return self.history.rows.iloc[places]

    def plain(self, places: IntArray) -> pd.DataFrame:
        """Return `row_id` and `event_date` of some rows."""
        return self._plain.iloc[places].reset_index(drop=True)

    @cached_property
    def _plain(self) -> pd.DataFrame:
        return self.history.rows[["row_id", "event_date"]]

    def repeated(self, places: IntArray, columns: tuple[str, ...]) -> float:
        """Return the share of some rows that repeat another of them in all columns."""
        if columns not in self._hashes:
            found = pd.util.hash_pandas_object(self.history.rows[list(columns)], index=False)
            self._hashes[columns] = found.to_numpy(np.uint64)
        return 1 - len(np.unique(self._hashes[columns][places])) / len(places)

    @cached_property
    def _hashes(self) -> dict[tuple[str, ...], npt.NDArray[Any]]:
        return {}

    def summaries(self, places: IntArray, ruler: Ruler) -> dict[date, TableProfile]:
        """Return the profile of each event date of some rows, as the nights stored them where they are of this ruler.

        Parameters
        ----------
        places : ndarray
            Rows; all or none of what a delivery brought for an event date.
        """
        found: dict[date, list[TableProfile]] = {}
        for day, each in self._summarised(places, ruler):
            found.setdefault(day, []).append(each)
        return {day: sum_profiles(each) for day, each in found.items()}

    def _summarised(self, places: IntArray, ruler: Ruler) -> Iterator[tuple[date, TableProfile]]:
        stored = self.history.stored
        known = stored if stored is not None and stored.ruler == ruler else None
        batches, names = self._batches
        parts: dict[tuple[int, date], list[int]] = {}
        keys = zip(batches[places].tolist(), self.days[places].tolist(), strict=True)
        for place, key in zip(places.tolist(), keys, strict=True):
            parts.setdefault(key, []).append(place)
        for (batch, day), mine in parts.items():
            kept = None if known is None else known.profile(names[batch], day)
            yield day, profile(self.rows(np.array(mine)), ruler) if kept is None else kept

    @cached_property
    def _batches(self) -> tuple[IntArray, list[str]]:
        """Which delivery each row came with, by number, and the id of each; none is known of a staged history."""
        if "batch_id" not in self.history.rows:
            return np.zeros(len(self.history.rows), dtype=np.int64), [""]
        codes, names = pd.factorize(self.history.rows["batch_id"])
        return codes.astype(np.int64), [str(name) for name in names]


class LabelFeed:
    """The labels that are known by and by; of one that came twice, the last. `final` are those of all time."""

    def __init__(self, tape: Timeline) -> None:
        rows, labels = tape.history.rows, tape.history.labels
        place = pd.Index(rows["row_id"]).get_indexer(pd.Index(labels["row_id"]))
        mine = place >= 0
        self._order = place[mine]
        self._arrivals = labels["arrival"].to_numpy().astype("datetime64[D]")[mine]
        self._labels = labels["label"].to_numpy(np.float64)[mine]
        self._read = 0
        self.label, self.final = np.full((2, len(rows)), np.nan)
        for at, label in zip(self._order, self._labels, strict=True):
            self.final[at] = label
        self.known = np.zeros(len(rows), dtype=bool)

    def until(self, night: date) -> None:
        """Read what came until a night; nights go forward."""
        end = int(np.searchsorted(self._arrivals, np.datetime64(night), side="right"))
        for at in range(self._read, end):
            self.label[self._order[at]] = self._labels[at]
        self.known[self._order[self._read : end]] = True
        self._read = max(self._read, end)
