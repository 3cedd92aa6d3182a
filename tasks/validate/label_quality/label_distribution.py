"""How labels are spread: over their values, over slices of the rows, and over time."""

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
    """The labelled rows of one value of a column: how many, and their mean label (the share of 1 when it is binary)."""

    column: str
    value: str
    rows: int
    level: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A period whose mean label left that of the periods before: both, and by how many standard errors."""

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
    """Return the rows and the mean label of each value of some columns, the most frequent values of each first.

    Values of fewer rows than `least` are put together as `(rare)`.

    Examples
    --------
    >>> rows = pd.DataFrame({"zip": ["a", "a", "b", "c", None]})
    >>> for each in slices(rows, pd.Series([1.0, 0.0, 1.0, 1.0, 0.0]), ["zip"], least=2):
    ...     print(each.value, each.rows, round(each.level, 2))
    a 2 0.5
    (rare) 2 1.0
    (missing) 1 0.0
    """
    found = []
    for name in columns:
        values = rows[name].astype("object").where(rows[name].notna(), None).map(str, na_action="ignore")
        shown = hide_rare({str(k): int(n) for k, n in values.dropna().value_counts().items()}, least)
        kept = values.where(values.isin(list(shown)), OTHERS).where(values.notna(), "(missing)")
        groups = label.groupby(kept.to_numpy())
        sizes, levels = groups.size().to_dict(), groups.mean().to_dict()
        order = dict.fromkeys([*list(shown)[:VALUES_SHOWN], OTHERS, "(missing)"])
        found += [Slice(name, value, int(sizes[value]), float(levels[value])) for value in order if value in sizes]
    return found


def jumps(days: pd.Series, label: pd.Series, period_days: int) -> list[Jump]:
    """Return the periods whose mean label is suddenly another than that of the eight periods before.

    Another by more than 4 standard errors, where the error is both that of the period's own mean and the swing of the
    means before; at least 4 earlier periods are needed.

    Parameters
    ----------
    days : Series of date
        Event dates.
    label : Series of float64
        Labels on the scale they are judged on.

    Examples
    --------
    Ten days of 0 and 1 in turns, then a day of 1 only: the mean goes from 0.5 to 1, without any swing before, and the
    period's own error is 0, so the error of the earlier ones' spread is used (0.5 / sqrt(50) = 0.07):

    >>> days = pd.Series([date(2026, 1, 1 + day) for day in range(11) for _ in range(50)])
    >>> label = pd.Series([0.0, 1.0] * 250 + [1.0] * 50)
    >>> [(each.start.day, each.level, each.before, round(each.standard_errors)) for each in jumps(days, label, 1)]
    [(11, 1.0, 0.5, 7)]
    """
    first = min(days)
    number = days.map(lambda day: (day - first).days // period_days)
    periods = label.groupby(number.to_numpy()).agg(["size", "mean", "var"])
    found = []
    for place in range(FEWEST_PERIODS, len(periods)):
        before = periods.iloc[max(0, place - COMPARED_PERIODS) : place]
        size, level = int(periods["size"].iloc[place]), float(periods["mean"].iloc[place])
        usual, swing = float(before["mean"].median()), float(before["mean"].std())
        own = float(np.nanmax([before["var"].mean(), periods["var"].iloc[place], 0.0])) / size
        error = float(np.sqrt(swing**2 + own))
        if error > 0 and abs(level - usual) > SUDDEN * error:
            start = first + timedelta(days=int(periods.index[place]) * period_days)
            found.append(Jump(start, size, level, usual, abs(level - usual) / error))
    return found
