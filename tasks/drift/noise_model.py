"""Noise model: how means of bounded scores vary from period to period without drift, and how far they may move.

The mean of a period differs from the mean that its date predicts by sampling noise, which shrinks with the rows, and by
the swing from day to day, which does not. The noise of one row is estimated from the reference as a whole. The swing is
the variation of the periods of the reference beyond that noise, by moments (DerSimonian and Laird, Controlled Clinical
Trials 7, 1986):

    dispersion = sum of rows * residual^2 / (row variance * degrees of freedom);  1 where there is only noise

A dispersion from few periods is uncertain, and the smallest of hundreds would be far too small. So each dispersion is
shrunk towards the common one, the more the better the features agree (Smyth, Statistical Applications in Genetics 3,
2004). Autocorrelated periods carry less information than their number: with a lag-1 correlation r they count
(1 - r^2) / (1 + r^2) as much for the swing, and their mean is (1 + r) / (1 - r) times as uncertain (Bayley and
Hammersley, Suppl. J. Royal Stat. Soc. 8, 1946). Whether r is clear is not tested: a correlation that few periods do not
show would count as none, and the swing as known too well.

A mean of n rows on one date then stays, at level alpha, within

    hypot(z sqrt(v (1/n + a)),  t sqrt(swing^2 (1 + b)))

z is the normal quantile corrected for skewness (Cornish and Fisher, 1938), t is Student's quantile, and a and b are the
uncertainty of the expected mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.period_scatter import FEWEST_DEGREES, PeriodScatter, ScoreMoments, dispersion_of
from tasks.drift.quantiles import normal_quantile, student_quantile
from tasks.drift.seasonality import SeasonalFit, fit_patterns

FEWEST_INDEPENDENT = 2  # periods
MODERATE_ALPHA = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedShift:
    """The means of a window minus the means that its date predicts, by feature and in the feature's unit.

    `shift` is signed; `noise` is the standard deviation of sampling, `swing` that from day to day, `doubt` that of the
    mean of the reference, which is the same every night.
    """

    shift: FloatArray
    rows: FloatArray
    noise: FloatArray
    swing: FloatArray
    doubt: FloatArray


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """How all features of a reference vary without drift."""

    row: ScoreMoments
    fits: list[SeasonalFit]
    chosen: IntArray
    period_rows: FloatArray
    swing: FloatArray
    degrees: FloatArray
    lasting: FloatArray

    def shift(self, sums: FloatArray, rows: FloatArray, day: date) -> ExpectedShift:
        """Return the means of a window minus those expected on its date; 0 without rows."""
        expected, sampling, swinging = (np.empty(len(sums)) for _ in range(3))
        for index, fit in enumerate(self.fits):
            features = self.chosen == index
            weights = fit.weights(day)
            expected[features] = fit.expected(day)[features]
            sampling[features] = weights**2 @ (1 / self.period_rows)
            swinging[features] = weights @ weights
        positive_rows = np.maximum(rows, 1.0)
        moved = np.where(rows > 0, sums / positive_rows - expected, 0.0)
        noise = np.sqrt(self.row.variance * (1 / positive_rows + sampling))
        return ExpectedShift(
            moved, positive_rows, noise, self.swing * np.sqrt(1 + swinging * self.lasting), self._doubt
        )

    def leeway(self, expected_shift: ExpectedShift, alpha: float) -> FloatArray:
        """Return how far each feature may move in either direction; it moves farther with probability alpha."""
        z = normal_quantile(alpha)
        skewed = z + np.abs(self.row.skewness) * max(z * z - 1, 0.0) / (6 * np.sqrt(expected_shift.rows))
        return np.asarray(np.hypot(skewed * expected_shift.noise, self.quantiles(alpha) * expected_shift.swing))

    def unit(self, expected_shift: ExpectedShift) -> FloatArray:
        """Return the standard unit of a shift, for sums over nights.

        It is wider by the ratio of Student's quantile to the normal one at one in a hundred, and by the
        autocorrelation of nights.
        """
        wider = self.quantiles(MODERATE_ALPHA) / normal_quantile(MODERATE_ALPHA)
        return np.asarray(np.hypot(expected_shift.noise, wider * expected_shift.swing * np.sqrt(self.lasting)))

    def quantiles(self, alpha: float) -> FloatArray:
        """Return Student's two-sided quantile of each feature at level alpha."""
        if alpha not in self._quantiles:
            degrees, inverse = np.unique(self.degrees, return_inverse=True)
            self._quantiles[alpha] = np.array([student_quantile(alpha, float(degree)) for degree in degrees])[inverse]
        return self._quantiles[alpha]

    @cached_property
    def _quantiles(self) -> dict[float, FloatArray]:
        """The quantiles computed so far, by level: a project has few levels."""
        return {}

    @cached_property
    def _doubt(self) -> FloatArray:
        """The standard deviation of the mean of the reference."""
        mean = self.period_rows / self.period_rows.sum()
        return np.asarray(
            np.sqrt(self.row.variance / self.period_rows.sum() + self.swing**2 * (mean @ mean) * self.lasting)
        )


