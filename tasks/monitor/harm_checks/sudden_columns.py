"""Columns that moved at once: most of their distance to the reference was covered between one week and the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift import Reference
from tasks.drift.quantiles import normal_quantile
from tasks.monitor.drift_kind import DOUBTFUL
from tasks.profiles import TableProfile
from tasks.records import DriftStatistic, Statistic

WEEK = 7  # days, so that weekdays cancel
MOST = 0.5  # of the distance: a change that takes longer than two weeks covers less of it in one
FEWEST_COLUMNS = 3  # one of two is half of what is known
BEYOND = frozenset({Statistic.OUTSIDE, Statistic.UNKNOWN})


@dataclass(frozen=True, slots=True)
class SuddenMove:
    """The columns past their leeway that moved at once, with the first day of each since then.

    `alone` says that it is the only column of more than two; `beyond` has columns with values the reference lacks.
    """

    days: Mapping[str, date]
    alone: bool
    beyond: frozenset[str]


def sudden_move(
    reference: Reference, accepted: Mapping[date, TableProfile], moved: Sequence[DriftStatistic]
) -> SuddenMove | None:
    """Return the columns that moved at once; None if none did.

    Parameters
    ----------
    accepted : mapping of date to TableProfile
        Accepted rows by event date since the champion's training, up to the window.
    moved : sequence of DriftStatistic
        The statistics of the window.
    """
    past: dict[str, set[Statistic]] = {}
    for one in moved:
        if one.strain > 1:
            past.setdefault(one.column, set()).add(one.statistic)
    if len(accepted) < 2 or not past:  # noqa: PLR2004 - two sides
        return None
    found = {name: day for name, day in _sudden(reference, accepted).items() if name in past}
    if not found:
        return None
    beyond = frozenset(name for name, statistics in past.items() if statistics & BEYOND)
    return SuddenMove(found, len(reference.layout.names) >= FEWEST_COLUMNS and len(found) == 1, beyond)


def _sudden(reference: Reference, accepted: Mapping[date, TableProfile]) -> dict[str, date]:
    """Return the columns that moved at once, and the first day of the week after.

    It is a further question after an alarm: the tests of all features and days share an error rate of one in twenty.
    """
    layout, days = reference.layout, sorted(accepted)
    limit = normal_quantile(DOUBTFUL / (len(layout.mean) * (len(days) - 1)))
    means = [layout.means(accepted[day]) for day in days]
    sums, rows = np.array([each.sums for each in means]), np.array([each.rows for each in means])
    numbers = np.array([day.toordinal() for day in days])
    newest = numbers > numbers[-1] - WEEK
    total = _mean(sums, rows, newest) - layout.mean
    found: dict[str, tuple[float, date]] = {}
    for day, earlier, number in zip(days[1:], numbers, numbers[1:], strict=False):
        before = (numbers > earlier - WEEK) & (numbers <= earlier)  # there may be days without rows between
        after = (numbers >= number) & (numbers < number + WEEK)
        jump = _mean(sums, rows, after) - _mean(sums, rows, before)
        counts = [np.maximum(rows[side].sum(axis=0), 1.0) for side in (before, after)]
        strain = np.abs(jump) / (limit * np.sqrt(layout.variance * (1 / counts[0] + 1 / counts[1])))
        for index in np.flatnonzero((strain > 1) & (jump * total >= MOST * total**2)):
            name = layout.names[layout.column[index]]
            if strain[index] > found.get(name, (0.0, day))[0]:
                found[name] = (float(strain[index]), day)
    return {name: day for name, (_, day) in found.items()}


def _mean(sums: FloatArray, rows: FloatArray, chosen: np.ndarray) -> FloatArray:
    return np.asarray(sums[chosen].sum(axis=0) / np.maximum(rows[chosen].sum(axis=0), 1.0))
