"""How far one column's profile is from its reference: plain functions, found by name in `DISTANCES`.

All compare the rows that have a value; rows without one are compared by `null_share`, so that a burst of nulls is told
from a change of what is there. When either side has no value at all there is nothing to compare and the distance is 0.
A distance is 0 or more, and 0 when both sides are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.drift.aligned import categories_aligned, groups_aligned, numbers_aligned
from tasks.profiles import ColumnProfile
from tasks.profiles.axis import edges_of

Distance = Callable[[ColumnProfile, ColumnProfile], float]


def psi(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the population stability index: the sum of (q - p) ln(q / p) over categories or reference deciles.

    A cell empty on one side counts as half a row there. By custom .1 is worth a look and .25 is a change; both ignore
    the number of rows, which is why alarms do not rest on it.

    Examples
    --------
    One half becomes three quarters: .25 ln 1.5 + .25 ln 2 = .25 ln 3 = .2747.

    >>> from tasks.profiles import CategoryProfile
    >>> before, after = CategoryProfile(4, 0, {"a": 2, "b": 2}), CategoryProfile(4, 0, {"a": 3, "b": 1})
    >>> round(psi(before, after), 4)
    0.2747

    References
    ----------
    Siddiqi, Credit Risk Scorecards, 2006, chapter 10.
    """
    aligned = groups_aligned(reference, new, "psi")
    if not aligned.comparable:
        return 0.0
    p, q = aligned.smoothed_shares
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the Jensen-Shannon distance over categories or reference deciles: root of the bits, 0 to 1.

    Examples
    --------
    Nothing in common is as far as can be.

    >>> from tasks.profiles import CategoryProfile
    >>> jensen_shannon(CategoryProfile(3, 0, {"a": 3}), CategoryProfile(5, 0, {"b": 5}))
    1.0

    References
    ----------
    Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37, 1991.
    """
    aligned = groups_aligned(reference, new, "jensen_shannon")
    if not aligned.comparable:
        return 0.0
    p, q = aligned.shares
    middle = (p + q) / 2
    divergence = sum(float(np.sum(s[s > 0] * np.log2(s[s > 0] / middle[s > 0]))) for s in (p, q)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def wasserstein(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the Wasserstein-1 distance of two number columns, in scales of the ruler: standard deviations at its fit.

    It is the mean distance that values must be carried to turn one distribution into the other, the area between the
    two cumulative curves: a shift of every value by half a standard deviation measures 0.5.

    Examples
    --------
    Half of the rows move from 0 to 1.

    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, Axis, profile
    >>> ruler = Ruler(numbers={"x": Axis(0.0, 1.0)})
    >>> before, after = (profile(pd.DataFrame({"x": x}), ruler).columns["x"] for x in ([0.0, 0.0], [0.0, 1.0]))
    >>> round(wasserstein(before, after), 2)
    0.5

    References
    ----------
    Vallender, Calculation of the Wasserstein distance between probability distributions on the line, 1974.
    """
    bins, aligned = numbers_aligned(reference, new, "wasserstein")
    if not aligned.comparable:
        return 0.0
    p, q = aligned.shares
    low, high = edges_of(bins)
    return float(np.abs(np.cumsum(q - p)[:-1]) @ np.diff((low + high) / 2))


def kolmogorov_smirnov(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the largest gap between the cumulative curves of two number columns, 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, Axis, profile
    >>> ruler = Ruler(numbers={"x": Axis(0.0, 1.0)})
    >>> before, after = (profile(pd.DataFrame({"x": x}), ruler).columns["x"] for x in ([0.0, 1.0, 2.0, 3.0], [3.0]))
    >>> kolmogorov_smirnov(before, after)
    0.75
    """
    _, aligned = numbers_aligned(reference, new, "kolmogorov_smirnov")
    if not aligned.comparable:
        return 0.0
    p, q = aligned.shares
    return float(np.abs(np.cumsum(q - p)).max())


def total_variation(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the share of rows that would have to change category, 0 to 1.

    Examples
    --------
    Of four rows one moved from b to a.

    >>> from tasks.profiles import CategoryProfile
    >>> total_variation(CategoryProfile(4, 0, {"a": 2, "b": 2}), CategoryProfile(4, 0, {"a": 3, "b": 1}))
    0.25
    """
    aligned = categories_aligned(reference, new, "total_variation")
    if not aligned.comparable:
        return 0.0
    p, q = aligned.shares
    return float(np.abs(q - p).sum() / 2)


def null_share(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the change of the share of rows whose value is null or infinite, 0 to 1; 0 when a side has no rows.

    Examples
    --------
    None of four rows before, one of two after.

    >>> from tasks.profiles import CategoryProfile
    >>> null_share(CategoryProfile(4, 0, {"a": 4}), CategoryProfile(2, 1, {"a": 1}))
    0.5
    """
    if not reference.rows or not new.rows:
        return 0.0
    return abs(new.present / new.rows - reference.present / reference.rows)


DISTANCES: dict[str, Distance] = {
    "psi": psi,
    "jensen_shannon": jensen_shannon,
    "wasserstein": wasserstein,
    "kolmogorov_smirnov": kolmogorov_smirnov,
    "total_variation": total_variation,
    "null_share": null_share,
}
