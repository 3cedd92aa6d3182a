"""The reference: the profile of what a model learned from, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tasks.drift.yardstick import Yardstick, statistics_of, yardstick
from tasks.errors import DataError
from tasks.profiles import TableProfile


@dataclass(frozen=True)
class Reference:
    """What the champion learned from.

    Parameters
    ----------
    total : TableProfile
        All its rows.
    periods : tuple of (str, TableProfile)
        The same rows by period: ISO date of the first day, profile; ascending. Periods should be as long as the windows
        that are compared with them.
    """

    total: TableProfile
    periods: tuple[tuple[str, TableProfile], ...]

    @cached_property
    def rests(self) -> tuple[TableProfile, ...]:
        """For each period the profile of all others."""
        profiles = [profile for _, profile in self.periods]
        empty = TableProfile.empty(self.total.ruler)
        before, after = [empty], [empty]
        for forward, backward in zip(profiles[:-1], reversed(profiles[1:]), strict=True):
            before.append(before[-1] + forward)
            after.append(after[-1] + backward)
        return tuple(first + second for first, second in zip(before, reversed(after), strict=True))

    @cached_property
    def yardsticks(self) -> dict[tuple[str, str], Yardstick]:
        """What each statistic does while nothing is wrong, by column and statistic; worked out once."""
        found = {}
        for name, total in self.total.columns.items():
            pairs = [
                (p.columns[name], rest.columns[name]) for (_, p), rest in zip(self.periods, self.rests, strict=True)
            ]
            for statistic in statistics_of(total):
                found[name, statistic.name] = yardstick(statistic, total, pairs)
        return found


def reference_of(periods: Sequence[tuple[str, TableProfile]]) -> Reference:
    """Return the reference made of periods, in any order.

    Parameters
    ----------
    periods : sequence of (str, TableProfile)
        ISO date of each period's first day, and the profile of its rows.

    Raises
    ------
    DataError
        There are no rows, a date is no ISO date or comes twice, or the profiles have different rulers.

    Examples
    --------
    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, profile
    >>> weeks = [pd.DataFrame({"plan": plans}) for plans in (["pro"], ["basic", "pro"])]
    >>> profiles = [profile(week, Ruler(numbers={}, categories=("plan",))) for week in weeks]
    >>> reference = reference_of([("2026-01-12", profiles[1]), ("2026-01-05", profiles[0])])
    >>> reference.total.rows, [start for start, _ in reference.periods]
    (3, ['2026-01-05', '2026-01-12'])
    """
    ordered = tuple(sorted(((_iso(start), profile) for start, profile in periods), key=lambda period: period[0]))
    starts = [start for start, _ in ordered]
    twice = sorted({start for start in starts if starts.count(start) > 1})
    if twice:
        raise DataError(f"periods {twice} were given twice; each belongs to a reference once. Add their profiles first")
    if not sum(profile.rows for _, profile in ordered):
        raise DataError(
            f"{len(ordered)} periods without a row were given; a reference needs the rows a model learned from"
        )
    total = ordered[0][1]
    for _, profile in ordered[1:]:
        total = total + profile
    return Reference(total, ordered)


def _iso(start: str) -> str:
    try:
        return date.fromisoformat(start).isoformat()
    except ValueError as error:
        raise DataError(
            f"period {start!r} was found; the ISO date of its first day was expected: '2026-01-05'"
        ) from error
