"""Quiet: how means of bounded scores behave from period to period while nothing is wrong, and so how far they may go.

A period's mean differs from what its date lets one expect by sampling noise, which shrinks with the rows, and by the
swing from day to day, which does not. The noise of one row is known from the reference as a whole. The swing is what
the reference's own periods show beyond it, by moments (DerSimonian and Laird, Controlled Clinical Trials 7, 1986):

    dispersion = sum of rows * residual^2 / (row variance * degrees of freedom);  1 where there is only noise

A dispersion from few periods is itself uncertain, and among hundreds of features the luckiest would look far too calm.
So features lend each other strength: each dispersion is drawn towards what is common among them, as strongly as the
features agree (Smyth, Statistical Applications in Genetics 3, 2004). Periods that follow each other closely say less
than their number: with a correlation r of neighbours they count (1 - r^2) / (1 + r^2) as much for the swing, and their
mean is (1 + r) / (1 - r) times as uncertain (Bayley and Hammersley, Suppl. J. Royal Stat. Soc. 8, 1946).

A mean of n rows on one date then stays, at level alpha, within

    hypot(z sqrt(v (1/n + a)),  t sqrt(swing^2 (1 + b)))

z is the normal quantile corrected for skewness (Cornish and Fisher, 1938), t Student's, and a and b say how well the
reference knows what to expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.seasonality import SeasonalFit, fit_patterns

FEWEST_DEGREES = 4.0  # fewer than five periods are taken for five, else there would be no bound at all
ENOUGH_TO_SHARE = 10  # features from which a common dispersion can be learnt
CLEARLY = 1.645  # standard errors by which neighbours must resemble each other, one in twenty
CLOSEST = 0.95
MODERATE = 0.01
MOSTLY_SWING = 2.0  # dispersion: as much swing as noise
JUDGED_BY_MEAN = 5.0  # rows of a cell in a period


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMoments:
    """One row's score of each feature in the reference: mean, variance, skewness, excess kurtosis."""

    mean: FloatArray
    variance: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedShift:
    """A night's means against what their date lets one expect.

    `shift` is signed, `noise` the standard deviation of sampling, `swing` that from day to day, `doubt` that of the
    reference's mean, which is the same every night, all in the feature's unit.
    """

    shift: FloatArray
    rows: FloatArray
    noise: FloatArray
    swing: FloatArray
    doubt: FloatArray


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """What is normal, for all features of a reference."""

    row: ScoreMoments
    fits: list[SeasonalFit]
    chosen: IntArray
    period_rows: FloatArray
    swing: FloatArray
    degrees: FloatArray
    lasting: FloatArray

    def shift(self, sums: FloatArray, rows: FloatArray, day: date) -> ExpectedShift:
        """Return how far the means of a night lie from what is expected on its date; 0 without rows."""
        expected, known, steady = (np.empty(len(sums)) for _ in range(3))
        for place, fit in enumerate(self.fits):
            mine = self.chosen == place
            weights = fit.weights(day)
            expected[mine] = fit.expected(day)[mine]
            known[mine] = weights**2 @ (1 / self.period_rows)
            steady[mine] = weights @ weights
        some = np.maximum(rows, 1.0)
        moved = np.where(rows > 0, sums / some - expected, 0.0)
        noise = np.sqrt(self.row.variance * (1 / some + known))
        return ExpectedShift(moved, some, noise, self.swing * np.sqrt(1 + steady * self.lasting), self._doubt)

    def leeway(self, found: ExpectedShift, alpha: float) -> FloatArray:
        """Return how far each feature may be off, either way, with probability alpha."""
        z = normal_quantile(alpha)
        skewed = z + np.abs(self.row.skewness) * max(z * z - 1, 0.0) / (6 * np.sqrt(found.rows))
        return np.asarray(np.hypot(skewed * found.noise, self.quantiles(alpha) * found.swing))

    def unit(self, found: ExpectedShift) -> FloatArray:
        """Return the standard unit of a shift, for what adds up over nights.

        It is widened as much as Student's quantile is wider than the normal's at one in a hundred, and by how much
        nights in a row resemble each other.
        """
        wider = self.quantiles(MODERATE) / normal_quantile(MODERATE)
        return np.asarray(np.hypot(found.noise, wider * found.swing * np.sqrt(self.lasting)))

    def quantiles(self, alpha: float) -> FloatArray:
        """Return how many of its swings each feature passes, either way, with probability alpha."""
        if alpha not in self._quantiles:
            degrees, inverse = np.unique(self.degrees, return_inverse=True)
            self._quantiles[alpha] = np.array([student_quantile(alpha, float(each)) for each in degrees])[inverse]
        return self._quantiles[alpha]

    @cached_property
    def _quantiles(self) -> dict[float, FloatArray]:
        """The quantiles that were asked for, by level: a project has few levels."""
        return {}

    @cached_property
    def _doubt(self) -> FloatArray:
        """The standard deviation of the reference's mean."""
        mean = self.period_rows / self.period_rows.sum()
        return np.asarray(
            np.sqrt(self.row.variance / self.period_rows.sum() + self.swing**2 * (mean @ mean) * self.lasting)
        )


