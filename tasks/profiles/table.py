"""The profile of a table: one column profile each, and how many rows they summarise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from tasks.errors import DataError
from tasks.profiles.category import CategoryProfile, boolean_profile, category_profile
from tasks.profiles.number import NumberProfile, number_profile
from tasks.profiles.ruler import Ruler, require_columns

ColumnProfile: TypeAlias = NumberProfile | CategoryProfile


@dataclass(frozen=True, slots=True)
class TableProfile:
    """The mergeable summary of some rows.

    Parameters
    ----------
    ruler : Ruler
        The columns and bins; only profiles of one ruler can be added.
    rows : int
        Rows summarised.
    columns : mapping of str to NumberProfile or CategoryProfile
        One profile per column of the ruler, in its order.

    Examples
    --------
    >>> ruler = Ruler(numbers={}, categories=("plan",))
    >>> first = profile(pd.DataFrame({"plan": ["basic", "pro"]}), ruler)
    >>> second = profile(pd.DataFrame({"plan": ["pro"]}), ruler)
    >>> first + second == profile(pd.DataFrame({"plan": ["basic", "pro", "pro"]}), ruler)
    True
    >>> first + TableProfile.empty(ruler) == first
    True
    """

    ruler: Ruler
    rows: int
    columns: Mapping[str, ColumnProfile]

    @classmethod
    def empty(cls, ruler: Ruler) -> TableProfile:
        """Return the profile of no rows: what adding starts from."""
        numbers = {name: NumberProfile.empty(axis) for name, axis in ruler.numbers.items()}
        others = {name: CategoryProfile.empty() for name in (*ruler.booleans, *ruler.categories)}
        return cls(ruler, 0, {**numbers, **others})

    def __add__(self, other: TableProfile) -> TableProfile:
        if self.ruler != other.ruler:
            raise DataError(_different(self.ruler, other.ruler))
        columns = {name: _sum(column, other.columns[name]) for name, column in self.columns.items()}
        return TableProfile(self.ruler, self.rows + other.rows, columns)


def profile(frame: pd.DataFrame, ruler: Ruler) -> TableProfile:
    """Return the profile of a frame's rows; columns the ruler does not name are left out.

    `profile(a) + profile(b) == profile(a and b)` exactly, in any order and grouping; a column has one type in both.

    Raises
    ------
    DataError
        A column of the ruler is missing, or holds another kind of value.
    """
    require_columns(frame, ruler.columns)
    numbers = {name: number_profile(frame[name], axis) for name, axis in ruler.numbers.items()}
    booleans = {name: boolean_profile(frame[name]) for name in ruler.booleans}
    categories = {name: category_profile(frame[name]) for name in ruler.categories}
    return TableProfile(ruler, len(frame), {**numbers, **booleans, **categories})


def _sum(first: ColumnProfile, second: ColumnProfile) -> ColumnProfile:
    if isinstance(first, NumberProfile) and isinstance(second, NumberProfile):
        return first + second
    if isinstance(first, CategoryProfile) and isinstance(second, CategoryProfile):
        return first + second
    raise DataError("a column is a number in one profile and a category in the other; profile both with the same ruler")


def _different(first: Ruler, second: Ruler) -> str:
    names = sorted(set(first.columns) ^ set(second.columns))
    moved = sorted(n for n in set(first.numbers) & set(second.numbers) if first.numbers[n] != second.numbers[n])
    found = (
        f"columns {names} are in one only"
        if names
        else f"the bins of {moved} differ"
        if moved
        else "columns differ in kind"
    )
    return (
        f"two profiles of different rulers cannot be added: {found}. A project keeps the ruler of its first training; "
        "profile the rows again with that one"
    )
