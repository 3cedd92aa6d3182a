"""The distribution of labels: over their values, over slices of the rows, and over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.profiles.rare_categories import OTHERS, hide_rare

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
FEWEST_PERIODS = 4
COMPARED_PERIODS = 8
SUDDEN = 4.0  # standard errors: by chance, one period in sixteen thousand
VALUES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Slice:
    """The labelled rows with one value of a column: their number and mean label (the share of 1 if it is binary)."""

    column: str
    value: str
    rows: int
    level: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A period with another mean label than the periods before: both means, and the difference in standard errors."""

    start: date
    rows: int
    level: float
    before: float
    standard_errors: float


def spread(label: pd.Series, *, binary: bool) -> dict[str, float]:
    """Return the shares of a binary label's classes, or the quantiles of a number.

    Examples
    --------
    >>> spread(pd.Series([0.0, 1.0, 0.0, 0.0]), binary=True)
    {'0': 0.75, '1': 0.25}
    """
    if binary:
        ones = float((label == 1).mean()) if len(label) else 0.0
        return {"0": 1 - ones, "1": ones}
    return {f"{share:.0%}": float(label.quantile(share)) for share in QUANTILES} if len(label) else {}


def shares(names: pd.Series) -> dict[str, float]:
    """Return the share of each of several classes, the most frequent first.

    Examples
    --------
    >>> shares(pd.Series(["b", "a", "b", "b"]))
    {'b': 0.75, 'a': 0.25}
    """
    counts = names.value_counts(normalize=True)
    return {str(name): float(share) for name, share in counts.items()}


def slices(rows: pd.DataFrame, label: pd.Series, columns: list[str], least: int) -> list[Slice]:
    """Return the number of rows and the mean label of each value of some columns, the most frequent first.

    Values with fewer rows than `least` are combined as `(rare)`.

    Examples
    --------
    >>> rows = pd.DataFrame({"zip": ["a", "a", "b", "c", None]})
    >>> for part in slices(rows, pd.Series([1.0, 0.0, 1.0, 1.0, 0.0]), ["zip"], least=2):
    ...     print(part.value, part.rows, round(part.level, 2))
    a 2 0.5
    (rare) 2 1.0
    (missing) 1 0.0
    """
    parts = []
    for name in columns:
        values = rows[name].astype("object").where(rows[name].notna(), None).map(str, na_action="ignore")
        shown = hide_rare({str(k): int(n) for k, n in values.dropna().value_counts().items()}, least)
        combined = values.where(values.isin(list(shown)), OTHERS).where(values.notna(), "(missing)")
        groups = label.groupby(combined.to_numpy())
        sizes, levels = groups.size().to_dict(), groups.mean().to_dict()
        order = dict.fromkeys([*list(shown)[:VALUES_SHOWN], OTHERS, "(missing)"])
        parts += [Slice(name, value, int(sizes[value]), float(levels[value])) for value in order if value in sizes]
    return parts


def jumps(days: pd.Series, label: pd.Series, period_days: int) -> list[Jump]:
    """Return the periods with a mean label that suddenly differs from that of the eight periods before.

    The difference is more than 4 standard errors, which combine the error of the period's own mean and the variation of
    the earlier means. At least 4 earlier periods are needed.

    Parameters
    ----------
    days : Series of date
        Event dates.
    label : Series of float64
        Labels on the training scale.

    Examples
    --------
    Ten days of alternating 0 and 1, then a day of 1 only: the mean changes from 0.5 to 1. The earlier means do not vary
    and the period's own error is 0, so the error of the earlier periods is used (0.5 / sqrt(50) = 0.07):

    >>> days = pd.Series([date(2026, 1, 1 + day) for day in range(11) for _ in range(50)])
    >>> label = pd.Series([0.0, 1.0] * 250 + [1.0] * 50)
    >>> [(jump.start.day, jump.level, jump.before, round(jump.standard_errors)) for jump in jumps(days, label, 1)]
    [(11, 1.0, 0.5, 7)]
    """
    first = min(days)
    number = days.map(lambda day: (day - first).days // period_days)
    periods = label.groupby(number.to_numpy()).agg(["size", "mean", "var"])
    detected = []
    for position in range(FEWEST_PERIODS, len(periods)):
        before = periods.iloc[max(0, position - COMPARED_PERIODS) : position]
        size, level = int(periods["size"].iloc[position]), float(periods["mean"].iloc[position])
        usual, variation = float(before["mean"].median()), float(before["mean"].std())
        own = float(np.nanmax([before["var"].mean(), periods["var"].iloc[position], 0.0])) / size
        error = float(np.sqrt(variation**2 + own))
        if error > 0 and abs(level - usual) > SUDDEN * error:
            start = first + timedelta(days=int(periods.index[position]) * period_days)
            detected.append(Jump(start, size, level, usual, abs(level - usual) / error))
    return detected
