"""The deliveries that an incident changes: all rows and labels as delivered, and the night of its onset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec

KEY = "__key"
NIGHT = "__night"


@dataclass(frozen=True)
class Stage:
    """A project's deliveries as two frames, every cell as delivered.

    Parameters
    ----------
    rows, labels : DataFrame
        The delivered columns, with `KEY` (the file) and `NIGHT` (the night it landed); `labels` is empty when labels
        are delivered with the rows.
    spec : ProjectSpec
        For the roles of the columns.
    onset : date
        The first night of the fault.
    number, category : str
        The columns for incidents of one column; empty when the project has none of the kind.
    seed : int
        The seed of the random numbers.
    """

    rows: pd.DataFrame
    labels: pd.DataFrame
    spec: ProjectSpec
    onset: date
    number: str = ""
    category: str = ""
    seed: int = 0

    @classmethod
    def of(cls, rows: pd.DataFrame, labels: pd.DataFrame, spec: ProjectSpec, onset: date) -> Stage:
        """Return a stage with the first number and the first category of the spec."""
        features = spec.features
        number = next(iter(features.numbers), "")
        return cls(rows, labels, spec, onset, number, next(iter(features.categories), ""))

    @property
    def touched(self) -> pd.Series:
        """The rows that land on or after the onset."""
        return pd.Series(self.rows[NIGHT] >= self.onset, index=self.rows.index)

    @property
    def nights(self) -> pd.Series:
        """Days from the onset until each row landed; negative before it."""
        return (pd.to_datetime(self.rows[NIGHT]) - pd.Timestamp(self.onset)).dt.days

    @property
    def draws(self) -> np.random.Generator:
        """The same random numbers every time."""
        return np.random.default_rng(self.seed)

    def numbers(self, column: str) -> pd.Series:
        """Return a delivered column as numbers.

        Raises
        ------
        DataError
            When the project has no such column.
        """
        if column not in self.rows:
            raise DataError(f"this incident needs a column of numbers; {self.spec.project} has {column or 'none'!r}")
        return pd.to_numeric(self.rows[column], errors="coerce").astype(float)

    def texts(self, column: str) -> pd.Series:
        """Return a delivered column as text.

        Raises
        ------
        DataError
            When the project has no such column.
        """
        if column not in self.rows:
            raise DataError(f"this incident needs a category; {self.spec.project} has {column or 'none'!r}")
        return self.rows[column].astype("str")

    def with_column(self, column: str, values: pd.Series) -> Stage:
        """Return the stage with other values of one column in the touched rows, in the type of the delivered cells."""
        cells = self.rows[column].astype(object).where(~self.touched, values.astype(object))
        return replace(self, rows=self.rows.assign(**{column: _as_delivered(cells, self.rows[column])}))

    def keeping(self, kept: pd.Series) -> Stage:
        """Return the stage without the touched rows that are not kept, and without the labels of these rows."""
        rows = self.rows[kept | ~self.touched]
        return replace(self, rows=rows, labels=_of_rows(self.labels, rows, self.spec))

    def with_labels(self, factor: pd.Series) -> Stage:
        """Return the stage with each row's label multiplied by its factor; a negative one changes a binary label."""
        name = self.spec.source.label.column
        separate = name not in self.rows
        frame = self.labels if separate else self.rows
        scale = _matched(factor, self.rows, frame, self.spec) if separate else factor
        old = pd.to_numeric(frame[name], errors="coerce").astype(float)
        new = (old * scale).where(scale >= 0, 1 - old)
        cells = _as_delivered(frame[name].astype(object).where(scale == 1, new.astype(object)), frame[name])
        changed = frame.assign(**{name: cells})
        return replace(self, labels=changed) if separate else replace(self, rows=changed)


def _as_delivered(cells: pd.Series, before: pd.Series) -> pd.Series:
    """Return cells of their earlier type: text stays text, numbers stay numbers."""
    if pd.api.types.is_numeric_dtype(before):
        return pd.to_numeric(cells)
    return cells.map(lambda cell: "" if pd.isna(cell) else str(cell)).astype("str")


def _names(frame: pd.DataFrame, spec: ProjectSpec) -> pd.Series:
    return frame[spec.key_columns].astype("str").agg("|".join, axis=1)


def _of_rows(labels: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec) -> pd.DataFrame:
    return labels[_names(labels, spec).isin(set(_names(rows, spec)))] if len(labels) else labels


def _matched(factor: pd.Series, rows: pd.DataFrame, labels: pd.DataFrame, spec: ProjectSpec) -> pd.Series:
    """Return the factor of each label, by the ids of its row; 1 where the row is unknown."""
    by_name = dict(zip(_names(rows, spec), factor, strict=True))
    return _names(labels, spec).map(by_name).fillna(1.0).astype(float)
