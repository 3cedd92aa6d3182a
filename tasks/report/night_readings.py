"""What the report reads from the nights of a record: the newest decision of each, strains by column, a headline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tasks.records import Action, DriftKind, Entry, NightEntry, Statistic, nights_of

ACTION_WORDS: dict[Action, str] = {"score": "scored", "quarantine": "quarantined"}
KIND_WORDS: dict[DriftKind, str] = {
    "none": "no drift",
    "covariate": "covariate drift",
    "concept": "concept drift",
    "both": "covariate and concept drift",
    "age": "an old model",
    "unclear": "broken or drifted",
    "quality": "bad data",
    "prior": "label shift",
    "slice": "drift in a slice",
    "virtual": "harmless drift",
}


def latest_nights(record: Iterable[Entry]) -> list[NightEntry]:
    """Return the last decision of every night, oldest first."""
    newest: dict[date, NightEntry] = {entry.night: entry for entry in nights_of(record)}
    return [newest[night] for night in sorted(newest)]


def strains(night: NightEntry, statistic: Statistic | None = None) -> dict[str, float]:
    """Return each column's largest strain, of one statistic or of all; 1 is the whole leeway."""
    worst: dict[str, float] = {}
    for moved in night.moved:
        if statistic in {None, moved.statistic} and moved.strain > worst.get(moved.column, -1.0):
            worst[moved.column] = moved.strain
    return worst


def headline(night: NightEntry) -> str:
    """Return a night's action and what it saw, in words.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> night = NightEntry(name="n", night=moment.date(), time=moment, action="score", reason="within leeway")
    >>> headline(night)
    'scored; no drift'
    """
    return f"{ACTION_WORDS.get(night.action, night.action)}; {KIND_WORDS[night.drift]}"