def fit_noise_model(
    days: Sequence[date], sums: FloatArray, rows: FloatArray, row: ScoreMoments, kinds: IntArray | None = None
) -> NoiseModel:
    """Learn what is normal from the periods of a reference.

    Parameters
    ----------
    days : sequence of date
        First day of each of m periods, ascending.
    sums, rows : ndarray, shape (m, features)
        Sum of scores and rows, of each period and feature.
    row : Row
        One row's score.
    kinds : ndarray of int, optional
        Features of one kind swing alike and lend each other the shape of their swing.
    """
    means = np.where(rows > 0, sums / np.maximum(rows, 1.0), row.mean)
    weights = np.maximum(rows.max(axis=1), 1.0)
    found, chosen = fit_patterns(days, means, weights)
    features = np.arange(means.shape[1])
    left = np.array([fit.left for fit in found], dtype=np.float64)[chosen]
    if left.max() < 1:
        nothing = np.zeros(len(features))
        return NoiseModel(row, found, chosen, weights, nothing, nothing + FEWEST_DEGREES, nothing + 1)
    residuals = np.stack([fit.residuals for fit in found])[chosen, :, features].T
    present = np.maximum(rows.sum(axis=0) / weights.sum(), 1e-9)  # less than 1 in a column that is often null
    resemblance = _resemblance(residuals, np.sqrt(weights))
    lasting = (1 + resemblance) / (1 - resemblance)
    independent = len(days) / lasting
    seen = _Seen(
        residuals=residuals * np.sqrt(weights)[:, None] / np.sqrt(row.variance / present),
        left=np.maximum(left, 1),
        counted=left * (1 - resemblance**2) / (1 + resemblance**2),
        hidden=np.where(lasting > 1, independent / np.maximum(independent - 1, 1), 1.0),
        usual_rows=float(np.median(weights)) * present,
    )
    dispersion, degrees = _dispersion(seen, row, kinds)
    room = np.array([weights @ (1 - fit.leverage) for fit in found])[chosen]
    excess = np.maximum(dispersion - 1, 0) * seen.left / np.maximum(room, 1e-9)
    return NoiseModel(row, found, chosen, weights, np.sqrt(row.variance / present * excess), degrees, lasting)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What periods leave unexplained: residuals in units of sampling noise, and what each feature's are worth.

    `left` are degrees of freedom, `counted` what they are worth when neighbours resemble each other, `hidden` by how
    much the periods' own mean hides their swing then, `usual_rows` the rows of a period.
    """

    residuals: FloatArray
    left: FloatArray
    counted: FloatArray
    hidden: FloatArray
    usual_rows: FloatArray


def _dispersion(seen: _Seen, row: ScoreMoments, kinds: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Return each feature's dispersion, drawn towards what is common, and the degrees of freedom it is known with."""
    own = (seen.residuals**2).sum(axis=0) / seen.left * seen.hidden
    counted = seen.counted * 2 / (2 + np.maximum(row.kurtosis, 0) / np.median(seen.usual_rows))
    judged = np.minimum(row.variance * 4, 1) * seen.usual_rows > JUDGED_BY_MEAN
    common, weight = _common(own[judged], counted[judged])
    pull = 1.0 if np.isinf(weight) else weight / (weight + counted)
    drawn = pull * common + (1 - pull) * own
    standard = seen.residuals / np.sqrt(np.maximum(own, 1e-300))
    heavy = _degrees_of_tail(standard, drawn, kinds) if kinds is not None else np.inf
    return drawn, np.clip(np.minimum(counted + weight, heavy), FEWEST_DEGREES, 1e6).round(1)


