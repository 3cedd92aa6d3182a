"""Known faults of columns: recognised by comparing the profile of new rows with that of rows before them.

A population that drifts stays within its support; broken data leaves it, or moves in a way that no population does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from tasks.drift.faults.broken_categories import missing_categories, renamed_category, stuck_category
from tasks.drift.faults.stale_dates import AGE_UNIT, days_before, most_common_date
from tasks.drift.faults.unit_change import WeightedValues, distributions_differ, find_unit_change, weighted_values
from tasks.drift.measures.category_cells import comparable_categories
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile, TableProfile
from tasks.profiles.axis import edge_text
from tasks.records import DriftStatistic, Statistic, Suspicion

FEWEST_VALUES = 5


def faults_of_columns(
    before: TableProfile, window: TableProfile, past: Mapping[str, Sequence[DriftStatistic]], least: float = 0.0
) -> tuple[Suspicion, ...]:
    """Return the faults of the columns past their leeway, against the rows before; nulls must rise by `least`."""
    swapped = _swapped(before, window, tuple(past))
    explained = {name for item in swapped for name in item.columns}
    others = [_of_column(before, window, name, past[name], least) for name in past if name not in explained]
    return (*swapped, *(item for item in others if item is not None))


def _of_column(
    table: TableProfile, window: TableProfile, name: str, past: Sequence[DriftStatistic], least: float
) -> Suspicion | None:
    """Return the fault of a column: a null burst hides neither a wrong value nor, in newer rows, another fault."""
    before, now = table.columns[name], window.columns[name]
    risen = any(statistic.statistic == Statistic.NULLS and statistic.direction > 0 for statistic in past)
    emptier = _nulls(name, before.present / max(before.rows, 1), now.present / now.rows, least) if risen else None
    if not now.present or not before.present:
        return emptier
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
        partly = any(statistic.statistic == "outside" for statistic in past)
        if name in window.ruler.dates:  # ages, which have no other unit
            suspicion = _stuck_date(name, table, window) or emptier
        else:
            suspicion = _of_most_rows(name, before, now, partly=partly) or emptier
    elif isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        named = comparable_categories(before, now)
        wrong = stuck_category(name, before, now) or renamed_category(name, *named)
        suspicion = wrong or emptier or missing_categories(name, *named)
    else:
        return emptier
    words = days_before if name in window.ruler.dates else _range
    return suspicion or _unclear(name, (before, now), past, words, least)


def _unclear(
    name: str,
    columns: tuple[ColumnProfile, ColumnProfile],
    past: Sequence[DriftStatistic],
    words: Callable[[float, float], str],
    least: float = 0.0,
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
        if not beyond.rows:
            return None
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
    if Statistic.UNKNOWN in statistics and isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        share = statistics[Statistic.UNKNOWN].distance
        known = sum(rows for key, rows in now.counts.items() if key in before.counts)
        if 1 - known / max(sum(now.counts.values()), 1) <= least:
            return None
        return Suspicion("unclear", (name,), f"{share:.1%} of the rows have a category never met", {"share": share})
    return None


def _nulls(name: str, before: float, now: float, least: float) -> Suspicion | None:
    if before - now <= least:
        return None
    numbers: dict[str, float | str] = {"null_share": 1 - now, "null_share_before": 1 - before}
    if now == 0:
        return Suspicion("empty_column", (name,), "not one row has a value", numbers)
    return Suspicion(
        "null_burst", (name,), f"{1 - now:.1%} of the rows have no value, {1 - before:.1%} before", numbers
    )


def _of_most_rows(name: str, before: NumberProfile, now: NumberProfile, *, partly: bool) -> Suspicion | None:
    """Return one value in many rows or another unit, which explains more rows: converted, few digits coincide too."""
    stuck = _stuck(name, before, now)
    if stuck is not None and stuck.numbers["share"] == 1:
        return stuck
    unit = _unit_change(name, before, now, partly=partly)
    found = [one for one in (stuck, unit) if one is not None]
    return max(found, key=lambda one: float(one.numbers["share"]), default=None)


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


def _swapped(earlier: TableProfile, window: TableProfile, names: tuple[str, ...]) -> list[Suspicion]:
    """Detect two number columns that each have the distribution the other had."""
    before, now = (_numbers(table, names) for table in (earlier, window))
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


def _range(low: float, high: float) -> str:
    """Return a range in words."""
    return f"{edge_text(low)} to {edge_text(high)}"
