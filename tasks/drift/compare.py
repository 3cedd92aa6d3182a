"""A window against its reference: every statistic beside its leeway."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tasks.drift.reference import Reference
from tasks.drift.yardstick import statistics_of
from tasks.errors import DataError
from tasks.profiles import TableProfile
from tasks.records import Moved


@dataclass(frozen=True, slots=True)
class Leeway:
    """How far statistics may move, and how often they may do so by chance.

    Parameters
    ----------
    effect : float
        Smallest change that matters, above 0: in standard deviations for numbers, in share of rows for categories and
        nulls.
    false_alarms_per_year : float
        Alarms by chance that are accepted in a year, over all columns and nights together; above 0.
    nights_per_year : float
        Comparisons made in a year; above 0.
    """

    effect: float
    false_alarms_per_year: float
    nights_per_year: float

    def __post_init__(self) -> None:
        wrong = {f.name: getattr(self, f.name) for f in fields(self) if not getattr(self, f.name) > 0}
        if wrong:
            raise DataError(f"{wrong} was found in a Leeway; each must be above 0, or every night would be an alarm")

    def alpha(self, statistics: int) -> float:
        """Return the false-alarm probability that one statistic has on one night, the budget being shared evenly.

        Expected alarms add up whatever the columns share (Bonferroni), and also over windows that overlap.

        >>> Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=400).alpha(statistics=40)
        0.00025
        """
        return min(self.false_alarms_per_year / (self.nights_per_year * statistics), 0.5)


def compare(reference: Reference, window: TableProfile, policy: Leeway) -> tuple[Moved, ...]:
    """Return how far each statistic of a window has moved and how far it may, the most strained first.

    Numbers are watched by their Wasserstein distance in standard deviations, categories and booleans by their total
    variation, every column also by its share of nulls. The leeway is the largest of the effect size, the sampling noise
    of the window's rows, and the reference's own swing; a strain above 1 is an alarm.

    Parameters
    ----------
    reference : Reference
        What the champion learned from. It must not hold any row of the window: a batch that is compared with itself
        looks quieter than it is. Seeing to that is the caller's duty, profiles cannot tell.
    window : TableProfile
        The newest rows, of the reference's ruler.
    policy : Leeway
        Effect size and false-alarm budget.

    Raises
    ------
    DataError
        The window has no rows, or another ruler.
    """
    if window.ruler != reference.total.ruler:
        raise DataError(
            "the window's ruler is not the reference's, so their bins lie elsewhere; profile the window with "
            "`reference.total.ruler`"
        )
    if not window.rows:
        raise DataError("the window has no rows; merge it with the days before until it has enough to be judged")
    yardsticks = reference.yardsticks
    alpha = policy.alpha(len(yardsticks))
    moved = []
    for name, before in reference.total.columns.items():
        now = window.columns[name]
        for statistic in statistics_of(before):
            leeway = yardsticks[name, statistic.name].leeway(statistic.rows(now), alpha, policy.effect)
            moved.append(Moved(name, statistic.name, statistic.distance(before, now), leeway))
    return tuple(sorted(moved, key=lambda one: (-one.strain, one.column, one.statistic)))
