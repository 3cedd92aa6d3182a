"""Whether a column moved as by one offset: each value by the same, as a source does that is set up in another way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from tasks.drift.faults.unit_change import WeightedValues, distributions_differ, weighted_values
from tasks.profiles import NumberProfile, TableProfile, sum_profiles

COMPARED = timedelta(weeks=4)
FEWEST_VALUES = 2


def is_offset(accepted: Mapping[date, TableProfile], column: str, since: date) -> bool:
    """Return whether a number column has the values of the four weeks before a day, all moved by the same.

    What happens in the world moves some rows more than others, and changes the shape too. Categories have no offset.

    Parameters
    ----------
    accepted : mapping of date to TableProfile
        Profiles of the accepted rows by event date.
    since : date
        The first day on which it had moved; the week from then on is compared.

    Examples
    --------
    >>> import pandas as pd
    >>> from tasks.profiles import Axis, Ruler, profile
    >>> ruler = Ruler(numbers={"size": Axis(center=50.0, scale=25.0)})
    >>> values = pd.Series(range(100), dtype=float)
    >>> found = []
    >>> for change in (lambda each: each + 30, lambda each: each * 3.0, lambda each: each.where(each < 50, each + 60)):
    ...     days = {date(2026, 1, 1): values, date(2026, 1, 2): change(values)}
    ...     profiles = {day: profile(pd.DataFrame({"size": each}), ruler) for day, each in days.items()}
    ...     found.append(is_offset(profiles, "size", date(2026, 1, 2)))
    >>> found
    [True, False, False]
    """
    before = _values(accepted, column, since - COMPARED, since - timedelta(days=1))
    after = _values(accepted, column, since, since + timedelta(days=6))
    if before is None or after is None:
        return False
    moved = WeightedValues(after.values - (after.mean() - before.mean()), after.weights)
    return not distributions_differ(before, moved)


def _values(accepted: Mapping[date, TableProfile], column: str, first: date, last: date) -> WeightedValues | None:
    """Return the values of some days; None of categories, or of too few values to have a shape."""
    days = [profile for day, profile in accepted.items() if first <= day <= last]
    found = sum_profiles(days).columns.get(column) if days else None
    if not isinstance(found, NumberProfile) or len(found.bins) < FEWEST_VALUES:
        return None
    return weighted_values(found)
