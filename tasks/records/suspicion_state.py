"""What the record remembers of a suspicion: since when, whether it has ended, and what a person answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from tasks.records.drift import Suspicion

COMPARED_DAYS = 14  # new rows are compared with those accepted so long ago: after that, what is drift is among these
HOLIDAY_DAYS = 3  # a long weekend
FaultAnswer = Literal["fault", "drift"]


@dataclass(frozen=True, slots=True)
class SuspicionState:
    """A suspicion from the night it was raised on; each night's decision records the states after it.

    Attributes
    ----------
    kind : str
        As in `Suspicion`.
    columns : tuple of str
        The columns; empty for the table as a whole.
    since : date
        First event date of the rows under suspicion.
    asked : date
        The night on which a person was asked, once.
    evidence : str
        What was measured that night, in words.
    until : date or None
        Last event date of the rows under suspicion; None until the column is back.
    quarantined : bool
        Whether deliveries are quarantined until the columns are back.
    answer : {"fault", "drift"} or None
        What a person answered.
    answered : date or None
        The night of the answer.
    unused : bool
        Whether neither the champion nor the spec uses any of its columns: it is kept, and counts again once one does.
    corrected : bool
        Whether its source was corrected, so that no row has the values in doubt any more: it is over for all days.
    """

    kind: str
    columns: tuple[str, ...]
    since: date
    asked: date
    evidence: str = ""
    until: date | None = None
    quarantined: bool = False
    answer: FaultAnswer | None = None
    answered: date | None = None
    unused: bool = False
    corrected: bool = False

    @property
    def name(self) -> str:
        """Its name: kind, columns, and the night it was asked on.

        >>> SuspicionState("unit_change", ("area",), date(2026, 1, 4), date(2026, 1, 5)).name
        'unit_change of area, 2026-01-05'
        """
        return f"{self.kind} of {self.where}, {self.asked}"

    @property
    def where(self) -> str:
        """The columns in words."""
        return ", ".join(self.columns) or "rows"

    @property
    def answered_as(self) -> str:
        """What a person calls it in an answer: its first column, or `rows`.

        >>> day = date(2026, 1, 4)
        >>> [SuspicionState("unclear", columns, day, day).answered_as for columns in (("area", "rooms"), ())]
        ['area', 'rows']
        """
        return next(iter(self.columns), self.where)

    @property
    def open(self) -> bool:
        """Whether the rows that arrive now are under suspicion."""
        return self.until is None and self.answer != "drift" and not self.unused and not self.corrected

    @property
    def unanswered(self) -> bool:
        """Whether a person's answer would change anything."""
        return self.open and self.answer is None

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> SuspicionState("unit_change", ("area",), date(2026, 1, 4), date(2026, 1, 5)).sentence
        'unit change in area since 2026-01-04'
        """
        where = f" in {', '.join(self.columns)}" if self.columns else ""
        end = "" if self.until is None else f" until {self.until}"
        end += ", corrected" if self.corrected else ""
        return f"{self.kind.replace('_', ' ')}{where} since {self.since}{end}"

    def explains(self, found: Suspicion) -> bool:
        """Whether what is found belongs to this suspicion: it is open, or was until the rows of the finding began.

        >>> state = SuspicionState("unit_change", ("area",), date(2026, 1, 4), date(2026, 1, 5))
        >>> [state.explains(Suspicion("unclear", columns, "")) for columns in (("area",), ("rooms",), ())]
        [True, False, False]

        Days of few rows that a person has called right are asked about again once a long weekend is over.

        >>> asked, answered = date(2026, 1, 5), date(2026, 1, 6)
        >>> short = SuspicionState("truncated", (), asked, asked, answer="drift", answered=answered)
        >>> [short.explains(Suspicion("truncated", (), "", since=date(2026, 1, day))) for day in (7, 9, 14)]
        [True, True, False]
        """
        over = self.until
        if self.corrected:
            return False
        if self.answer == "drift" and self.answered is not None:
            over = self.answered + timedelta(days=HOLIDAY_DAYS if self.kind == "truncated" else COMPARED_DAYS)
        if not self.open and (over is None or found.since is None or found.since > over):
            return False
        return bool(set(self.columns) & set(found.columns)) if self.columns else self.kind == found.kind

    @property
    def of_values(self) -> bool:
        """Whether the values that arrived are in doubt, or only whether all rows did."""
        return self.kind not in {"truncated", "missing_slice"}

    def taints(self, since: date | None) -> bool:
        """Whether rows from a day on are in doubt: under it, or without a slice that was there when they began.

        >>> gone = SuspicionState("missing_slice", ("city",), date(2026, 1, 4), date(2026, 1, 5))
        >>> [gone.taints(date(2026, 1, day)) for day in (1, 9)]
        [True, False]
        """
        if self.answer == "drift" or self.kind == "truncated" or self.unused or self.corrected:
            return False
        if not self.of_values:
            return since is None or self.since >= since
        return self.until is None or (since is not None and self.until >= since)


def suspected_days(states: Iterable[SuspicionState], until: date) -> tuple[tuple[date, date], ...]:
    """Return the first and last event dates of rows that no model may learn from, up to a day.

    Rows with a wrong value only in columns that no model uses are right for all models. Rows count again once a person
    has called them drift. The rows of a delivery that was cut off or lacks a slice are right, so that models may learn
    from them (see `of_values`); whether models may be judged by them, `taints` says.

    Examples
    --------
    >>> day = [date(2026, 1, number) for number in range(1, 10)]
    >>> ended = SuspicionState("stuck", ("area",), since=day[3], asked=day[4], until=day[6])
    >>> drift = SuspicionState("stuck", ("area",), since=day[7], asked=day[7], answer="drift")
    >>> [(first.day, last.day) for first, last in suspected_days([ended, drift], until=day[8])]
    [(4, 7)]
    """
    states = [
        state
        for state in states
        if state.of_values
        and state.answer != "drift"
        and not state.unused
        and not state.corrected
        and state.since <= until
    ]
    return tuple((state.since, until if state.until is None else state.until) for state in states)
