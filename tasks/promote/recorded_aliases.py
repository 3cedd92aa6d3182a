"""Where the registry's aliases pointed at a moment, from the decision record alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.records import Entry, PromotionEntry, RetrainingEntry, RollbackEntry
from tasks.registry.mlflow_names import CHALLENGER, CHAMPION, PREVIOUS


def recorded_aliases(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the version of each alias after some entries, oldest first.

    Leeway writes an entry before it moves an alias, so the record knows every step of its own. An alias that was moved
    by hand is not in it, and is put back by the next promotion.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> when = {"night": date(2026, 1, 1), "time": datetime(2026, 1, 1, tzinfo=UTC), "reason": ""}
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
    state = _Registry()
    for entry in entries:
        state.apply(entry)
    return state.aliases


@dataclass
class _Registry:
    """What the record says of the versions: who was champion, the last first, and who waits."""

    champions: list[int] = field(default_factory=list)
    challenger: int | None = None

    @property
    def aliases(self) -> dict[str, int]:
        named = {CHALLENGER: self.challenger, **dict(zip((CHAMPION, PREVIOUS), self.champions, strict=False))}
        return {alias: number for alias, number in named.items() if number is not None}

    def apply(self, entry: Entry) -> None:
        """Follow one entry."""
        version = version_number(entry.subject)
        match entry:
            case RetrainingEntry(action="registered"):
                self.challenger = version
            case PromotionEntry(action="rejected"):
                self._answered(version)
            case PromotionEntry(action="promoted") if version is not None:
                self._answered(version)
                self.champions = [version, *(number for number in self.champions if number != version)]
            case RollbackEntry() if version is not None:
                barred = version_number(entry.name.partition("/")[0])
                others = (number for number in self.champions if number not in {version, barred})
                self.champions = [version, *others]
            case _:
                pass

    def _answered(self, version: int | None) -> None:
        if self.challenger == version:
            self.challenger = None


def version_number(text: str) -> int | None:
    """Return the number of a version by its name.

    >>> version_number("version 12"), version_number("12"), version_number("event_time, 200 rounds")
    (12, 12, None)
    """
    digits = text.removeprefix("version ")
    return int(digits) if digits.isdecimal() else None
