"""How the newest cohort, and all days since training, are compared with what a champion promised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from tasks.records import Bounded
from tasks.spec.project_spec import Monitoring
from tasks.statistics import DayEvidence, DaySums, Margins, cohort_margins, lasting_margin

TESTS = 4  # error and bias, of the newest cohort and of all rows since training
FALSE_RETRAINING = 0.02  # chance that a champion without any change is ever found past its leeway


@dataclass(frozen=True, slots=True)
class Life:
    """How often a champion is looked at, and the chance that one of its tests ever errs."""

    looks: int
    alpha: float

    @classmethod
    def of(cls, policy: Monitoring, nights_per_year: float) -> Life:
        """Return the life of a year.

        >>> Life.of(Monitoring(), 365.25)
        Life(looks=365, alpha=0.005)
        """
        return cls(round(nights_per_year), min(FALSE_RETRAINING, policy.false_alarms_per_year) / TESTS)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Days that promise a mean, how far it may be missed, and what a row's variance is at least.

    `sides` is 1 where only a rise counts, so that it has the whole chance of an error, and 2 where a fall counts too.
    """

    evidence: DayEvidence
    leeway: float
    least_variance: float = 0.0
    sides: int = 1

    def compare(self, cohort: DaySums, whole: DaySums, life: Life) -> tuple[Bounded, Bounded]:
        """Return the mean of a cohort and that of all days since training, with the margins of a whole life.

        A cohort's own variance of rows counts where it is larger: a few wild labels are no change.
        """
        effects, promised = self.evidence.effects, self.evidence.promised
        spread = max(effects.row_variance, self.least_variance)
        own = replace(effects, row_variance=max(spread, cohort.row_variance))
        lasting = replace(effects, row_variance=max(spread, whole.row_variance))
        alpha = life.alpha / self.sides
        now = cohort_margins(own, cohort, promised, life.looks, alpha)
        since = lasting_margin(lasting, whole, promised, alpha)
        return self._bounded(cohort.mean, now), self._bounded(whole.mean, Margins(since, since))

    def _bounded(self, mean: float, by_chance: Margins) -> Bounded:
        low, high = mean - by_chance.above, mean + by_chance.below
        return Bounded(mean, low, high, self.evidence.promised.mean, self.leeway)


Measured: TypeAlias = tuple[Bounded, Bounded]


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """The yardsticks of the error and of the bias of one champion.

    A day with a bias has a larger error for it. Where chance explains the bias, it explains that part of the error too:
    a further question after an alarm, and so a single look, at the error rate of every test of a champion.
    """

    error: Yardstick
    bias: Yardstick

    def compare(
        self, cohort: tuple[DaySums, DaySums], whole: tuple[DaySums, DaySums], life: Life
    ) -> tuple[Measured, Measured]:
        """Return error and bias of a cohort and of all days since training: losses and residuals by day of each."""
        loss, all_loss = self.error.compare(cohort[0], whole[0], life)
        bias, all_bias = self.bias.compare(cohort[1], whole[1], life)
        return (
            (self._by_chance(loss, cohort[1], life), self._by_chance(all_loss, whole[1], life)),
            (bias, all_bias),
        )

    def _by_chance(self, loss: Bounded, residuals: DaySums, life: Life) -> Bounded:
        """Return an error with an interval that reaches down by what a bias within its chance explains of it."""
        if not loss.rose_past_leeway:
            return loss
        promised, effects = self.bias.evidence.promised, self.bias.evidence.effects
        below, above = cohort_margins(effects, residuals, promised, looks=0, alpha=life.alpha / self.bias.sides)
        if abs(residuals.mean) - abs(promised.mean) > (above if residuals.mean > 0 else below):
            return loss
        usual, now = (_squared_bias(days) for days in (promised, residuals))
        explained = max(now - usual, 0.0) * _loss_of_bias(self.error.evidence.history, self.bias.evidence.history)
        return replace(loss, low=loss.low - explained)


def _squared_bias(days: DaySums) -> float:
    """Return the mean over rows of the squared bias of their day."""
    return float((days.sums**2 / days.rows).sum() / days.count)


def _loss_of_bias(losses: DaySums, residuals: DaySums) -> float:
    """Return by how much the mean loss of a day rises with its squared bias: weighted least squares, at least 0.

    Near its minimum a mean loss is a parabola of the bias, whatever the metric.

    Examples
    --------
    Days with a bias of 0, 1 and -2 cost 1, 1.5 and 3: half of the square more.

    >>> one = np.ones(3)
    >>> biases = DaySums(np.arange(3), one, np.array([0.0, 1.0, -2.0]), one)
    >>> round(_loss_of_bias(DaySums(np.arange(3), one, np.array([1.0, 1.5, 3.0]), one), biases), 9)
    0.5
    """
    both, at, place = np.intersect1d(losses.days, residuals.days, return_indices=True)
    rows = losses.rows[at]
    square, cost = (residuals.sums[place] / residuals.rows[place]) ** 2, losses.sums[at] / rows
    if not len(both):
        return 0.0
    apart = square - rows @ square / rows.sum()
    spread = float(rows @ apart**2)
    return max(float(rows @ (apart * cost)) / spread, 0.0) if spread > 0 else 0.0
