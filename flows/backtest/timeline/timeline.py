"""A history in memory, by position: which rows count at a moment, and how they are found fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.arrays import BoolArray, DayArray, FloatArray, HashArray, IntArray
from tasks.drift import RepeatedRows, repeated_rows, row_hashes
from tasks.lake import Batch, Deliveries
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.feature_sections import Features

if TYPE_CHECKING:
    from flows.backtest.history import History, WriteKey


@dataclass(frozen=True)
class Written:
    """Which revision of which batch each row of a table was written for."""

    codes: IntArray
    keys: tuple[WriteKey, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Written:
        """Return a table's revisions by number."""
        codes, keys = pd.factorize(pd.MultiIndex.from_frame(frame[["batch_id", "revision"]]))
        return cls(codes.astype(np.int64), tuple((str(name), int(revision)) for name, revision in keys))

    def counted(self, deliveries: Deliveries) -> BoolArray:
        """Return which revisions count."""
        first, last = deliveries.counted_revisions(name for name, _ in self.keys)
        revisions = np.array([revision for _, revision in self.keys])
        return np.asarray((revisions >= first) & (revisions <= last), dtype=bool)


@dataclass(frozen=True)
class Timeline:
    """A history with its rows in the order of their ids: a position names a row."""

    history: History

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows, by row id."""
        return self.history.rows.sort_values(["row_id", "batch_id", "revision"], kind="stable", ignore_index=True)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.history.rows)

    @cached_property
    def written(self) -> Written:
        """The revision each row was written for."""
        return Written.of(self.frame)

    @cached_property
    def row_codes(self) -> IntArray:
        """A number for each row id, ascending."""
        return pd.factorize(self.frame["row_id"])[0].astype(np.int64)

    @cached_property
    def row_ids(self) -> pd.Index[str]:
        """The id of each row code."""
        ids: pd.Index[str] = pd.Index(self.frame["row_id"].drop_duplicates())
        return ids

    @cached_property
    def row_id_type(self) -> pd.CategoricalDtype:
        """Row ids as categories: their codes are the row codes."""
        return pd.CategoricalDtype(self.row_ids)

    @cached_property
    def dates(self) -> pd.Series[date]:
        """Event date of each row, in a form that is compared fast."""
        return self.frame["event_date"].astype(pd.ArrowDtype(pa.date32()))

    @cached_property
    def days(self) -> DayArray:
        """Event date of each row."""
        return self.frame["event_date"].to_numpy().astype("datetime64[D]")

    def weights(self, spec: ProjectSpec) -> FloatArray:
        """How much each row counts; NaN for a row that was stored before the spec named the column of weights."""
        column = spec.scope.weight
        if column not in self.frame:
            return np.full(self.count, np.nan)
        return np.asarray(self.frame[column].to_numpy(np.float64), dtype=np.float64)

    @cached_property
    def last_days(self) -> DayArray:
        """The newest event date of each revision."""
        return np.array([self.days[positions].max() for positions in self._positions], dtype="datetime64[D]")

    def counted(self, deliveries: Deliveries) -> IntArray:
        """Return the rows that count."""
        return np.flatnonzero(self.written.counted(deliveries)[self.written.codes])

    def between(self, positions: IntArray, after: date, until: date) -> IntArray:
        """Return those of some rows with an event date after one day and up to another."""
        days = self.days[positions]
        return positions[(days > np.datetime64(after)) & (days <= np.datetime64(until))]

    def rows(self, positions: IntArray) -> pd.DataFrame:
        """Return some rows."""
        return self.frame.iloc[positions]

    def rows_of(self, batch: Batch) -> IntArray:
        """Return the rows that count in a state of a batch."""
        revisions = range(batch.base, batch.revision + 1)
        rows = [self.rows_written((batch.batch_id, revision)) for revision in revisions]
        return np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)

    def rows_written(self, key: WriteKey) -> IntArray:
        """Return the rows that were written for a revision of a batch."""
        code = self._code_of.get(key)
        return np.zeros(0, dtype=np.int64) if code is None else self._positions[code]

    @cached_property
    def _code_of(self) -> dict[WriteKey, int]:
        return {key: code for code, key in enumerate(self.written.keys)}

    @cached_property
    def _positions(self) -> list[IntArray]:
        """The rows of each revision."""
        order = np.argsort(self.written.codes, kind="stable")
        sizes = np.bincount(self.written.codes, minlength=len(self.written.keys))
        return np.split(order, np.cumsum(sizes)[:-1])

    def repeated(self, positions: IntArray, features: Features) -> RepeatedRows:
        """Return how many of some rows repeat another of them in every feature column."""
        columns, categories = tuple(features.columns), features.categories
        if columns not in self._hashes:
            self._hashes[columns] = row_hashes(self.frame[list(columns)], categories)
        return repeated_rows(self._hashes[columns][positions])

    @cached_property
    def _hashes(self) -> dict[tuple[str, ...], HashArray]:
        return {}
