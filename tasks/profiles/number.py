"""The profile of one number column: exact counts, exact sums, and a histogram on the project's axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.profiles.axis import Axis, Bins, Counts, Floats, Values, bins_of, edges_of, side_by_side

UNIT = 2.0**20  # z is summed as an integer number of these parts, so that sums do not depend on their order
CHUNK_ROWS = 1 << 16  # stays in the processor's cache, and bounds the integers summed at once


@dataclass(frozen=True, eq=False, slots=True)
class NumberProfile:
    """What is kept of a number column.

    Parameters
    ----------
    axis : Axis
        Center and scale of the bins.
    rows, nulls, positive_infinities, negative_infinities : int
        Rows seen; those without a value; those that hold plus or minus infinity.
    bins, counts : ndarray
        Occupied bins in ascending order (uint16), and the finite values in each (int64).
    minimum, maximum : float or int or None
        Exact extremes of the finite values; an int only beyond 2**53 where a float would round; None without values.
    total, total_squares : int
        Sum of z in units of 2**-20, and of its square in units of 2**-40.

    Examples
    --------
    Of 2, 4 and 6 the mean is 4 and the standard deviation sqrt(8/3) = 1.632...; one row of four has no value.

    >>> column = number_profile(pd.Series([2.0, 4.0, 6.0, None]), Axis(center=4.0, scale=2.0))
    >>> column.mean, round(column.sd, 3), column.null_share, column.minimum, column.maximum
    (4.0, 1.633, 0.25, 2.0, 6.0)
    >>> (column + column).rows, (column + column).mean
    (8, 4.0)
    """

    axis: Axis
    rows: int
    nulls: int
    positive_infinities: int
    negative_infinities: int
    bins: Bins
    counts: Counts
    minimum: float | None
    maximum: float | None
    total: int
    total_squares: int

    def __post_init__(self) -> None:
        self.bins.setflags(write=False)
        self.counts.setflags(write=False)

    @classmethod
    def empty(cls, axis: Axis) -> NumberProfile:
        """Return the profile of no rows."""
        none = np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.int64)
        return cls(axis, 0, 0, 0, 0, *none, minimum=None, maximum=None, total=0, total_squares=0)

    @property
    def present(self) -> int:
        """Rows with a finite value."""
        return self.rows - self.nulls - self.positive_infinities - self.negative_infinities

    @property
    def null_share(self) -> float:
        """Share of rows without a value, 0 to 1; 0 without rows."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def mean(self) -> float:
        """Mean of the finite values, in the data's units; nan without any."""
        return self.axis.value(self.total / UNIT / self.present) if self.present else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation of the finite values about their mean, in the data's units; nan without any."""
        if not self.present:
            return math.nan
        spread = self.present * self.total_squares - self.total**2  # an exact integer, never negative
        return self.axis.scale * math.sqrt(spread / self.present**2) / UNIT

    def quantile(self, share: float) -> float:
        """Return the value below which `share` of the finite values lie, in the data's units; nan without any.

        Exact to one bin: 1/128 of the value's distance from the axis' center.
        """
        if not 0 <= share <= 1:
            raise DataError(f"quantile({share}) was asked; a share lies between 0 and 1")
        if self.minimum is None or self.maximum is None:
            return math.nan
        cumulated = np.cumsum(self.counts)
        wanted = share * self.present
        at = min(int(np.searchsorted(cumulated, wanted)), len(self.bins) - 1)
        low, high = edges_of(self.bins[at : at + 1])
        inside = 1 - (float(cumulated[at]) - wanted) / float(self.counts[at])
        value = self.axis.value(float(low[0]) + inside * float(high[0] - low[0]))
        return min(max(value, self.minimum), self.maximum)

    def __add__(self, other: NumberProfile) -> NumberProfile:
        if self.axis != other.axis:
            raise DataError(
                f"two profiles of one column lie on different axes, {self.axis} and {other.axis}, and cannot be added. "
                "Profile both with the ruler of the project's first training"
            )
        bins, mine, others = side_by_side((self.bins, other.bins), (self.counts, other.counts))
        return NumberProfile(
            axis=self.axis,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            positive_infinities=self.positive_infinities + other.positive_infinities,
            negative_infinities=self.negative_infinities + other.negative_infinities,
            bins=bins,
            counts=mine + others,
            minimum=min((m for m in (self.minimum, other.minimum) if m is not None), default=None),
            maximum=max((m for m in (self.maximum, other.maximum) if m is not None), default=None),
            total=self.total + other.total,
            total_squares=self.total_squares + other.total_squares,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberProfile) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return (
            self.axis,
            (self.rows, self.nulls, self.positive_infinities, self.negative_infinities),
            (self.bins.tobytes(), self.counts.tobytes()),
            (self.minimum, self.maximum, self.total, self.total_squares),
        )


