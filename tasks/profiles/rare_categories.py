"""Hides rare categories where names are shown: a name with few rows may identify a person."""

from __future__ import annotations

from collections.abc import Mapping

OTHERS = "(rare)"


def hide_rare(counts: Mapping[str, int], least: int) -> dict[str, int]:
    """Return counts for display: categories with fewer rows than `least` are joined as `(rare)`, the last one.

    Stored counts stay exact; only displayed counts are changed.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each category.
    least : int
        Smallest number of rows of a category that is shown by name (`privacy.min_category_count`).

    Examples
    --------
    >>> hide_rare({"basic": 90, "Ann Smith": 1, "pro": 9, "Bo": 2}, least=5)
    {'basic': 90, 'pro': 9, '(rare)': 3}
    """
    shown = {name: count for name, count in counts.items() if count >= least}
    rest = sum(count for count in counts.values() if count < least)
    return {**shown, OTHERS: shown.get(OTHERS, 0) + rest} if rest else shown


def shown_name(name: str, counts: Mapping[str, int], least: int) -> str:
    """Return the name of a category for display: `(rare)` when it has too few counted rows.

    >>> shown_name("Bo", {"basic": 90, "Bo": 2}, least=5), shown_name("basic", {"basic": 90}, least=5)
    ('(rare)', 'basic')
    """
    return name if counts.get(name, 0) >= least else OTHERS
