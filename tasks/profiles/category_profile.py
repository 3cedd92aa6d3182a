"""The profile of one category or boolean column: how often each value occurs, in bounded memory.

The rows of up to 4,096 categories are counted by name. Of more categories, the 4,096 with the smallest ranks (a hash of
the name) are kept with all of their rows; the rows of the others are counted in 1,024 buckets, chosen by the same rank.
A rank that is among the smallest of two profiles together is among the smallest of each, so that a kept category was
never dropped before: sums are exact, in any order (Gibbons, Distinct sampling for highly-accurate answers to distinct
values queries, VLDB 2001; the buckets are a Count-Min sketch of one row).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.profiles.distinct_count import Ranks, text_ranks

MOST_CATEGORIES = 1 << 12
BUCKETS = 1 << 10


@dataclass(frozen=True, slots=True)
class CategoryProfile:
    """The summary of a category column; a boolean column has the categories "true" and "false".

    Parameters
    ----------
    rows, nulls : int
        All rows, and rows without a value.
    counts : mapping of str to int
        Rows of each category, exact, every count above 0: of all categories, or of the 4,096 with the smallest ranks.
    rest : mapping of int to int
        Rows of all other categories by bucket; empty while there are no more than 4,096 categories.

    Examples
    --------
    >>> column = CategoryProfile(rows=4, nulls=1, counts={"a": 2, "b": 1})
    >>> column.present, column.distinct
    (3, 2.0)
    >>> (column + column).counts == {"a": 4, "b": 2}
    True
    """

    rows: int
    nulls: int
    counts: Mapping[str, int]
    rest: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> CategoryProfile:
        """Return the profile of no rows."""
        return cls(rows=0, nulls=0, counts={})

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def distinct(self) -> float:
        """Number of categories: exact up to 4,096, beyond within about 2 % (one over the root of 4,096).

        Of n ranks distributed evenly over 0 to 1, the k-th smallest is near k / n (Bar-Yossef et al., Counting distinct
        elements in a data stream, RANDOM 2002).
        """
        if not self.rest:
            return float(len(self.counts))
        return (len(self.counts) - 1) / (int(text_ranks(list(self.counts)).max()) / 2.0**64)

    def __add__(self, other: CategoryProfile) -> CategoryProfile:
        return CategoryProfile.of_all([self, other])

    @classmethod
    def of_all(cls, parts: Sequence[CategoryProfile]) -> CategoryProfile:
        """Return the sum of several profiles; faster than adding them one by one."""
        counts: Counter[str] = Counter()
        rest: Counter[int] = Counter()
        for part in parts:
            counts.update(part.counts)
            rest.update(part.rest)
        rows, nulls = (sum(getattr(part, name) for part in parts) for name in ("rows", "nulls"))
        return cls(rows, nulls, *bound_categories(counts, rest))


def bound_categories(counts: Counter[str], rest: Counter[int]) -> tuple[dict[str, int], dict[int, int]]:
    """Return the categories that are kept by name, and the buckets with the rows of the others."""
    if len(counts) <= MOST_CATEGORIES:
        return dict(counts), dict(rest)
    names = list(counts)
    ranks = text_ranks(names)
    return _split(counts, rest, (names, ranks), np.partition(ranks, MOST_CATEGORIES - 1)[MOST_CATEGORIES - 1])


def _split(
    counts: Mapping[str, int], rest: Counter[int], ranked: tuple[list[str], Ranks], last: np.uint64
) -> tuple[dict[str, int], dict[int, int]]:
    """Return the counts of the categories with ranks up to `last`, and the buckets with the rows of the others."""
    names, ranks = ranked
    is_kept = ranks <= last
    named = {names[at]: counts[names[at]] for at in np.flatnonzero(is_kept)}
    buckets = Counter(rest)
    for at, bucket in zip(np.flatnonzero(~is_kept), (ranks[~is_kept] % np.uint64(BUCKETS)).tolist(), strict=True):
        buckets[bucket] += counts[names[at]]
    return named, dict(buckets)