def number_profile(series: pd.Series, axis: Axis) -> NumberProfile:
    """Return the profile of a number column on an axis.

    Raises
    ------
    DataError
        The column does not hold numbers.
    """
    values, nulls = present_values(series)
    positive = negative = 0
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            positive, negative = int(np.sum(values == np.inf)), int(np.sum(values == -np.inf))
            values = values[finite]
    histogram, total, total_squares = _summed(values, axis)
    bins = np.flatnonzero(histogram)
    return NumberProfile(
        axis=axis,
        rows=len(series),
        nulls=nulls,
        positive_infinities=positive,
        negative_infinities=negative,
        bins=bins.astype(np.uint16),
        counts=histogram[bins],
        minimum=_exact(values.min()) if values.size else None,
        maximum=_exact(values.max()) if values.size else None,
        total=total,
        total_squares=total_squares,
    )


def present_values(series: pd.Series) -> tuple[Values, int]:
    """Return a number column's values that are not null (infinities included), and how many are null.

    Integers stay integers, so that ids beyond 2**53 are not rounded.

    Raises
    ------
    DataError
        The column does not hold numbers.
    """
    missing = series.isna()
    nulls = int(missing.sum())
    if nulls == len(series):
        return np.empty(0), nulls
    if not (pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)):
        raise DataError(
            f"column {series.name!r} holds {series.dtype}; a number column was expected. Either the contract did not "
            "type it or the spec's features.numbers names a column that is text"
        )
    present = series[~missing] if nulls else series
    if pd.api.types.is_unsigned_integer_dtype(series.dtype):
        return present.to_numpy(dtype=np.uint64), nulls
    if pd.api.types.is_integer_dtype(series.dtype):
        return present.to_numpy(dtype=np.int64), nulls
    return present.to_numpy(dtype=np.float64), nulls


def _summed(values: Values, axis: Axis) -> tuple[Counts, int, int]:
    """Return the histogram over all 65,536 bins, and the exact sums of z and of its square."""
    histogram = np.zeros(1 << 16, dtype=np.int64)
    total = total_squares = 0
    for start in range(0, values.size, CHUNK_ROWS):
        z = axis.z(values[start : start + CHUNK_ROWS])
        histogram += np.bincount(bins_of(z), minlength=1 << 16)
        parts = np.rint(z * UNIT).astype(np.int64)
        total += int(parts.sum())
        total_squares += _sum_of_squares(parts, z)
    return histogram, total, total_squares


def _sum_of_squares(parts: Counts, z: Floats) -> int:
    """Return the exact sum of squares of integers up to 2**40, of which there are at most 2**16."""
    if float(np.abs(z).max()) < 8:  # noqa: PLR2004 - 8 scales: squares below 2**46, so 2**16 of them fit into 63 bits
        return int(parts @ parts)
    upper, lower = parts >> 20, parts & 0xFFFFF
    return (int(upper @ upper) << 40) + (int(upper @ lower) << 21) + int(lower @ lower)


def _exact(value: np.generic) -> float:
    """Return a number as a float where that is exact, else as an int; zero without a sign."""
    as_float = float(value) + 0.0
    return as_float if value.dtype.kind == "f" or as_float == int(value) else int(value)
