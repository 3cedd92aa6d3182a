"""Values of rows added up by day: what every statement about days rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class DaySums:
    """Values of rows, added up by day.

    Parameters
    ----------
    days : array of int, shape (d,)
        Days by number, ascending.
    rows, sums, squares : array, shape (d,)
        Rows of each day, the sum of their values and of the squares of these.
    """

    days: IntArray
    rows: FloatArray
    sums: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, values: FloatArray, days: npt.ArrayLike) -> DaySums:
        """Add up values by day.

        Examples
        --------
        >>> DaySums.of(np.array([1.0, 2.0, 4.0]), np.array([3, 3, 5])).sums.tolist()
        [3.0, 4.0]
        """
        numbers, codes = np.unique(np.asarray(days, dtype=np.int64), return_inverse=True)
        sums, squares = (np.bincount(codes, part, len(numbers)).astype(np.float64) for part in (values, values**2))
        return cls(numbers, np.bincount(codes, minlength=len(numbers)).astype(np.float64), sums, squares)

    @property
    def count(self) -> float:
        """Rows of all days."""
        return float(self.rows.sum())

    @property
    def mean(self) -> float:
        """Mean over all rows."""
        return float(self.sums.sum() / self.rows.sum())

    @property
    def effective_days(self) -> float:
        """Days of equal size that would weigh the effects of days in the mean as these do (Kish 1965).

        >>> DaySums(np.arange(3), np.array([4.0, 4.0, 4.0]), np.zeros(3), np.zeros(3)).effective_days
        3.0
        """
        return float(self.rows.sum() ** 2 / (self.rows @ self.rows))

    @property
    def row_variance(self) -> float:
        """Variance of one row around the mean of its day."""
        within = float((self.squares - self.sums**2 / self.rows).sum())
        return max(within, 0.0) / max(self.count - len(self.days), 1.0)

    @property
    def day_variance(self) -> float:
        """Variance of a row by the means of days, as if days had no effects of their own.

        Two days of one row each, 1 and 3: the variance of two numbers.

        >>> DaySums.of(np.array([1.0, 3.0]), np.array([1, 2])).day_variance
        2.0
        """
        apart = self.sums - self.mean * self.rows
        return float((apart**2 / self.rows).sum()) / max(len(self.days) - 1, 1)

    def where(self, kept: npt.NDArray[np.bool_]) -> DaySums:
        """Return some of the days."""
        return DaySums(self.days[kept], self.rows[kept], self.sums[kept], self.squares[kept])

    def moved(self, by: float) -> DaySums:
        """Return the sums of the same values, each larger by a number.

        >>> DaySums.of(np.array([1.0, 2.0]), np.array([1, 1])).moved(1.0).squares.tolist()  # 4 + 9
        [13.0]
        """
        sums, squares = self.sums + by * self.rows, self.squares + 2 * by * self.sums + by**2 * self.rows
        return DaySums(self.days, self.rows, sums, squares)


def joined_days(parts: Sequence[DaySums]) -> DaySums:
    """Return the sums of several spans; days in two spans are added up.

    >>> part = DaySums.of(np.array([1.0, 2.0]), np.array([1, 2]))
    >>> joined_days([part, part]).sums.tolist()
    [2.0, 4.0]
    """
    days, codes = np.unique(np.concatenate([part.days for part in parts]), return_inverse=True)
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "sums", "squares"))
    return DaySums(days, *(np.bincount(codes, column, len(days)).astype(np.float64) for column in columns))


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows and days (from the first to the last) since a mean has left a promise, and twice the log likelihood gained.

    >>> max(Shift(1, 1, 2.0), Shift(2, 1, 1.0), key=lambda shift: shift.explained).rows
    1
    """

    rows: int
    days: int
    explained: float


def likeliest_shift(days: DaySums, promised: float, *, rise_only: bool) -> Shift:
    """Return since when the mean has likeliest left a promise.

    Before the shift the mean is as promised; after it, it is that of the days since (generalised likelihood ratio of a
    cumulative sum: G. Lorden 1971, Annals of Mathematical Statistics 42(6)). Where rows of one day do not differ, as
    with one row a day, the variance is that of the means of days.

    Parameters
    ----------
    promised : float
        The mean before the shift.
    rise_only : bool
        Whether only a higher mean counts.

    Examples
    --------
    Four days of a hundred rows of variance 1: two as promised, two higher by a half. 200 rows explain 200 * .5^2.

    >>> sums = np.array([0.0, 0.0, 50.0, 50.0])
    >>> days = DaySums(np.arange(4), np.full(4, 100.0), sums, sums**2 / 100 + 99)
    >>> likeliest_shift(days, 0.0, rise_only=True)
    Shift(rows=200, days=2, explained=50.0)
    """
    rows, sums = (np.cumsum(part[::-1])[::-1] for part in (days.rows, days.sums))
    apart = sums - promised * rows
    if rise_only:
        apart = np.maximum(apart, 0.0)
    rounding = np.finfo(float).eps * float(days.squares.sum())
    variance = days.row_variance if days.row_variance > rounding else days.day_variance
    explained = apart**2 / rows / max(variance, np.finfo(float).tiny)
    first = int(explained.argmax())
    return Shift(round(rows[first]), int(days.days[-1] - days.days[first]) + 1, float(explained[first]))
