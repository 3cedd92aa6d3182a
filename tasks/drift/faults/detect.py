"""Corrupt or drifted: known ways in which a source breaks, recognised from profiles.

Only what is already past its leeway is looked at, so that recognising costs no false alarm. A population that moves
stays within the support it had; these do not, or they move in a way no population does.
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

AGREEMENT = NormalDist().inv_cdf(1 - 0.01 / 2)  # two shares agree unless one chance in a hundred says otherwise
FEWEST_VALUES = 5


@dataclass(frozen=True, slots=True)
class DuplicateShares:
    """What profiles cannot know: shares of repeated rows on the night and in the reference."""

    repeated: float | None = None
    repeated_before: float = 0.0


def find_suspicions(
    reference: Reference,
    window: TableProfile,
    moved: Sequence[DriftStatistic],
    effect: float,
    hints: DuplicateShares | None = None,
) -> tuple[Suspicion, ...]:
    """Return what looks broken about a night, the surest first.

    Parameters
    ----------
    reference : Reference
        What the champion learned from.
    window : TableProfile
        The night.
    moved : sequence of Moved
        What `compare` found; only statistics past their leeway are looked into.
    effect : float
        Smallest share of rows that matters.
    hints : Hints, optional
        What was counted beside the profiles.
    """
    past: dict[str, list[DriftStatistic]] = {}
    for one in moved:
        if one.strain > 1:
            past.setdefault(one.column, []).append(one)
    repeated = _repeated(hints or DuplicateShares(), effect)
    if repeated is not None:
        return (repeated,)
    swapped = _swapped(reference, window, tuple(past))
    done = {name for one in swapped for name in one.columns}
    found = [_of_column(reference, window, name, past[name]) for name in past if name not in done]
    return (*swapped, *(one for one in found if one is not None))


def _of_column(
    reference: Reference, window: TableProfile, name: str, past: Sequence[DriftStatistic]
) -> Suspicion | None:
    before, now = reference.total.columns[name], window.columns[name]
    if any(one.statistic == Statistic.NULLS and one.direction > 0 for one in past):
        return _nulls(name, before.present / max(before.rows, 1), now.present / now.rows)
    if not now.present:
        return None
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
        partly = any(one.statistic == "outside" for one in past)
        if name in window.ruler.dates:  # ages, which have no other unit
            found = _stuck_date(name, reference.total, window)
        else:
            found = _stuck(name, before, now) or _unit_change(name, before, now, partly=partly)
    elif isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        named = comparable_categories(before, now)
        found = _stuck_category(name, before, now) or _renamed(name, *named) or _missing(name, *named)
    else:
        return None
    return found or _unclear(name, (before, now), past, days_before if name in window.ruler.dates else _range)


def _unclear(
    name: str, columns: tuple[object, object], past: Sequence[DriftStatistic], words: Callable[[float, float], str]
) -> Suspicion | None:
    """Return what the reference does not know and nothing explains.

    A column that moves as a whole takes some rows past its old range; that alone is drift. What lies farther beyond the
    range than the range is wide, or has left it while the rest stood still, is not.
    """
    statistics = {one.statistic: one for one in past}
    before, now = columns
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile) and "outside" in statistics:
        known, new = weighted_values(before), weighted_values(now)
        low, high = known.places[0], known.places[-1]
        beyond = new.where(known.beyond(new.places))
        middle = (low + high) / 2
        farther = float(np.abs(beyond.places - middle) @ beyond.weights) / beyond.rows > 1.5 * (high - low)
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
    """Recognise one value in every row, or a large new one where values hardly ever met."""
    at = int(now.counts.argmax())
    share = float(now.counts[at]) / now.present
    place = int(np.searchsorted(before.bins, now.bins[at]))
    there = place < len(before.bins) and before.bins[place] == now.bins[at]
    was = float(before.counts[place]) / max(before.present, 1) if there else 0.0
    numbers: dict[str, float | str] = {"share": share, "share_before": was, "value": now.quantile(0.5)}
    varied = before.minimum != before.maximum
    if now.minimum == now.maximum and varied and was < 1 - FEWEST_VALUES / now.present:
        return Suspicion("stuck", (name,), f"every row has the value {now.minimum:g}", numbers)
    if share - was > max(FEWEST_VALUES / now.present, 0.1) and was * now.present < 1:
        return Suspicion("stuck", (name,), f"{share:.0%} of the rows have one value, {was:.1%} before", numbers)
    return None


def _stuck_date(name: str, before: TableProfile, now: TableProfile) -> Suspicion | None:
    """Recognise dates that stand still: their ages do, or over several event dates a date is shared by more rows."""
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
    found = find_unit_change(before, now, partly=partly)
    if found is None:
        return None
    words = "the values are" if found.share == 1 else f"{found.share:.1%} of the values are"
    return Suspicion(
        "unit_change", (name,), f"{words} {found.words} what they were", {"factor": found.factor, "share": found.share}
    )


def _stuck_category(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    if len(now.counts) != 1 or len(before.counts) < 2:  # noqa: PLR2004 - a column with one category has nowhere to go
        return None
    (only,) = now.counts
    was = most_rows(before, only) / max(before.present, 1)
    if not was or was**now.present > 0.01 / len(before.counts):
        return None
    return Suspicion("stuck", (name,), f"every row is {only!r}, {was:.0%} before", {"share_before": was})


def _renamed(name: str, before: CategoryProfile, now: CategoryProfile) -> Suspicion | None:
    """Recognise a category that went while a new one took its share."""
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
    """Recognise categories that went while the rest kept their proportions."""
    gone = _vanished(before, now)
    if not gone or set(now.counts) - set(before.counts):
        return None
    rest = {key: count for key, count in before.counts.items() if key not in gone}
    total = sum(rest.values())
    share = 1 - total / before.present
    for key, count in rest.items():
        was, found = count / max(total, 1), now.counts.get(key, 0) / now.present
        limit = NormalDist().inv_cdf(1 - 0.01 / (2 * len(rest)))
        if abs(found - was) > limit * _doubt(was, now.present, total):
            return None
    listed = ", ".join(repr(key) for key in gone[:3])
    return Suspicion("missing_slice", (name,), f"{listed} is gone ({share:.0%} of the rows before)", {"share": share})


def _vanished(before: CategoryProfile, now: CategoryProfile) -> list[str]:
    """Return categories whose absence is no chance: one in a hundred, over all of them."""
    least = 0.01 / max(len(before.counts), 1)
    gone = [key for key, count in before.counts.items() if key not in now.counts]
    absent = [key for key in gone if (1 - before.counts[key] / before.present) ** now.present < least]
    return sorted(absent, key=lambda key: -before.counts[key])


def _doubt(share: float, new: int, old: int) -> float:
    """Return the standard error of the difference of two shares."""
    return math.sqrt(max(share * (1 - share), 1 / old) * (1 / new + 1 / old))


def _swapped(reference: Reference, window: TableProfile, names: tuple[str, ...]) -> list[Suspicion]:
    """Recognise two number columns each of which looks like the other did."""
    before, now = (_numbers(table, names) for table in (reference.total, window))
    moved = [name for name in names if name in before and name in now and distributions_differ(before[name], now[name])]
    return [
        Suspicion("swapped_columns", (first, second), f"{first} looks as {second} did, and {second} as {first}")
        for first, second in combinations(moved, 2)
        if (first in window.ruler.dates) == (second in window.ruler.dates)
        and not (distributions_differ(before[first], now[second]) or distributions_differ(before[second], now[first]))
    ]


def _numbers(table: TableProfile, names: tuple[str, ...]) -> dict[str, WeightedValues]:
    """Return the values of those columns that are numbers and have any."""
    columns = {name: table.columns[name] for name in names}
    return {
        name: weighted_values(each)
        for name, each in columns.items()
        if isinstance(each, NumberProfile) and each.present
    }


def _shown(value: float) -> str:
    """Return a number as people write it; the middle of the bin around nought is no power of ten to them."""
    return f"{0.0 if abs(value) < np.finfo(np.float32).eps else value:.4g}"


def _range(low: float, high: float) -> str:
    """Return a range as people write it."""
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
