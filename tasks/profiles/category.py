"""The profile of one category or boolean column: how often each value occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.errors import DataError


@dataclass(frozen=True, slots=True)
class CategoryProfile:
    """What is kept of a category column; a boolean column has the categories "true" and "false".

    Parameters
    ----------
    rows, nulls : int
        Rows seen, and those without a value.
    counts : mapping of str to int
        Rows of each category, exact, every count above 0.

    Examples
    --------
    >>> column = category_profile(pd.Series(["a", "b", "a", None]))
    >>> column.counts["a"], column.present, column.null_share
    (2, 3, 0.25)
    >>> (column + column).counts == {"a": 4, "b": 2}
    True
    """

    rows: int
    nulls: int
    counts: Mapping[str, int]

    @classmethod
    def empty(cls) -> CategoryProfile:
        """Return the profile of no rows."""
        return cls(rows=0, nulls=0, counts={})

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def null_share(self) -> float:
        """Share of rows without a value, 0 to 1; 0 without rows."""
        return self.nulls / self.rows if self.rows else 0.0

    def __add__(self, other: CategoryProfile) -> CategoryProfile:
        counts = Counter(self.counts)
        counts.update(other.counts)
        return CategoryProfile(self.rows + other.rows, self.nulls + other.nulls, dict(counts))


def category_profile(series: pd.Series) -> CategoryProfile:
    """Return the profile of a category column; values that are not text count under their text."""
    counts: Counter[str] = Counter()
    for value, count in series.value_counts(sort=False).items():
        if count:
            counts[str(value)] += int(count)
    return CategoryProfile(len(series), int(series.isna().sum()), dict(counts))


def boolean_profile(series: pd.Series) -> CategoryProfile:
    """Return the profile of a boolean column.

    Raises
    ------
    DataError
        The column does not hold true, false, 0 or 1.

    Examples
    --------
    >>> boolean_profile(pd.Series([True, False, True])).counts == {"true": 2, "false": 1}
    True
    """
    try:
        booleans = series.astype("boolean")
    except (TypeError, ValueError) as error:
        raise DataError(
            f"column {series.name!r} holds {series.dtype}; true and false were expected. Either the contract did not "
            "type it or the spec's features.booleans names another kind of column"
        ) from error
    counted = {"true": int(booleans.sum()), "false": int((~booleans).sum())}
    return CategoryProfile(len(series), int(booleans.isna().sum()), {key: n for key, n in counted.items() if n})
