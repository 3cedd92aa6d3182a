"""The labels that are known on a night, by row: a replay of years must not sort them again every night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from flows.backtest.timeline.timeline import Timeline, Written
from tasks.arrays import BoolArray, DayArray, IntArray
from tasks.dataset.label_join import ranked
from tasks.lake import Deliveries

LabelArray: TypeAlias = npt.NDArray[Any]
"""Numbers, or the names of several classes; NaN where there is no label."""


@dataclass(frozen=True)
class LabelFeed:
    """The labels of a history, those of one row next to each other, the newest last: see `newest_labels`."""

    timeline: Timeline

    @cached_property
    def _frame(self) -> pd.DataFrame:
        labels = self.timeline.history.labels
        of_rows = labels.assign(row=self.timeline.row_ids.get_indexer(pd.Index(labels["row_id"])))
        of_rows = ranked(of_rows[of_rows["row"] >= 0], self.timeline.history.deliveries)
        return of_rows.sort_values(["row", "arrival", "arrival_rank", "label"], kind="stable")

    @cached_property
    def _rows(self) -> IntArray:
        return self._frame["row"].to_numpy(np.int64)

    @cached_property
    def _arrivals(self) -> DayArray:
        return self._frame["arrival"].to_numpy().astype("datetime64[D]")

    @cached_property
    def _values(self) -> LabelArray:
        labels = self._frame["label"]
        return labels.to_numpy(np.float64 if pd.api.types.is_numeric_dtype(labels) else object)

    @cached_property
    def _written(self) -> Written:
        return Written.of(self._frame)

    def known(self, deliveries: Deliveries, night: date, after: date = date.min) -> tuple[LabelArray, BoolArray]:
        """Return the newest label of each row code that arrived up to a night, and which row codes have one.

        Parameters
        ----------
        after : date
            Row codes with a newest label that arrived up to this day have none.
        """
        counted = self._written.counted(deliveries)[self._written.codes]
        eligible = np.flatnonzero(counted & (self._arrivals <= np.datetime64(night)))
        rows = self._rows[eligible]
        newest = eligible[np.append(rows[1:] != rows[:-1], True)] if len(rows) else eligible
        newest = newest[self._arrivals[newest] > np.datetime64(after)]
        count = len(self.timeline.row_ids)
        labels, known = np.full(count, np.nan, dtype=self._values.dtype), np.zeros(count, dtype=bool)
        labels[self._rows[newest]], known[self._rows[newest]] = self._values[newest], True
        return labels, known

    @cached_property
    def final(self) -> LabelArray:
        """The label of each position that counts in the end, whenever it arrived; NaN without one."""
        labels, _ = self.known(self.timeline.history.deliveries, date.max)
        return labels[self.timeline.row_codes]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of several classes, in order, that any label of the history has; empty for numbers."""
        return () if self._values.dtype == np.float64 else tuple(sorted(set(map(str, self._values))))
