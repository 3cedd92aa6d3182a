"""Day effects: how far the mean of a day is from the mean of all days, and how long that lasts.

The mean of a day is the lasting mean, plus the effect of the day, plus the chance of its rows. Day effects follow a
first-order autoregression with a variance and a correlation of neighbouring days. Neither is known: a history of a few
months has the information of a few independent weeks where days resemble each other. Every pair of a grid gets its
probability from the history (a Kalman filter gives the likelihood; the lasting mean is integrated out), and a margin is
averaged over all pairs. An estimate put in for the pair would be too small exactly where days resemble each other most.

Assumptions: effects are stationary, and half of an effect is gone after a week at most. What lasts longer than a window
of a week is a change, not an effect of a day, and is to be reported as one.

Notes
-----
Restricted likelihood: D. Harville (1977), JASA 72(358). Uniform prior on the standard deviation of a group effect: A.
Gelman (2006), Bayesian Analysis 1(3). Long-run variance of a mean of dependent days: W. Newey and K. West (1987),
Econometrica 55(3), of which v (1 + r) / (1 - r) is the value for an autoregression (Bayley and Hammersley 1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray
from tasks.statistics.day_dependence import CORRELATIONS, long_run_factor
from tasks.statistics.day_sums import DaySums

DEVIATIONS = 30  # steps of the standard deviation of day effects, from 0
LARGEST_DEVIATION = 3.0  # in standard deviations of the daily means of the history
NEGLIGIBLE = 1e-12
FEWEST_DAYS = 10
SHORTEST_REGIME = 7  # days on either side of a change
SURE_ERRORS = 2  # standard errors
CHANGE_LEVEL = 0.02  # probability of "no change" below which a change is sure, as of a false retraining in a year


@dataclass(frozen=True, slots=True, eq=False)
class DayEffects:
    """What a history says about the variance of a mean over days.

    Parameters
    ----------
    row_variance : float
        Variance of one row around the mean of its day.
    variances, correlations : array, shape (k,)
        Every pair that is possible: the variance of day effects, and the correlation of neighbouring days.
    probabilities : array, shape (k,)
        Probability of each pair; they sum to one.
    skewness : float
        Skewness of the means of days: a loss has rare days with a large mean.
    skewness_error : float
        Its standard error.
    """

    row_variance: float
    variances: FloatArray
    correlations: FloatArray
    probabilities: FloatArray
    skewness: float = 0.0
    skewness_error: float = 0.0

    @property
    def short_tail(self) -> float:
        """Skewness to be reckoned with on the side of the short tail: as short as two standard errors make sure.

        Where not even the side is sure, either tail may be the long one.

        >>> none = np.zeros(1), np.zeros(1), np.ones(1)
        >>> DayEffects(1.0, *none, 1.0, 0.25).short_tail, DayEffects(1.0, *none, 1.0, 2.0).short_tail
        (-0.5, 1.0)
        """
        size = abs(self.skewness)
        return min(SURE_ERRORS * self.skewness_error - size, size)

    @property
    def long_run(self) -> FloatArray:
        """Variance of a day's effect, times the days for which it counts, for every pair."""
        return self.variances * (1 + self.correlations) / (1 - self.correlations)

    def mean_variance(self, span: DaySums) -> FloatArray:
        """Return the variance of the mean of a span, for every pair.

        Examples
        --------
        Two days of two rows of variance 1 give 1 / 4. Effects of variance 3 add 3 / 2; with a correlation of one half
        the mean of two effects has 3 (1 + .5) / 2.

        >>> span = DaySums(np.arange(2), np.full(2, 2.0), np.zeros(2), np.zeros(2))
        >>> pairs = np.array([0.0, 3.0, 3.0]), np.array([0.0, 0.0, 0.5]), np.full(3, 1 / 3)
        >>> DayEffects(1.0, *pairs).mean_variance(span).tolist()
        [0.25, 1.75, 2.5]
        """
        days, r = span.effective_days, self.correlations
        together = (1 + r) / (1 - r) - 2 * r * (1 - r**days) / (days * (1 - r) ** 2)
        return np.asarray(self.row_variance / span.count + self.variances * np.maximum(together, 1.0) / days)

    def mean_deviation(self, span: DaySums) -> float:
        """Return the standard deviation of the mean of a span, over all pairs.

        >>> span = DaySums(np.arange(2), np.full(2, 2.0), np.zeros(2), np.zeros(2))
        >>> DayEffects(1.0, np.array([0.0, 1.5]), np.zeros(2), np.array([0.0, 1.0])).mean_deviation(span)  # 1/4 + 3/4
        1.0
        """
        return float(np.sqrt(self.probabilities @ self.mean_variance(span)))


def fit_day_effects(history: DaySums) -> DayEffects:
    """Return what a history says about day effects.

    Parameters
    ----------
    history : DaySums
        At least ten days; with fewer every pair stays as probable as before.

    Examples
    --------
    Days that alternate around 0 by less than their rows explain have next to no effects.

    >>> sums = np.tile([1.0, -1.0], 50)
    >>> quiet = DaySums(np.arange(100), np.full(100, 100.0), sums, np.full(100, 100.0))
    >>> effects = fit_day_effects(quiet)
    >>> bool(effects.long_run @ effects.probabilities < 0.05)
    True
    """
    grid = _Grid.of(history)
    filtered = grid.filtered(history, np.ones((len(history.days), 0)))
    weights = np.exp(grid.log_weights(filtered, len(history.days)))
    kept = weights > NEGLIGIBLE
    probabilities = weights[kept] / weights[kept].sum()
    pairs = grid.variances[kept], grid.correlations[kept], probabilities
    return DayEffects(history.row_variance, *pairs, _skewness(history), _skewness_error(history))