def fit_noise_model(
    days: Sequence[date],
    sums: FloatArray,
    rows: FloatArray,
    row: ScoreMoments,
    kinds: IntArray | None = None,
    *,
    resemblance: FloatArray | float = 0.0,
) -> NoiseModel:
    """Fit the noise model to the periods of a reference.

    Parameters
    ----------
    days : sequence of date
        First day of each of m periods, ascending.
    sums, rows : ndarray, shape (m, features)
        Sum of scores and number of rows, by period and feature.
    row : ScoreMoments
        Moments of the score of one row.
    kinds : ndarray of int, optional
        The kind of each feature; features of one kind share the shape of their swing.
    resemblance : ndarray, optional
        The least lag-1 correlation of the periods, as shorter periods show it: `resemblance_of_blocks`.
    """
    means = np.where(rows > 0, sums / np.maximum(rows, 1.0), row.mean)
    weights = np.maximum(rows.max(axis=1), 1.0)
    pattern_fits, chosen = fit_patterns(days, means, weights)
    features = np.arange(means.shape[1])
    left = np.array([fit.left for fit in pattern_fits], dtype=np.float64)[chosen]
    if left.max() < 1:
        nothing = np.zeros(len(features))
        return NoiseModel(row, pattern_fits, chosen, weights, nothing, nothing + FEWEST_DEGREES, nothing + 1)
    residuals = np.stack([fit.residuals for fit in pattern_fits])[chosen, :, features].T
    present = np.maximum(rows.sum(axis=0) / weights.sum(), 1e-9)  # less than 1 in a column that is often null
    correlation = _correlation(residuals * np.sqrt(weights)[:, None], resemblance)
    lasting = (1 + correlation) / (1 - correlation)
    independent = len(days) / lasting
    scatter = PeriodScatter(
        residuals=residuals * np.sqrt(weights)[:, None] / np.sqrt(row.variance / present),
        left=np.maximum(left, 1),
        counted=left * (1 - correlation**2) / (1 + correlation**2),
        hidden=np.where(lasting > 1, independent / np.maximum(independent - 1, 1), 1.0),
        usual_rows=float(np.median(weights)) * present,
    )
    dispersion, degrees = dispersion_of(scatter, row, kinds)
    room = np.array([weights @ (1 - fit.leverage) for fit in pattern_fits])[chosen]
    excess = np.maximum(dispersion - 1, 0) * scatter.left / np.maximum(room, 1e-9)
    return NoiseModel(row, pattern_fits, chosen, weights, np.sqrt(row.variance / present * excess), degrees, lasting)


def resemblance_of_blocks(days: NoiseModel, length: int) -> FloatArray:
    """Return the lag-1 correlation of the means of so many days each, where a day depends on the one before it.

    With a correlation r of neighbouring days, r^k of days k apart, it is r (1 - r^m)^2 / (m (1 - r^2) - 2 r (1 - r^m))
    for m days (the ratio of the covariance of two sums of an autoregressive process to the variance of one).
    """
    r = (days.lasting - 1) / (days.lasting + 1)
    faded = 1 - r**length
    return np.asarray(r * faded**2 / np.maximum(length * (1 - r**2) - 2 * r * faded, 1e-12))


def _correlation(standard: FloatArray, least: FloatArray | float = 0.0) -> FloatArray:
    """Return the lag-1 correlation of the periods of each feature, without the bias of few periods, and at least 0.

    The estimate r from n periods around their own mean is too small by (1 + 4 r) / n (Marriott and Pope, Biometrika 41,
    1954). It is at most what leaves two independent periods: fewer show no swing.

    Examples
    --------
    Six periods up and six down: r is (5 - 1 + 5) / 12, and (12 r + 1) / 8 more than the 5 / 7 that leaves two of
    twelve. In turn up and down they are no sign of periods that resemble each other.

    >>> half, turn = np.repeat([1.0, -1.0], 6), np.tile([1.0, -1.0], 6)
    >>> _correlation(np.stack([half, turn], axis=1)).round(3).tolist()
    [0.714, 0.0]
    """
    periods = len(standard)
    power = np.maximum((standard**2).sum(axis=0), 1e-300)
    found = (standard[1:] * standard[:-1]).sum(axis=0) / power
    unbiased = (periods * found + 1) / max(periods - 4, 1)
    most = max((periods - FEWEST_INDEPENDENT) / (periods + FEWEST_INDEPENDENT), 0.0)
    return np.asarray(np.clip(np.maximum(unbiased, least), 0.0, most))
