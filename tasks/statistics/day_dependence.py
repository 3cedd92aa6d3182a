"""By how much days that resemble their neighbours make the variance of a mean over days larger."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CORRELATIONS = np.linspace(0, 2 ** (-1 / 7), 20)  # of neighbouring days; the last has a half-life of a week


def long_run_factor(by_day: npt.ArrayLike) -> float:
    """Return the long-run variance of sums by day, in units of the variance of one day; at least 1.

    It is that of a first-order autoregression. The correlation of neighbouring days is estimated over all columns
    together, corrected for the bias of short series, from 0 to that of a half-life of a week (see `day_effects`).

    Parameters
    ----------
    by_day : array, shape (days,) or (days, columns)
        Sums of each day minus what is expected of them, in order of date.

    Examples
    --------
    The products of neighbours of 1, 1, -1, -1 are 1, -1 and 1, of squares that add up to 4: a correlation of 1 / 4,
    corrected by (1 + 3 / 4) / 4 to .6875, and 1.6875 / .3125 is 5.4. Days that alternate have a factor of 1.

    >>> long_run_factor([1.0, 1.0, -1.0, -1.0]), long_run_factor([1.0, -1.0, 1.0, -1.0])
    (5.4, 1.0)

    Notes
    -----
    Variance v (1 + r) / (1 - r): G. Bayley and J. Hammersley (1946), Supplement to the JRSS 8(2). Bias of r: F.
    Marriott and J. Pope (1954), Biometrika 41(3).
    """
    days = np.asarray(by_day, dtype=np.float64)
    squares = float((days**2).sum())
    if len(days) < 2 or squares == 0 or not np.isfinite(squares):  # noqa: PLR2004 - one day has no neighbour
        return 1.0
    found = float((days[1:] * days[:-1]).sum()) / squares
    correlation = min(max(found + (1 + 3 * found) / len(days), 0.0), float(CORRELATIONS[-1]))
    return (1 + correlation) / (1 - correlation)
