"""Distinguishes broken data from drift: recognises known faults of a source from profiles.

Only statistics past their leeway are examined, so that detection adds no false alarms. A population that drifts stays
within its support; broken data leaves it, or moves in a way that no population does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from tasks.drift.faults.stale_dates import AGE_UNIT, days_before, most_common_date
from tasks.drift.faults.unit_change import WeightedValues, distributions_differ, find_unit_change, weighted_values
from tasks.drift.measures.category_cells import comparable_categories, most_rows
from tasks.drift.reference import Reference
from tasks.profiles import CategoryProfile, NumberProfile, TableProfile
from tasks.records import DriftStatistic, Statistic, Suspicion

AGREEMENT = NormalDist().inv_cdf(1 - 0.01 / 2)  # two shares agree unless they differ at the level of one in a hundred
FEWEST_VALUES = 5


@dataclass(frozen=True, slots=True)
class DuplicateShares:
    """Shares of repeated rows in the window and in the reference, which profiles do not contain."""

    repeated: float | None = None
    repeated_before: float = 0.0


def find_suspicions(
    reference: Reference,
    window: TableProfile,
    moved: Sequence[DriftStatistic],
    effect: float,
    hints: DuplicateShares | None = None,
) -> tuple[Suspicion, ...]:
    """Return the suspected faults of a window, the most certain first.

    Parameters
    ----------
    reference : Reference
        The profile of the training rows.
    window : TableProfile
        The new rows.
    moved : sequence of DriftStatistic
        Result of `compare_window`; only statistics past their leeway are examined.
    effect : float
        Smallest share of rows that matters.
    hints : DuplicateShares, optional
        Counts in addition to the profiles.
    """
    past: dict[str, list[DriftStatistic]] = {}
    for item in moved:
        if item.strain > 1:
            past.setdefault(item.column, []).append(item)
    repeated = _repeated(hints or DuplicateShares(), effect)
    if repeated is not None:
        return (repeated,)
    swapped = _swapped(reference, window, tuple(past))
    explained = {name for item in swapped for name in item.columns}
    others = [_of_column(reference, window, name, past[name]) for name in past if name not in explained]
    return (*swapped, *(item for item in others if item is not None))


def _of_column(
    reference: Reference, window: TableProfile, name: str, past: Sequence[DriftStatistic]
) -> Suspicion | None:
    before, now = reference.total.columns[name], window.columns[name]
    if any(statistic.statistic == Statistic.NULLS and statistic.direction > 0 for statistic in past):
        return _nulls(name, before.present / max(before.rows, 1), now.present / now.rows)
    if not now.present:
        return None
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
        partly = any(statistic.statistic == "outside" for statistic in past)
        if name in window.ruler.dates:  # ages, which have no other unit
            suspicion = _stuck_date(name, reference.total, window)
        else:
            suspicion = _stuck(name, before, now) or _unit_change(name, before, now, partly=partly)
    elif isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        named = comparable_categories(before, now)
        suspicion = _stuck_category(name, before, now) or _renamed(name, *named) or _missing(name, *named)
    else:
        return None
    return suspicion or _unclear(name, (before, now), past, days_before if name in window.ruler.dates else _range)


def _unclear(
    name: str, columns: tuple[object, object], past: Sequence[DriftStatistic], words: Callable[[float, float], str]
) -> Suspicion | None:
    """Return values that are unknown to the reference and not explained by a known fault.

    A column that shifts as a whole takes some rows past its old range; that alone is drift. Values farther beyond the
    range than the range is wide, or beyond it while the rest did not move, are not.
    """
    statistics = {statistic.statistic: statistic for statistic in past}
    before, now = columns
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile) and "outside" in statistics:
        reference_values, new_values = weighted_values(before), weighted_values(now)
        low, high = reference_values.values[0], reference_values.values[-1]
        beyond = new_values.where(reference_values.beyond(new_values.values))
        middle = (low + high) / 2
        farther = float(np.abs(beyond.values - middle) @ beyond.weights) / beyond.rows > 1.5 * (high - low)
        if farther or len(statistics) == 1:
            share = statistics[Statistic.OUTSIDE].distance
            return Suspicion(
                "unclear",
                (name,),
                f"{share:.1%} of the rows lie outside {words(low, high)}",
                {"share": share},
            )
    if Statistic.UNKNOWN in statistics:
        share = statistics[Statistic.UNKNOWN].distance
        return Suspicion("unclear", (name,), f"{share:.1%} of the rows have a category never met", {"share": share})
    return None


def _nulls(name: str, before: float, now: float) -> Suspicion:
    numbers: dict[str, float | str] = {"null_share": 1 - now, "null_share_before": 1 - before}
    if now == 0:
        return Suspicion("empty_column", (name,), "not one row has a value", numbers)
    return Suspicion(
        "null_burst", (name,), f"{1 - now:.1%} of the rows have no value, {1 - before:.1%} before", numbers
    )


def _stuck(name: str, before: NumberProfile, now: NumberProfile) -> Suspicion | None:
    """Detect one value in every row, or a new value in a large share of the rows."""
    at = int(now.counts.argmax())
    share = float(now.counts[at]) / now.present
    position = int(np.searchsorted(before.bins, now.bins[at]))
    bin_was_occupied = position < len(before.bins) and before.bins[position] == now.bins[at]
    was = float(before.counts[position]) / max(before.present, 1) if bin_was_occupied else 0.0
    numbers: dict[str, float | str] = {"share": share, "share_before": was, "value": now.quantile(0.5)}
    varied = before.minimum != before.maximum
    if now.minimum == now.maximum and varied and was < 1 - FEWEST_VALUES / now.present:
        return Suspicion("stuck", (name,), f"every row has the value {now.minimum:g}", numbers)
    if share - was > max(FEWEST_VALUES / now.present, 0.1) and was * now.present < 1:
        return Suspicion("stuck", (name,), f"{share:.0%} of the rows have one value, {was:.1%} before", numbers)
    return None


def _stuck_date(name: str, before: TableProfile, now: TableProfile) -> Suspicion | None:
    """Detect dates that do not change: a constant age, or one date in many rows of several event dates."""
    first, last = before.columns[name], now.columns[name]
    if not (isinstance(first, NumberProfile) and isinstance(last, NumberProfile)):
        return None
    ages = _stuck(name, first, last)
    of_an_age = float(last.counts.max()) / last.present
    date = most_common_date(before.dates[name], now.dates[name])
    if date is not None and date.share - max(of_an_age, date.before) > max(FEWEST_VALUES / last.present, 0.1):
        return Suspicion("stuck", (name,), date.words, date.numbers)
    if ages is None:
        return None
    share, value = float(ages.numbers["share"]), float(ages.numbers["value"])
    if date is not None and date.share >= share:
        return Suspicion("stuck", (name,), date.words, date.numbers)
    return replace(ages, evidence=f"{share:.0%} of the rows have one age, {value:.4g}{AGE_UNIT}")


def _unit_change(name: str, before: NumberProfile, now: NumberProfile, *, partly: bool) -> Suspicion | None:
    change = find_unit_change(before, now, partly=partly)
    if change is None:
        return None
    words = "the values are" if change.share == 1 else f"{change.share:.1%} of the values are"
    return Suspicion(
        "unit_change",
        (name,),
        f"{words} {change.words} what they were",
        {"factor": change.factor, "share": change.share},
    )


def _stuck_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    if len(now.counts) != 1 or len(before.counts) < 2:  # noqa: PLR2004 - a column with one category cannot get stuck
        return None
    (only,) = now.counts
    was = most_rows(before, only) / max(before.present, 1)
    if not was or was**now.present > 0.01 / len(before.counts):
        return None
    return Suspicion("stuck", (name,), f"every row is {only!r}, {was:.0%} before", {"share_before": was})


def _renamed(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect a category that disappeared while a new one has its share."""
    fresh = {key: count / now.present for key, count in now.counts.items() if key not in before.counts}
    for new in sorted(fresh, key=lambda key: -fresh[key]):
        for old in _vanished(before, now):
            was = before.counts[old] / before.present
            if abs(was - fresh[new]) <= AGREEMENT * _doubt(was, now.present, before.present):
                words = f"{old!r} is gone ({was:.0%} of the rows) and {new!r} is new ({fresh[new]:.0%})"
                return Suspicion(
                    "renamed_category", (name,), words, {"old": old, "new": new, "share": fresh[new], "was": was}
                )
    return None


