"""A share of the answered rows that users see: rows without an answer, or with an event such as redone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DayShare:
    """Of the rows of a day that were answered: how many there are, and how many of them count."""

    day: date
    rows: int
    counted: int

    @property
    def share(self) -> float:
        """The share of the rows that count, 0 to 1.

        >>> DayShare(date(2026, 1, 2), rows=40, counted=10).share
        0.25
        """
        return self.counted / self.rows


@dataclass(frozen=True, slots=True)
class OutputMetric:
    """An output metric of a night.

    Attributes
    ----------
    name : str
        An event of `feedback.events`, or `null-answers`.
    rows : int
        Answered rows of the newest window with known feedback.
    value : float
        The share of them, 0 to 1.
    leeway : float
        How far it may be from what is expected, on either side.
    expected, margin : float or None
        The share in the weeks before, and how far chance explains the distance; None where too few days are known.
    days : tuple of DayShare
        The days of the window, oldest first.
    """

    name: str
    rows: int
    value: float
    leeway: float
    expected: float | None = None
    margin: float | None = None
    days: tuple[DayShare, ...] = ()

    @property
    def strain(self) -> float | None:
        """The share of the leeway that is used.

        >>> OutputMetric("redone", 100, 0.25, leeway=0.5, expected=0.5, margin=0.125).strain
        0.5
        """
        return None if self.expected is None else abs(self.value - self.expected) / self.leeway

    @property
    def past_leeway(self) -> bool:
        """Whether it has surely moved further than tolerated: chance explains less than the distance."""
        if self.expected is None or self.margin is None:
            return False
        return abs(self.value - self.expected) > max(self.leeway, self.margin)

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> OutputMetric("redone", 800, 0.25, leeway=0.0625, expected=0.125, margin=0.03125).sentence
        'redone 25.0 % of 800 answered rows, past 12.5 % ± 6.25 points'
        >>> OutputMetric("redone", 80, 0.25, leeway=0.0625).sentence
        'redone 25.0 % of 80 answered rows; too few days are known to compare it with'
        """
        found = f"{self.name} {self.value:.1%} of {self.rows:,} answered rows".replace("%", " %")
        if self.expected is None:
            return f"{found}; too few days are known to compare it with"
        word = "past" if self.past_leeway else "within"
        return f"{found}, {word} {100 * self.expected:.1f} % ± {100 * self.leeway:.3g} points"
