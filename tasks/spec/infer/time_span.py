"""The time span of the data, and the sizes that follow from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.errors import SpecError
from tasks.spec.values.cell_types import numbers, times

COHORT_DAYS = 28
COHORTS = 7
TRAINING_ROWS, FEWEST_TRAINING_ROWS = 500, 20
GATE_ROWS, FEWEST_GATE_ROWS = 200, 10
DAY_OR_MONTH = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d).*")


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """First and last day of the data, its rows, and how many rows have no moment."""

    first: date
    last: date
    rows: int
    undated: int

    @property
    def days(self) -> int:
        """Days from the first to the last, both counted."""
        return (self.last - self.first).days + 1

    @property
    def rows_per_day(self) -> float:
        """Rows of an average day."""
        return self.rows / self.days

    @property
    def cohort_days(self) -> int:
        """Length of a cohort in days: 28, or a seventh of a short span: a hold-out and three folds leave nearly half.

        >>> TimeSpan(date(2026, 1, 1), date(2026, 3, 11), rows=700, undated=0).cohort_days  # 70 days
        10
        """
        return max(1, min(COHORT_DAYS, self.days // COHORTS))

    @property
    def training_rows(self) -> int:
        """Fewest rows worth training on: 500, or a quarter of the data where that is less, never below 20."""
        return max(FEWEST_TRAINING_ROWS, min(TRAINING_ROWS, self.rows // 4))

    @property
    def gate_rows(self) -> int:
        """Fewest rows a challenger is judged on: 200, or half of an average cohort if that is less, at least 10."""
        return max(FEWEST_GATE_ROWS, min(GATE_ROWS, int(self.rows_per_day * self.cohort_days / 2)))


def read_span(column: pd.Series) -> TimeSpan:
    """Return the span of an event-time column.

    Raises
    ------
    SpecError
        When cells are not ISO 8601, with what was found and what to write.
    """
    read = times(column, "UTC")
    if not read.clean:
        raise SpecError([_no_moment(str(column.name), str(column[read.bad].iloc[0]).strip(), column)])
    known = read.column.dropna()
    if known.empty:
        raise SpecError(
            [f"event time {str(column.name)!r} is empty in every row; name a column that says when a row happened"]
        )
    return TimeSpan(known.min().date(), known.max().date(), len(column), len(column) - len(known))


def _no_moment(name: str, example: str, column: pd.Series) -> str:
    found = f"event time {name!r} holds {example[:40]!r}"
    if DAY_OR_MONTH.fullmatch(example):
        return (
            f"{found}: day, month and year can be taken for one another, so nothing is guessed; "
            "write dates as YYYY-MM-DD (ISO 8601), such as 2026-11-20"
        )
    if numbers(column).clean:
        return f"{found}, a number; write moments as YYYY-MM-DDTHH:MM:SSZ (ISO 8601), such as 2026-11-20T02:00:00Z"
    return f"{found}, which is no moment; expected YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ (ISO 8601)"
