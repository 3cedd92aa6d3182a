"""Where the registry's aliases pointed at a moment, from the decision record alone."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.records import Entry, PromotionEntry, RetrainingEntry, champion_record
from tasks.registry.mlflow_names import CHALLENGER, CHAMPION, PREVIOUS


def recorded_aliases(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the version of each alias after some entries, oldest first.

    Leeway writes an entry before it moves an alias, so the record knows every step of its own. An alias that was moved
    by hand is not in it, and is put back by the next promotion.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> when = {"night": date(2026, 1, 1), "time": datetime(2026, 1, 1, tzinfo=UTC), "reason": ""}
    >>> from tasks.records import RollbackEntry
    >>> def served(number):
    ...     yield RetrainingEntry(name=f"r{number}", action="registered", subject=f"version {number}", **when)
    ...     yield PromotionEntry(name=f"{number}/promoted", action="promoted", subject=f"version {number}", **when)
    >>> recorded_aliases(served(1))
    {'champion': 1}
    >>> recorded_aliases([*served(1), *served(2)])
    {'champion': 2, 'previous': 1}
    >>> recorded_aliases([*served(1), *served(2), RollbackEntry(name="2/rolled_back", subject="version 1", **when)])
    {'champion': 1}
    """
    record = list(entries)
    champions = [champion.number for champion in champion_record(record).champions()]
    challenger = _challenger(record)
    waiting = {} if challenger is None else {CHALLENGER: challenger}
    return {**waiting, **dict(zip((CHAMPION, PREVIOUS), champions, strict=False))}


def _challenger(entries: Iterable[Entry]) -> int | None:
    """Return the version that waits for an answer, if there is one."""
    waiting: int | None = None
    for entry in entries:
        match entry:
            case RetrainingEntry(action="registered"):
                waiting = entry.version
            case PromotionEntry(action="rejected" | "promoted") if entry.version == waiting:
                waiting = None
            case _:
                pass
    return waiting
