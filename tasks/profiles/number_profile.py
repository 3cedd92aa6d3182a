"""The profile of one number column: exact counts, exact sums, and a histogram on the project's axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.arrays import BinArray, IntArray
from tasks.errors import DataError
from tasks.profiles.axis import Axis, bin_edges, sum_histograms
from tasks.profiles.counting.number_counter import NumberCounter
from tasks.profiles.counting.value_block import UNIT
from tasks.profiles.value_counts import ValueCounts


@dataclass(frozen=True, eq=False, slots=True)
class NumberProfile:
    """The summary of a number column.

    Parameters
    ----------
    axis : Axis
        Center and scale of the bins.
    rows, nulls, positive_infinities, negative_infinities : int
        All rows; rows without a value; rows with plus or minus infinity.
    bins, counts : ndarray
        Occupied bins in ascending order (uint16), and the finite values in each (int64).
    minimum, maximum : float or int or None
        Exact extremes of the finite values; an int only beyond 2**53 where a float would round; None without values.
    total, total_squares : int
        Sum of z in units of 2**-20, and of its square in units of 2**-40.
    held : ValueCounts or None
        Which values occur: all of them while they are few; None in what a release before PROTOCOL 2 wrote.

    Examples
    --------
    Of 2, 4 and 6 the mean is 4 and the standard deviation sqrt(8/3) = 1.632...; one row of four has no value.

    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, profile
    >>> ruler = Ruler(numbers={"size": Axis(center=4.0, scale=2.0)})
    >>> column = profile(pd.DataFrame({"size": [2.0, 4.0, 6.0, None]}), ruler).columns["size"]
    >>> column.mean, round(column.sd, 3), column.nulls, column.minimum, column.maximum
    (4.0, 1.633, 1, 2.0, 6.0)
    >>> (column + column).rows, (column + column).mean
    (8, 4.0)
    >>> column.distinct, column.most_frequent
    (3.0, (2.0, 1))
    """

    axis: Axis
    rows: int
    nulls: int
    positive_infinities: int
    negative_infinities: int
    bins: BinArray
    counts: IntArray
    minimum: float | None
    maximum: float | None
    total: int
    total_squares: int
    value_counts: ValueCounts | None = None

    def __post_init__(self) -> None:
        self.bins.setflags(write=False)
        self.counts.setflags(write=False)

    @classmethod
    def empty(cls, axis: Axis) -> NumberProfile:
        """Return the profile of no rows."""
        none = np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.int64)
        return cls(
            axis, 0, 0, 0, 0, *none, minimum=None, maximum=None, total=0, total_squares=0, value_counts=ValueCounts({})
        )

    @property
    def present(self) -> int:
        """Rows with a finite value."""
        return self.rows - self.nulls - self.positive_infinities - self.negative_infinities

    @property
    def mean(self) -> float:
        """Mean of the finite values, in the units of the data; nan without any."""
        return self.axis.value(self.total / UNIT / self.present) if self.present else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation of the finite values about their mean, in the data's units; nan without any."""
        if not self.present:
            return math.nan
        spread = self.present * self.total_squares - self.total**2  # an exact integer, never negative
        return self.axis.scale * math.sqrt(spread / self.present**2) / UNIT

    @property
    def distinct(self) -> float:
        """Number of distinct finite values: exact up to 64, beyond within about 5 %; nan if not counted."""
        return math.nan if self.value_counts is None else self.value_counts.distinct

    @property
    def constant(self) -> bool:
        """Whether all finite values are equal."""
        return self.minimum is not None and self.minimum == self.maximum

    @property
    def most_frequent(self) -> tuple[float, int] | None:
        """The most frequent counted value and its number of rows, which is exact.

        All values are counted while there are no more than 64; then only 0, the pins of the axis and the value of a
        constant column. None when none of these occurs.
        """
        if self.constant and self.minimum is not None:
            return self.minimum, self.present
        return None if self.value_counts is None else self.value_counts.most_frequent

    def quantile(self, share: float) -> float:
        """Return the quantile of the finite values at `share`, in the units of the data; nan without any.

        Exact to one bin: 1/128 of the distance from the center of the axis.
        """
        if not 0 <= share <= 1:
            raise DataError(f"found quantile({share}); expected a share between 0 and 1")
        if self.minimum is None or self.maximum is None:
            return math.nan
        cumulated = np.cumsum(self.counts)
        wanted = share * self.present
        at = min(int(np.searchsorted(cumulated, wanted)), len(self.bins) - 1)
        low, high = bin_edges(self.bins[at : at + 1])
        inside = 1 - (float(cumulated[at]) - wanted) / float(self.counts[at])
        value = self.axis.value(float(low[0]) + inside * float(high[0] - low[0]))
        return min(max(value, self.minimum), self.maximum)

    def __add__(self, other: NumberProfile) -> NumberProfile:
        return NumberProfile.of_all([self, other])

    @classmethod
    def of_all(cls, parts: Sequence[NumberProfile]) -> NumberProfile:
        """Return the sum of one or more profiles; faster than adding them one by one.

        Raises
        ------
        DataError
            They have different axes.
        """
        axis = parts[0].axis
        strange = next((part.axis for part in parts if part.axis is not axis and part.axis != axis), None)
        if strange is not None:
            raise DataError(
                f"two profiles of one column have different axes, {axis} and {strange}, and cannot be added. "
                "Profile both with the ruler of the project's first training"
            )
        bins, counts = sum_histograms([part.bins for part in parts], [part.counts for part in parts])
        value_counts = [part.value_counts for part in parts if part.value_counts is not None]
        return cls(
            axis=axis,
            rows=sum([part.rows for part in parts]),
            nulls=sum([part.nulls for part in parts]),
            positive_infinities=sum([part.positive_infinities for part in parts]),
            negative_infinities=sum([part.negative_infinities for part in parts]),
            bins=bins,
            counts=counts,
            minimum=min([part.minimum for part in parts if part.minimum is not None], default=None),
            maximum=max([part.maximum for part in parts if part.maximum is not None], default=None),
            total=sum([part.total for part in parts]),
            total_squares=sum([part.total_squares for part in parts]),
            value_counts=ValueCounts.of_all(value_counts, axis) if len(value_counts) == len(parts) else None,
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
            None
            if self.value_counts is None
            else (frozenset(self.value_counts.counts.items()), self.value_counts.registers),
        )


def profile_of_counter(counter: NumberCounter) -> NumberProfile:
    """Return the profile of the counted rows."""
    bins, counts = counter.histogram.ordered()
    return NumberProfile(
        axis=counter.axis,
        rows=counter.rows,
        nulls=counter.nulls,
        positive_infinities=counter.positive_infinities,
        negative_infinities=counter.negative_infinities,
        bins=bins,
        counts=counts,
        minimum=counter.minimum,
        maximum=counter.maximum,
        total=counter.total,
        total_squares=counter.total_squares,
        value_counts=counter.value_counts.found(),
    )
