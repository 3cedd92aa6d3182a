"""The distribution of each column in two profiles of one ruler, in a few bars: for people to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.errors import DataError
from tasks.profiles.axis import bin_edges
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.number_profile import NumberProfile
from tasks.profiles.table_profile import ColumnProfile, TableProfile
from tasks.records import ColumnDistribution

BARS = 24
MOST_NAMES = 8
TAIL = 0.01  # of the rows at each end are not drawn: a single far value would squeeze all others into one bar
RARE = 0.001  # of the rows: values below are not drawn by name
NARROWEST = 1e-9  # of the range: a bin that is narrower would be divided by nearly 0
DIGITS = 5


@dataclass(frozen=True, slots=True)
class _Bars:
    """The rows of both profiles in each bar."""

    reference: Sequence[float]
    window: Sequence[float]
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def hiding(self, min_count: int) -> _Bars:
        """Return the bars with no rows where there are fewer than `min_count`, without names that have none left."""
        before, now = ([rows if rows >= min_count else 0.0 for rows in each] for each in (self.reference, self.window))
        if not self.names:
            return replace(self, reference=before, window=now)
        shown = [at for at, _ in enumerate(self.names) if before[at] or now[at]]
        return _Bars([before[at] for at in shown], [now[at] for at in shown], tuple(self.names[at] for at in shown))


def column_distributions(
    reference: TableProfile, window: TableProfile, *, min_count: int = 1
) -> tuple[ColumnDistribution, ...]:
    """Return each column's distribution in the reference and in a window, in the order of the ruler.

    Numbers with up to 8 values that are not rare (.1 % of the rows) have a bar for each, other numbers 24 bars of equal
    width between their 1 % and 99 % quantiles; categories have a bar for each of the 8 most frequent.

    Parameters
    ----------
    reference, window : TableProfile
        Profiles of one ruler.
    min_count : int
        Bars of fewer rows than this are empty, and not named: `privacy.min_category_count`.

    Examples
    --------
    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, profile
    >>> ruler = Ruler(numbers={}, categories=("plan",))
    >>> plans = [profile(pd.DataFrame({"plan": names}), ruler) for names in (["a", "a", "a", "b"], ["b", "b", None])]
    >>> (plan,) = column_distributions(*plans)
    >>> plan.names, plan.reference, plan.window, plan.window_nulls
    (('b', 'a'), (0.25, 0.75), (1.0, 0.0), 0.33333)
    """
    found = []
    for name, before in reference.columns.items():
        now = window.columns.get(name)
        if now is not None and before.present and now.rows:
            found.append(_distribution(name, before, now, min_count))
    return tuple(found)


def _distribution(name: str, before: ColumnProfile, now: ColumnProfile, min_count: int) -> ColumnDistribution:
    bars = _bars(before, now, min_count).hiding(min_count)
    return ColumnDistribution(
        column=name,
        reference=_shares(bars.reference, before.present),
        window=_shares(bars.window, now.present),
        names=bars.names,
        low=bars.low,
        high=bars.high,
        reference_nulls=round(before.nulls / before.rows, DIGITS),
        window_nulls=round(now.nulls / now.rows, DIGITS),
    )


def _bars(before: ColumnProfile, now: ColumnProfile, min_count: int) -> _Bars:
    if isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        return _of_names(before.counts, now.counts, _most_frequent(before, now))
    if not isinstance(before, NumberProfile) or not isinstance(now, NumberProfile):
        raise DataError("found profiles of a column of two kinds; expected two of one ruler")
    held, seen = _counted(before), _counted(now)
    if held is None or seen is None:
        return _of_widths(before, now, min_count)
    frequent = {
        value
        for rows, present in ((held, before.present), (seen, now.present))
        for value, count in rows.items()
        if count >= RARE * present
    }
    if len(frequent) > MOST_NAMES:
        return _of_widths(before, now, min_count)
    names = {value: f"{value:.12g}" for value in sorted(frequent)}
    named = [{names[value]: rows for value, rows in part.items() if value in names} for part in (held, seen)]
    return _of_names(named[0], named[1], list(names.values()))


def _counted(column: NumberProfile) -> Mapping[float, int] | None:
    """Return the rows of each value; None where some values are not counted."""
    held = column.value_counts
    return held.counts if held is not None and held.complete else None


def _most_frequent(before: CategoryProfile, now: CategoryProfile) -> list[str]:
    """Return the categories with the largest share in either profile, the most frequent first."""

    def share(name: str) -> float:
        return max(part.counts.get(name, 0) / max(part.present, 1) for part in (before, now))

    return sorted({*before.counts, *now.counts}, key=lambda name: (-share(name), name))[:MOST_NAMES]


def _of_names(before: Mapping[str, int], now: Mapping[str, int], names: Sequence[str]) -> _Bars:
    return _Bars([before.get(name, 0) for name in names], [now.get(name, 0) for name in names], tuple(names))


def _of_widths(before: NumberProfile, now: NumberProfile, min_count: int) -> _Bars:
    """Return bars of equal width over the range of both profiles without their tails.

    An end of the range is a value of the rows: at least `min_count` rows are beyond it, so that it is no single row's.
    """
    tails = [(part, max(TAIL, min_count / max(part.present, 1))) for part in (before, now)]
    drawn = [(part, tail) for part, tail in tails if tail < 0.5]  # noqa: PLR2004 - the middle
    if not drawn:
        return _Bars([0], [0])
    low = min(part.quantile(tail) for part, tail in drawn)
    high = max(part.quantile(1 - tail) for part, tail in drawn)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return _Bars([before.present], [now.present], (f"{low:.12g}",))
    return _Bars(_rows(before, low, high), _rows(now, low, high), low=low, high=high)


def _rows(column: NumberProfile, low: float, high: float) -> list[float]:
    """Return the rows in each bar; those of a bin of the profile are spread evenly over its width."""
    edges = np.linspace(low, high, BARS + 1)
    starts, ends = (column.axis.center + column.axis.scale * z for z in bin_edges(column.bins))
    if not len(starts):
        return [0.0] * BARS
    widths = np.maximum(ends - starts, NARROWEST * (high - low))
    inside = np.clip((edges[:, None] - starts) / widths, 0.0, 1.0)
    rows: list[float] = np.diff(inside @ column.counts.astype(float)).tolist()
    return rows


def _shares(rows: Sequence[float], present: int) -> tuple[float, ...]:
    return tuple(round(each / max(present, 1), DIGITS) for each in rows)
