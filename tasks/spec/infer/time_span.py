"""The time span of the data, and the settings that follow from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.errors import SpecError
from tasks.spec.cells.cell_types import numbers
from tasks.spec.cells.time_cells import times
from tasks.spec.infer.written_forms import Form, time_form

COHORT_DAYS = 28
COHORTS = 7
TRAINING_ROWS, FEWEST_TRAINING_ROWS = 500, 20
GATE_ROWS, FEWEST_GATE_ROWS = 200, 10
DAY_OR_MONTH = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d).*")


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The first and last day of the data, its rows, those without an event time, and the form of times if not ISO."""

    first: date
    last: date
    rows: int
    undated: int
    form: Form | None = None

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
        """Length of a cohort in days: 28, or a seventh of a short span, so that nearly half is left for training.

        >>> TimeSpan(date(2026, 1, 1), date(2026, 3, 11), rows=700, undated=0).cohort_days  # 70 days
        10
        """
        return max(1, min(COHORT_DAYS, self.days // COHORTS))

    @property
    def training_rows(self) -> int:
        """The fewest rows for a training: 500, or a quarter of the data if that is less, but at least 20."""
        return max(FEWEST_TRAINING_ROWS, min(TRAINING_ROWS, self.rows // 4))

    @property
    def gate_rows(self) -> int:
        """The fewest rows to judge a challenger on: 200, or half of a cohort if that is less, but at least 10."""
        return max(FEWEST_GATE_ROWS, min(GATE_ROWS, int(self.rows_per_day * self.cohort_days / 2)))


def read_span(column: pd.Series) -> TimeSpan:
    """Return the span of an event-time column.

    Raises
    ------
    SpecError
        When cells are not ISO 8601; the message says what was found and what to write.
    """
    read, form = times(column, "UTC"), None
    if not read.clean and (form := time_form(column)) is not None:
        read = times(column, "UTC", form.value)
    if not read.clean:
        raise SpecError([_not_a_time(str(column.name), str(column[read.bad].iloc[0]).strip(), column)])
    known = read.column.dropna()
    if known.empty:
        raise SpecError(
            [f"event time {str(column.name)!r} is empty in every row; name a column with the time of the event"]
        )
    return TimeSpan(known.min().date(), known.max().date(), len(column), len(column) - len(known), form)


def _not_a_time(name: str, example: str, column: pd.Series) -> str:
    fault = f"event time {name!r} has the value {example[:40]!r}"
    if DAY_OR_MONTH.fullmatch(example):
        return (
            f"{fault}: the order of day, month and year is ambiguous, so nothing is guessed; "
            "write dates as YYYY-MM-DD (ISO 8601), such as 2026-11-20, or say it in source.time_format"
        )
    if numbers(column).clean:
        return f"{fault}, a number; write times as YYYY-MM-DDTHH:MM:SSZ (ISO 8601), such as 2026-11-20T02:00:00Z"
    return f"{fault}, which is not a time; expected YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ (ISO 8601)"