def _skewness(history: DaySums) -> float:
    """Return the skewness of the means of days; 0 where days do not differ.

    >>> _skewness(DaySums(np.arange(4), np.ones(4), np.array([0.0, 0.0, 0.0, -4.0]), np.zeros(4))).__round__(3)
    -1.155
    """
    apart = history.sums / history.rows - (history.sums / history.rows).mean()
    power = float((apart**2).mean())
    return float((apart**3).mean()) / power**1.5 if power > 0 else 0.0


def _skewness_error(history: DaySums) -> float:
    """Return the standard error of the skewness of means of days: of n independent normal ones, about sqrt(6 / n).

    >>> ones = np.ones(24)
    >>> _skewness_error(DaySums(np.arange(24), ones, np.tile([1.0, -1.0], 12), ones))
    0.5
    """
    apart = history.sums / history.rows - (history.sums / history.rows).mean()
    return math.sqrt(6 * long_run_factor(apart) / max(len(apart), 1))


def newest_regime(history: DaySums, alpha: float = CHANGE_LEVEL) -> int:
    """Return the position of the first day since the newest lasting change of the mean; 0 where none is sure.

    Every day may be the first of a new mean. The change is drawn from a normal distribution with the variance of one
    row around the mean of all days (unit information; R. Kass and L. Wasserman 1995, JASA 90(431)). A change is sure
    when "no change", which is as probable as a change beforehand, has a probability below `alpha` afterwards. Day
    effects are averaged over, so that a slow wave of resembling days is no change.

    Examples
    --------
    The mean moves from 0 to 1 after 40 of 60 days, with a hundred rows of variance 1 a day.

    >>> sums = np.where(np.arange(60) < 40, 0.0, 100.0) + np.tile([5.0, -5.0], 30)
    >>> newest_regime(DaySums(np.arange(60), np.full(60, 100.0), sums, sums**2 / 100 + 100), alpha=0.02)
    40
    """
    count = len(history.days)
    starts = np.arange(SHORTEST_REGIME, count - SHORTEST_REGIME + 1)
    if len(starts) < 1 or history.row_variance == 0:
        return 0
    grid = _Grid.of(history)
    found = grid.filtered(history, (np.arange(count)[:, None] >= starts).astype(np.float64))
    known = 1 / (history.row_variance + float((history.sums / history.rows).var()))
    information = found.steps - found.step_ones**2 / found.ones
    effect = found.step_products - found.products * found.step_ones / found.ones
    gains = np.log(known / (known + information)) / 2 + effect**2 / (known + information) / 2
    # Against "no change", for every first day: averaged over pairs, each as probable as without a change.
    by_day = np.logaddexp.reduce(grid.log_weights(found, count) + gains, axis=1)
    evidence = float(np.logaddexp.reduce(by_day)) - math.log(len(starts))
    return int(starts[by_day.argmax()]) if evidence > math.log((1 - alpha) / alpha) else 0


@dataclass(frozen=True, slots=True, eq=False)
class _Filtered:
    """Sums over days of products of surprises, in units of their variance: of the means, of ones, and of steps."""

    logs: FloatArray
    squares: FloatArray
    products: FloatArray
    ones: FloatArray
    steps: FloatArray
    step_ones: FloatArray
    step_products: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Every pair of a variance and a correlation of day effects that is considered."""

    variances: FloatArray
    correlations: FloatArray

    @classmethod
    def of(cls, history: DaySums) -> _Grid:
        """Return the grid for a history: deviations up to three times that of its daily means."""
        means, noise = history.sums / history.rows, history.row_variance / history.rows
        scale = float(np.sqrt(max(float(means.var()), float(noise.mean()))))
        deviations = np.arange(DEVIATIONS + 1) * (LARGEST_DEVIATION * scale / DEVIATIONS)
        variances, correlations = (part.ravel() for part in np.meshgrid(deviations**2, CORRELATIONS))
        return cls(variances, correlations)

    def log_weights(self, filtered: _Filtered, days: int) -> FloatArray:
        """Return the logarithm of the probability of every pair."""
        logs = -(filtered.logs + np.log(filtered.ones) + filtered.squares - filtered.products**2 / filtered.ones) / 2
        if days < FEWEST_DAYS or not np.isfinite(logs).all():
            logs = np.zeros(len(logs))
        return np.asarray(logs - np.logaddexp.reduce(logs))

    def filtered(self, history: DaySums, steps: FloatArray) -> _Filtered:
        """Run a Kalman filter over the daily means, over ones, and over the columns of `steps`, for every pair."""
        columns = np.column_stack([history.sums / history.rows, np.ones(len(history.days)), steps])
        noise, gaps = history.row_variance / history.rows, np.diff(history.days, prepend=history.days[0])
        predicted, spread = np.zeros((columns.shape[1], len(self.variances))), self.variances.copy()
        logs = np.zeros(len(self.variances))
        with_mean, with_ones, own = (np.zeros(predicted.shape) for _ in range(3))
        for row, chance, gap in zip(columns, noise, gaps, strict=True):
            fading = self.correlations**gap
            predicted, spread = predicted * fading, spread * fading**2 + self.variances * (1 - fading**2)
            whole = np.maximum(spread + chance, np.finfo(float).tiny)
            surprise = row[:, None] - predicted
            logs += np.log(whole)
            with_mean += surprise * (surprise[0] / whole)
            with_ones += surprise * (surprise[1] / whole)
            own += surprise**2 / whole
            predicted, spread = predicted + surprise * (spread / whole), spread * (1 - spread / whole)
        return _Filtered(logs, own[0], with_mean[1], own[1], own[2:], with_ones[2:], with_mean[2:])
