"""Categories too rare to be shown: with few rows, a name may be a person."""

from __future__ import annotations

from collections.abc import Mapping

OTHERS = "(rare)"


def hide_rare(counts: Mapping[str, int], least: int) -> dict[str, int]:
    """Return counts for display: categories of fewer rows than `least` are one, `(rare)`, and stand last.

    What is stored stays exact; this is applied where a name is shown.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each category.
    least : int
        Fewest rows of a category that is shown by name (`privacy.min_category_count`).

    Examples
    --------
    >>> hide_rare({"basic": 90, "Ann Smith": 1, "pro": 9, "Bo": 2}, least=5)
    {'basic': 90, 'pro': 9, '(rare)': 3}
    """
    shown = {name: count for name, count in counts.items() if count >= least}
    rest = sum(count for count in counts.values() if count < least)
    return {**shown, OTHERS: shown.get(OTHERS, 0) + rest} if rest else shown


def shown_name(name: str, counts: Mapping[str, int], least: int) -> str:
    """Return a category's name for display: `(rare)` when it has too few rows, or none that were counted.

    >>> shown_name("Bo", {"basic": 90, "Bo": 2}, least=5), shown_name("basic", {"basic": 90}, least=5)
    ('(rare)', 'basic')
    """
    return name if counts.get(name, 0) >= least else OTHERS
