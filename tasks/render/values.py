"""Numbers, and records of numbers, as words."""

from __future__ import annotations

from collections.abc import Mapping

LARGE = 100


def number(value: object) -> str:
    """Return a number to four digits, or `n/a` where there is none.

    Examples
    --------
    >>> number(0.130049), number(None), number(True)
    ('0.13', 'n/a', 'n/a')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "n/a"
    return f"{value:.4g}"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval, or `n/a` where a bound is missing.

    Examples
    --------
    >>> interval(0.25, 0.7512345), interval(None, 1.0)
    ('0.25 to 0.7512', 'n/a')
    """
    return "n/a" if low is None or high is None else f"{number(low)} to {number(high)}"


def axis_label(value: float) -> str:
    """Return a number as the label of an axis.

    Examples
    --------
    >>> axis_label(0.15), axis_label(12500.0)
    ('0.15', '12,500')
    """
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{value:g}"


def counted(amount: int, noun: str, plural: str = "") -> str:
    """Return a number of things, with the noun in its right form.

    Examples
    --------
    >>> counted(1, "finding"), counted(1200, "row"), counted(2, "delivery", "deliveries")
    ('1 finding', '1,200 rows', '2 deliveries')
    """
    return f"{amount:,} {noun if amount == 1 else plural or f'{noun}s'}"


def words(value: object) -> str:
    """Return a value as text: a number to four digits, a mapping as `key=value` words, a list with commas.

    Examples
    --------
    >>> words({"rows": 120, "loss": 0.123456, "suspects": [], "strains": {"size": 1.5}})
    'rows=120 loss=0.1235 strains={size=1.5}'
    """
    if isinstance(value, Mapping):
        texts = ((key, words(item), isinstance(item, Mapping)) for key, item in value.items())
        return " ".join(f"{key}={{{text}}}" if nested else f"{key}={text}" for key, text, nested in texts if text)
    if isinstance(value, list | tuple):
        return ",".join(map(words, value))
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
