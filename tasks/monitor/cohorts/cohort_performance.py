"""Realised performance on the newest matured cohort, with intervals that hold for a year of nightly measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.dataset.event_days import days_of
from tasks.drift.seasonality import YEAR_DAYS
from tasks.monitor.cohorts.own_promise import own_promise
from tasks.monitor.cohorts.yardstick import Life, Measured, Yardstick, Yardsticks
from tasks.records import Bounded, Performance, Sustained, UnknownClass
from tasks.spec.project_spec import Monitoring
from tasks.statistics import (
    LOSSES,
    RESIDUALS,
    DaySums,
    PromiseEvidence,
    Shift,
    all_looks_margin,
    effective_rows,
    estimate_spread,
    likeliest_shift,
    single_look_margin,
    truth_and_prediction,
    weighted_values,
    weights_of,
)

MEASURES = 2  # error and bias
SHOWN = 10  # classes
A_LIFE = 0.05  # chance that all looks at a champion without a history of its own together err


@dataclass(frozen=True, slots=True)
class Promise:
    """What the champion's evidence showed: its mean loss and bias, on `rows` rows that it was not trained on.

    `classes` are the names of several classes, in the order of its probabilities. `evidence` has the days it rests on;
    versions of an older Leeway have none. Where it `is_weighted`, rows count by their weight.
    """

    metric: str
    loss: float
    bias: float
    rows: int
    classes: tuple[str, ...] = ()
    evidence: PromiseEvidence | None = None
    is_weighted: bool = False


def newest_cohort(labelled: pd.DataFrame, *, until: date, days: int) -> pd.DataFrame:
    """Return the newest `days` event dates of labelled rows; none when the newest of them is too long ago.

    Parameters
    ----------
    labelled : DataFrame
        With `event_date`.
    until : date
        The newest day with matured labels. A cohort begins at most `2 * days` before it: older rows say nothing about
        the present.
    days : int
        Event dates in a cohort.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, 1), date(2026, 1, 9)], "prediction": [1.0, 2.0]})
    >>> newest_cohort(rows, until=date(2026, 1, 9), days=7)["prediction"].tolist()
    [2.0]
    >>> newest_cohort(rows, until=date(2026, 3, 1), days=7)["prediction"].tolist()
    []
    """
    if labelled.empty:
        return labelled
    event_days = days_of(labelled["event_date"])
    recent = event_days > np.datetime64(until - timedelta(days=2 * days))
    newest = event_days.max() - np.timedelta64(days, "D")
    positions = np.flatnonzero(recent & (event_days > newest))
    if not len(positions):
        return labelled.iloc[:0]
    contiguous = positions[-1] - positions[0] + 1 == len(positions)
    return labelled.iloc[slice(positions[0], positions[-1] + 1) if contiguous else positions]


def performance(
    rows: pd.DataFrame,
    promise: Promise,
    policy: Monitoring,
    nights_per_year: float,
    *,
    since: pd.DataFrame | None = None,
) -> Performance | None:
    """Measure a cohort against what the champion's hold-out promised.

    As with every statistic, the leeway is the larger of what matters (the policy's share of the promised loss; of the
    bias, its share of a residual's deviation or of the base rate) and what chance explains. The promise is itself a
    mean, and days resemble each other: both widen the interval (`tasks.statistics.day_effects`).

    A cohort finds sudden changes. All rows since training find changes that are too small for a cohort. Together, the
    four intervals of all nights of a champion's life err with a chance of `yardstick.FALSE_RETRAINING`.

    Parameters
    ----------
    rows : DataFrame
        The newest cohort: `event_date`, `prediction` (of several classes `probabilities`) and `label`; rows the metric
        cannot score are left out.
    since : DataFrame, optional
        All matured rows since training, with those of the cohort; without them the cohort is measured alone.

    Returns
    -------
    Performance or None
        None when the cohort has fewer (effective) rows than the policy's `min_rows`.
    """
    cohort = _scored(rows, promise)
    if cohort.effective_rows < max(policy.min_rows, 2):
        return None
    whole = cohort if since is None else _scored(since, promise)
    chances = _chances(policy, nights_per_year)
    if promise.evidence is None:
        (loss, all_loss), (bias, all_bias) = _by_hold_out(cohort, whole, promise, policy, chances)
    else:
        life = Life.of(policy, nights_per_year)
        (loss, all_loss), (bias, all_bias) = _by_evidence((cohort, whole), promise, promise.evidence, policy, life)
    regime = _regime(whole, loss.expected, bias.expected)
    return Performance(
        start=rows["event_date"].min(),
        end=rows["event_date"].max(),
        rows=len(cohort.losses),
        loss=loss,
        bias=bias,
        sustained=None if since is None else Sustained(len(whole.losses), all_loss, all_bias),
        regime_rows=regime.rows,
        regime_days=regime.days,
        unknown_classes=_unknown(rows["label"], promise.classes),
        effective_rows=cohort.effective_rows if promise.is_weighted else None,
    )


def _unknown(labels: pd.Series[Any], classes: Sequence[str]) -> tuple[UnknownClass, ...]:
    """Return the classes of labels that are none of the model's; a model of numbers or two classes has no names.

    >>> _unknown(pd.Series(["city", "cargo", None, "cargo"]), ("city", "sport"))
    (UnknownClass(name='cargo', rows=2),)
    """
    if not classes:
        return ()
    counts = labels.dropna().astype(str).value_counts()
    return tuple(UnknownClass(str(name), int(rows)) for name, rows in counts.items() if name not in classes)[:SHOWN]


def _regime(since: _Scored, promised_loss: float, promised_bias: float) -> Shift:
    """Return since when loss or bias, whichever explains more, has likeliest left the promise that counts now."""
    risen = likeliest_shift(DaySums.of(since.losses, since.days), promised_loss, rise_only=True)
    tilted = likeliest_shift(DaySums.of(since.residuals, since.days), promised_bias, rise_only=False)
    return max(risen, tilted, key=lambda shift: shift.explained)


def _by_evidence(
    spans: tuple[_Scored, _Scored], promise: Promise, evidence: PromiseEvidence, policy: Monitoring, life: Life
) -> tuple[Measured, Measured]:
    """Return loss and bias of a cohort and since training, against the days of the champion's own evidence."""
    cohort, whole = ((DaySums.of(span.losses, span.days), DaySums.of(span.residuals, span.days)) for span in spans)
    own = own_promise(evidence.loss, whole[0], policy.cohort_days)
    if own is not None:
        later = whole[0].days >= own.held_from
        whole = whole[0].where(later), whole[1].where(later)
    counts = evidence.loss if own is None else own.evidence
    loss = Yardstick(counts, policy.error_leeway * counts.promised.mean, _least_variance(promise))
    bias = Yardstick(evidence.bias, policy.bias_leeway * evidence.bias_unit, sides=2)
    return Yardsticks(loss, bias).compare(cohort, whole, life)


def _by_hold_out(
    cohort: _Scored, whole: _Scored, promise: Promise, policy: Monitoring, chances: tuple[float, float]
) -> tuple[Measured, Measured]:
    """Return the same for a version of an older Leeway, which has only the means of its hold-out: days are alike."""
    least, error_leeway, bias_leeway = _least_variance(promise), policy.error_leeway, policy.bias_leeway
    promised_loss = _Promised(promise.loss, promise.rows, error_leeway * promise.loss, least)
    promised_bias = _Promised(promise.bias, promise.rows, bias_leeway * promise.loss)
    return (
        _measured(cohort.losses, (whole.losses, whole.days), promised_loss, chances),
        _measured(cohort.residuals, (whole.residuals, whole.days), promised_bias, chances),
    )


@dataclass(frozen=True, slots=True)
class _Promised:
    """A promised mean of `rows` rows, how far it may be missed, and what a row's variance is at least."""

    expected: float
    rows: int
    leeway: float
    least_variance: float = 0.0

    def compared(self, values: np.ndarray, reach: float) -> Bounded:
        """Return the mean of some values, with how far it may be from the promise by chance."""
        middle = float(values.mean())
        return Bounded(middle, middle - reach, middle + reach, self.expected, self.leeway)


def _measured(
    cohort: np.ndarray, whole: tuple[np.ndarray, np.ndarray], promised: _Promised, chances: tuple[float, float]
) -> tuple[Bounded, Bounded]:
    """Return a cohort by a single measurement, and all rows since training by all measurements."""
    values, days = whole
    known = estimate_spread(values, days)  # a cohort has too few days to show how days differ
    own = replace(known, rows=len(cohort), variance=max(float(cohort.var(ddof=1)), promised.least_variance))
    known = replace(known, variance=max(known.variance, promised.least_variance))
    one = single_look_margin(own, len(cohort), promised.rows, chances[0])
    every = all_looks_margin(known, len(values), promised.rows, chances[1])
    return promised.compared(cohort, one), promised.compared(values, every)


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Losses and residuals of the rows that a metric can score, weighted, and the number of their day.

    `effective_rows` is from how many rows of equal weight a mean is as certain.
    """

    losses: np.ndarray
    residuals: np.ndarray
    days: np.ndarray
    effective_rows: float


def _scored(rows: pd.DataFrame, promise: Promise) -> _Scored:
    truth, answer = truth_and_prediction(rows, promise.classes)
    losses, residuals = LOSSES[promise.metric](truth, answer), RESIDUALS[promise.metric](truth, answer)
    usable = np.isfinite(losses) & np.isfinite(residuals)
    days, weights = days_of(rows["event_date"]).astype(np.int64), weights_of(rows) if promise.is_weighted else None
    if weights is None:
        return _Scored(losses[usable], residuals[usable], days[usable], float(usable.sum()))
    counted = weights[usable]
    losses, residuals = (weighted_values(values[usable], counted) for values in (losses, residuals))
    return _Scored(losses, residuals, days[usable], effective_rows(counted))


def _chances(policy: Monitoring, nights_per_year: float) -> tuple[float, float]:
    """Return how often an interval of a cohort may err, and one of all rows since training while a champion serves.

    Together, error and bias, they err as often as the policy allows. A year has a champion for each cooldown at most.
    """
    champions = YEAR_DAYS / max(policy.cooldown_days, 1)
    a_life = min(A_LIFE, policy.false_alarms_per_year / 2 / champions)
    a_night = (policy.false_alarms_per_year - a_life * champions) / nights_per_year
    return min(0.5, a_night / MEASURES), a_life / MEASURES


def _least_variance(promise: Promise) -> float:
    """Return the least variance of a row's loss: without an error in 50 rows, the rate may still not be 0.

    An error or none has the variance p (1 - p); p is the promised rate by Laplace's rule of succession.

    >>> round(_least_variance(Promise("error_rate", 0.0, 0.0, 98)), 4)  # p is 1 / 100
    0.0099
    """
    if promise.metric != "error_rate":
        return 0.0
    rate = (promise.loss * promise.rows + 1) / (promise.rows + 2)
    return rate * (1 - rate)
