"""The axis of one number column: the position of its bins, the same for every profile of a project.

A value x becomes z = (x - center) / scale, and z falls into a bin by the upper 16 bits of its float32 form: one sign,
eight bits of exponent, seven of mantissa. Bins are therefore fine near the center, where most rows are, and never wider
than 1/128 of the distance from it, and no edge has to be chosen. Shift and scale are applied first because a column
with a large offset (prices around 500,000, ids, years) would otherwise occupy a handful of bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.arrays import BinArray, FloatArray, IntArray, NumberArray

FARTHEST = 2.0**20  # the largest distance that is counted, in scales; minimum and maximum stay exact
EXACT_INTEGERS = 2.0**53  # above, float64 no longer holds every integer
ALL_BINS = 1 << 16
ZERO_BIN = 0x8000  # bins are numbered in the order of their values; this one starts at z = 0
GROSS = 10.0  # values farther from the center than this many ranges (1 % to 99 %) do not widen the scale


@dataclass(frozen=True, slots=True)
class Axis:
    """Center and scale of one number column.

    Parameters
    ----------
    center : float
        Median of the column at the first training, in the data's units.
    scale : float
        Standard deviation then, in the data's units; 1.0 when the column was constant or empty.
    pins : tuple of float
        Values other than 0 that were frequent then, ascending; their rows are always counted (see `value_counts`).

    Examples
    --------
    Center 10 and scale 2: 14 is two scales above, 9 half a scale below.

    >>> Axis(center=10.0, scale=2.0).z(np.array([14.0, 10.0, 9.0])).tolist()
    [2.0, 0.0, -0.5]
    """

    center: float = 0.0
    scale: float = 1.0
    pins: tuple[float, ...] = ()

    def z(self, values: NumberArray) -> FloatArray:
        """Return finite values in scales from the center, clipped to plus and minus `FARTHEST`."""
        with np.errstate(over="ignore"):
            return np.clip(_difference(values, self.center) / self.scale, -FARTHEST, FARTHEST)

    def value(self, z: float) -> float:
        """Return the value, in the units of the data, at `z` scales from the center."""
        return self.center + self.scale * z


def fit_axis(values: NumberArray) -> Axis:
    """Fit the axis to finite values: their lower median, and their standard deviation about the mean.

    The lower median is one of the values, so that integers and huge numbers are represented exactly. Values farther
    from it than ten times the range between the 1 % and 99 % quantiles are clipped to that distance before the standard
    deviation is computed, because a single mistyped price would otherwise hide all other changes.

    Examples
    --------
    The median of 1..5 is 3; the squared distances are 4, 1, 0, 1, 4, their mean is 2.

    >>> fit_axis(np.array([5.0, 1.0, 4.0, 2.0, 3.0])) == Axis(center=3.0, scale=2.0**0.5)
    True
    >>> fit_axis(np.array([7, 7, 7])) == Axis(center=7.0), fit_axis(np.array([])) == Axis()
    (True, True)
    """
    if values.size == 0:
        return Axis()
    middle = (values.size - 1) // 2
    center = float(np.partition(values, middle)[middle]) + 0.0  # never -0.0
    rounding = 0.0 if values.dtype.kind in "iu" else float(np.spacing(abs(center)))
    with np.errstate(over="ignore"):
        distances = np.clip(_difference(values, center), -1e300, 1e300)
        bottom, top = np.quantile(distances, [0.01, 0.99])
        gross = GROSS * float(top - bottom)
        if gross > 0:
            distances = np.clip(distances, -gross, gross)
        largest = float(np.abs(distances).max())
    scale = largest * float(np.std(distances / largest)) if largest > 0 else 0.0
    return Axis(center, scale if scale > rounding else 1.0)


def bin_edges(bins: BinArray) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper edge of each bin, in scales from the center.

    Examples
    --------
    Of 1.0 the upper bits are 0x3F80; its bin is one 128th wide, for seven bits of mantissa. Below the bin that starts
    at 0 is its mirror image.

    >>> bins = np.array([ZERO_BIN | 0x3F80, 0x7FFF - 0x3F80], dtype=np.uint16)
    >>> [edge.tolist() for edge in bin_edges(bins)]
    [[1.0, -1.0078125], [1.0078125, -1.0]]
    """
    positive = bins >= ZERO_BIN
    magnitude = np.where(positive, bins & 0x7FFF, 0x7FFF - bins.astype(np.int64)).astype(np.uint32)
    near = (magnitude << np.uint32(16)).view(np.float32).astype(np.float64)
    far = ((magnitude + np.uint32(1)) << np.uint32(16)).view(np.float32).astype(np.float64)
    return np.where(positive, near, -far), np.where(positive, far, -near)


def edge_text(value: float) -> str:
    """Return an edge of a bin in four digits; one of the bin around zero is shown as 0.

    >>> edge_text(2.451e-40), edge_text(1.0078125)
    ('0', '1.008')
    """
    return f"{0.0 if abs(value) < np.finfo(np.float32).eps else value:.4g}"


def sum_histograms(bins: Sequence[BinArray], counts: Sequence[IntArray]) -> tuple[BinArray, IntArray]:
    """Return the occupied bins of several histograms, ascending, and the sums of their counts.

    Examples
    --------
    >>> bins = [np.array([3, 7], dtype=np.uint16), np.array([7], dtype=np.uint16)]
    >>> [array.tolist() for array in sum_histograms(bins, [np.array([1, 2]), np.array([5])])]
    [[3, 7], [1, 7]]
    """
    all_bins = np.concatenate(bins)
    if not len(all_bins):
        return all_bins, np.zeros(0, dtype=np.int64)
    order = np.argsort(all_bins, kind="stable")  # of 16 bits a radix sort
    all_bins = all_bins[order]
    starts = np.flatnonzero(np.concatenate([[True], all_bins[1:] != all_bins[:-1]]))
    return all_bins[starts], np.add.reduceat(np.concatenate(counts)[order], starts)


def exact_number(value: np.generic) -> float:
    """Return a number as a float where that is exact, else as an int; zero without a sign.

    >>> exact_number(np.int64(7)), exact_number(np.float64(-0.0)), exact_number(np.int64(2**53 + 1))
    (7.0, 0.0, 9007199254740993)
    """
    as_float = float(value) + 0.0
    return as_float if value.dtype.kind == "f" or as_float == int(value) else int(value)


def _difference(values: NumberArray, center: float) -> FloatArray:
    """Return values minus the center; integers beyond 2**53 are subtracted in two exact halves of 32 bits."""
    floats = values.astype(np.float64)
    difference = floats - center
    if values.dtype.kind in "iu":
        large = np.abs(floats) >= EXACT_INTEGERS
        if large.any():
            integers = values[large].astype(np.uint64 if values.dtype.kind == "u" else np.int64)
            upper, lower = integers >> 32, integers & 0xFFFFFFFF
            center_upper = np.floor(center / 2.0**32)
            center_lower = center - center_upper * 2.0**32
            difference[large] = (upper - center_upper) * 2.0**32 + (lower - center_lower)
    return difference
