"""Table: the labelled rows, read once in the kinds the spec names, so that many fits can share them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.model.matrix import FloatArray, as_numbers, as_text, days_since
from tasks.spec.models import ProjectSpec


@dataclass(frozen=True, slots=True)
class Table:
    """Rows ready to fit.

    Attributes
    ----------
    features : DataFrame
        The spec's feature columns: doubles, and text for categories.
    days : array
        Event time in days since `origin`, with its fraction.
    truth, target : array
        The label as it is, and on the model's scale.
    origin : date
        The first event day.
    """

    features: pd.DataFrame
    days: FloatArray
    truth: FloatArray
    target: FloatArray
    origin: date

    def day_of(self, moment: date) -> int:
        """Return a date as days since the origin."""
        return (moment - self.origin).days

    def date_of(self, day: float) -> date:
        """Return the date that lies so many days after the origin."""
        return self.origin + timedelta(days=int(day))

    def between(self, first: int, last: int) -> Table:
        """Return the rows of whole days `first` to `last`, both included."""
        chosen = (self.days >= first) & (self.days < last + 1)
        return Table(self.features[chosen], self.days[chosen], self.truth[chosen], self.target[chosen], self.origin)

    def __len__(self) -> int:
        return len(self.days)


def table(rows: pd.DataFrame, spec: ProjectSpec) -> Table:
    """Return labelled rows, typed and with their label on the model's scale.

    Raises
    ------
    DataError
        There are no rows, a column is missing, an event time or a label is missing or cannot be on the model's scale.
    """
    needed = [*spec.features.columns, spec.source.event_time, spec.source.label.column]
    missing = [column for column in needed if column not in rows.columns]
    if missing or not len(rows):
        raise DataError(
            f"found {len(rows)} rows lacking {missing}; training {spec.project!r} needs labelled rows with {needed}. "
            "Check that labels have matured and that the feature function keeps these columns."
        )
    texts: dict[str, Any] = {column: as_text(rows[column]).array for column in spec.features.categories}
    numbers = {column: as_numbers(rows[column]) for column in (*spec.features.numbers, *spec.features.booleans)}
    moments = pd.to_datetime(rows[spec.source.event_time], utc=True)
    if moments.isna().any():
        raise DataError(
            f"found {int(moments.isna().sum())} rows without {spec.source.event_time!r}; expected none. "
            "Let the contract set such rows aside."
        )
    origin = moments.min().date()
    truth = truths(rows, spec)
    target = np.log(truth) if spec.training.target_scale == "log" else truth
    return Table(pd.DataFrame({**numbers, **texts}), days_since(moments, origin), truth, target, origin)


def truths(rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the labels as doubles, refused when one cannot be learned from.

    Raises
    ------
    DataError
        A label is missing, not 0 or 1 for a binary task, or not positive on a log scale.
    """
    column, truth = spec.source.label.column, as_numbers(rows[spec.source.label.column])
    rules = [
        ("known and finite", ~np.isnan(truth)),
        ("0 or 1 (task 'binary')", (truth == 0) | (truth == 1) | (spec.training.task != "binary")),
        ("above 0 (target_scale 'log')", (truth > 0) | (spec.training.target_scale != "log")),
    ]
    for expected, held in rules:
        if not held.all():
            raise DataError(
                f"found {int((~held).sum())} of {len(truth)} labels in {column!r} that are not {expected}. "
                "Leave such rows out, or let the contract set them aside."
            )
    return truth
