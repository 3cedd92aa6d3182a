"""How the newest cohort, and all days since training, are compared with what a champion promised."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.records import Bounded
from tasks.spec.project_spec import Monitoring
from tasks.statistics import DayEvidence, DaySums, cohort_margin, lasting_margin

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
    """Days that promise a mean, how far it may be missed, and what a row's variance is at least."""

    evidence: DayEvidence
    leeway: float
    least_variance: float = 0.0

    def compare(self, cohort: DaySums, whole: DaySums, life: Life) -> tuple[Bounded, Bounded]:
        """Return the mean of a cohort and that of all days since training, with the margins of a whole life.

        A cohort's own variance of rows counts where it is larger: a few wild labels are no change.
        """
        effects, promised = self.evidence.effects, self.evidence.promised
        spread = max(effects.row_variance, self.least_variance)
        own = replace(effects, row_variance=max(spread, cohort.row_variance))
        lasting = replace(effects, row_variance=max(spread, whole.row_variance))
        now = cohort_margin(own, cohort, promised, life.looks, life.alpha)
        since = lasting_margin(lasting, whole, promised, life.alpha)
        return self._bounded(cohort.mean, now), self._bounded(whole.mean, since)

    def _bounded(self, mean: float, margin: float) -> Bounded:
        return Bounded(mean, mean - margin, mean + margin, self.evidence.promised.mean, self.leeway)