def _missing(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Detect categories that disappeared while the others kept their proportions."""
    gone = _vanished(before, now)
    if not gone or set(now.counts) - set(before.counts):
        return None
    rest = {key: count for key, count in before.counts.items() if key not in gone}
    total = sum(rest.values())
    share_gone = 1 - total / before.present
    for key, count in rest.items():
        was, share_now = count / max(total, 1), now.counts.get(key, 0) / now.present
        limit = NormalDist().inv_cdf(1 - 0.01 / (2 * len(rest)))
        if abs(share_now - was) > limit * _doubt(was, now.present, total):
            return None
    listed = ", ".join(repr(key) for key in gone[:3])
    return Suspicion(
        "missing_slice", (name,), f"{listed} is gone ({share_gone:.0%} of the rows before)", {"share": share_gone}
    )


def _vanished(before: CategoryProfile, now: CategoryProfile) -> list[str]:
    """Return the categories that are absent beyond chance: one in a hundred, over all categories."""
    least = 0.01 / max(len(before.counts), 1)
    gone = [key for key, count in before.counts.items() if key not in now.counts]
    absent = [key for key in gone if (1 - before.counts[key] / before.present) ** now.present < least]
    return sorted(absent, key=lambda key: -before.counts[key])


def _doubt(share: float, new: int, old: int) -> float:
    """Return the standard error of the difference of two shares."""
    return math.sqrt(max(share * (1 - share), 1 / old) * (1 / new + 1 / old))


def _swapped(reference: Reference, window: TableProfile, names: tuple[str, ...]) -> list[Suspicion]:
    """Detect two number columns that each have the distribution the other had."""
    before, now = (_numbers(table, names) for table in (reference.total, window))
    moved = [name for name in names if name in before and name in now and distributions_differ(before[name], now[name])]
    return [
        Suspicion("swapped_columns", (first, second), f"{first} looks as {second} did, and {second} as {first}")
        for first, second in combinations(moved, 2)
        if (first in window.ruler.dates) == (second in window.ruler.dates)
        and not (distributions_differ(before[first], now[second]) or distributions_differ(before[second], now[first]))
    ]


def _numbers(table: TableProfile, names: tuple[str, ...]) -> dict[str, WeightedValues]:
    """Return the values of the number columns that have values."""
    columns = {name: table.columns[name] for name in names}
    return {
        name: weighted_values(column)
        for name, column in columns.items()
        if isinstance(column, NumberProfile) and column.present
    }


def _shown(value: float) -> str:
    """Return a number in four digits; the middle of the bin around zero is shown as 0."""
    return f"{0.0 if abs(value) < np.finfo(np.float32).eps else value:.4g}"


def _range(low: float, high: float) -> str:
    """Return a range in words."""
    return f"{_shown(low)} to {_shown(high)}"


def _repeated(hints: DuplicateShares, effect: float) -> Suspicion | None:
    if hints.repeated is None or hints.repeated - hints.repeated_before <= effect:
        return None
    return Suspicion(
        "duplicated_rows",
        (),
        f"{hints.repeated:.0%} of the rows repeat another row, {hints.repeated_before:.0%} before",
        {"share": hints.repeated, "share_before": hints.repeated_before},
    )