def _resemblance(residuals: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the correlation of neighbouring periods where it is clear, else 0."""
    standard = residuals * scale[:, None]
    power = np.maximum((standard**2).sum(axis=0), 1e-300)
    found = (standard[1:] * standard[:-1]).sum(axis=0) / power
    clear = found > CLEARLY / np.sqrt(max(len(standard), 1))
    return np.where(clear, np.minimum(found, CLOSEST), 0.0)


def _degrees_of_tail(standard: FloatArray, dispersion: FloatArray, kinds: IntArray) -> FloatArray:
    """Return for each feature the degrees of freedom of Student's t whose kurtosis its kind's swing has.

    t with v degrees has an excess kurtosis of 6 / (v - 4). What noise there is hides some of the swing's own. A kind is
    judged by its features in which swing is half of what is seen, and only where the kurtosis is two standard errors
    above the normal's, 24 / n (Fisher, 1930).
    """
    found = np.full(standard.shape[1], np.inf)
    for each in np.unique(kinds):
        swung = (kinds == each) & (dispersion > MOSTLY_SWING) & (standard != 0).any(axis=0)
        seen = standard[:, swung]
        if swung.sum() < FEWEST_DEGREES:
            continue
        part = (dispersion[swung] / (dispersion[swung] - 1)) ** 2
        excess = float(((seen**4).mean(axis=0) / (seen**2).mean(axis=0) ** 2 - 3) @ (1 / part) / (1 / part**2).sum())
        if excess > 2 * np.sqrt(24 / seen.size):
            found[kinds == each] = 4 + 6 / excess
    return found


def _common(dispersion: FloatArray, degrees: FloatArray) -> tuple[float, float]:
    """Return the dispersion that features share, and how many degrees of freedom it is worth (Smyth's moments)."""
    from scipy.special import digamma, polygamma

    usable = (dispersion > 0) & (degrees > 1)
    if usable.sum() < ENOUGH_TO_SHARE:
        return 1.0, 0.0
    half = degrees[usable] / 2
    logs = np.log(dispersion[usable]) - digamma(half) + np.log(half)
    spread = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if spread <= 0:
        return float(np.exp(logs.mean())), np.inf
    prior = _inverse_trigamma(spread)
    return float(np.exp(logs.mean() + digamma(prior) - np.log(prior))), 2 * prior


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value, by Newton's method (Smyth 2004, appendix).

    Trigamma of 1 is pi^2 / 6.

    >>> round(_inverse_trigamma(np.pi**2 / 6), 6)
    1.0
    """
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        step = float(polygamma(1, x) * (1 - polygamma(1, x) / value) / polygamma(2, x))
        x += step
        if abs(step) < 1e-9 * x:
            break
    return x


@lru_cache(maxsize=4096)
def normal_quantile(alpha: float) -> float:
    """Return the normal quantile that either tail together passes with probability alpha.

    >>> round(normal_quantile(0.05), 2)
    1.96
    """
    from scipy.special import ndtri

    return float(-ndtri(alpha / 2))


@lru_cache(maxsize=65536)
def student_quantile(alpha: float, degrees: float) -> float:
    """Return Student's quantile that either tail together passes with probability alpha.

    >>> round(student_quantile(0.05, 4), 2)
    2.78
    """
    from scipy.special import stdtrit

    return float(-stdtrit(degrees, alpha / 2))
