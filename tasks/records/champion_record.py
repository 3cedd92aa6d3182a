"""Which version is champion, by the decision record.

Tags and aliases in MLflow can be changed by everyone with access to it, and copying a version copies its tags. The
record in the lake is written by Leeway alone, so it decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tasks.records.entries import Entry, NightEntry, PromotionEntry, RetrainingEntry, RollbackEntry, RolloutEntry


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version as the record names it; the digest is empty if an earlier version of Leeway recorded it."""

    number: int
    digest: str = ""

    def is_same(self, number: int, digest: str) -> bool:
        """Return whether this is the version of a digest, or of a number if one of the digests is not known.

        >>> RecordedVersion(2, "ab").is_same(3, "ab"), RecordedVersion(2, "ab").is_same(2, "cd")
        (True, False)
        """
        return self.digest == digest if self.digest and digest else self.number == number


@dataclass(frozen=True, slots=True)
class ChampionChange:
    """A change of the champion: `to` became champion; a rollback barred the version before it."""

    action: Literal["promoted", "rolled_back", "put_back"]
    to: RecordedVersion
    at: datetime
    barred: RecordedVersion | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A version that cannot be promoted again, and why."""

    version: RecordedVersion
    reason: str


@dataclass(frozen=True, slots=True)
class ChampionRecord:
    """What the decision record says about versions.

    Parameters
    ----------
    changes : tuple of ChampionChange
        Changes of the champion, oldest first.
    bars : tuple of Bar
        Versions that were rejected or rolled back from.
    approved : mapping of int to str
        The digest that a version had when its approval was first seen.
    requested : mapping of int to str
        The digest that a version had when its approval was asked for.
    """

    changes: tuple[ChampionChange, ...] = ()
    bars: tuple[Bar, ...] = ()
    approved: Mapping[int, str] = field(default_factory=dict)
    requested: Mapping[int, str] = field(default_factory=dict)

    def champions(self, existing: Collection[int] | None = None) -> list[RecordedVersion]:
        """Return the champion and the champions before it, without barred versions, newest first.

        Parameters
        ----------
        existing : collection of int, optional
            Only versions of these numbers, which the registry still has.
        """
        return [change.to for change in self.champion_changes() if existing is None or change.to.number in existing]

    def champion_changes(self) -> list[ChampionChange]:
        """Return the newest change to each champion that is not barred, newest first."""
        newest: dict[int, ChampionChange] = {}
        for change in reversed(self.changes):
            if self.bar(change.to.number, change.to.digest) is None:
                newest.setdefault(change.to.number, change)
        return list(newest.values())

    def bar(self, number: int, digest: str) -> str | None:
        """Return why a version cannot be promoted again; None if it can."""
        return next((bar.reason for bar in self.bars if bar.version.is_same(number, digest)), None)

    def digest(self, number: int) -> str:
        """Return the recorded digest of a version, the newest if there are several; empty if there is none."""
        digests = [version.digest for version in self._versions() if version.number == number and version.digest]
        return digests[-1] if digests else ""

    def number_of(self, digest: str) -> int | None:
        """Return the version that a digest is recorded for; None if it is not recorded."""
        return next((version.number for version in self._versions() if digest and version.digest == digest), None)

    def _versions(self) -> list[RecordedVersion]:
        return [
            *(RecordedVersion(number, seen) for number, seen in {**self.approved, **self.requested}.items()),
            *(bar.version for bar in self.bars),
            *(change.to for change in self.changes),
        ]


def champion_record(entries: Iterable[Entry]) -> ChampionRecord:
    """Return what a decision record, oldest entry first, says about versions."""
    changes: list[ChampionChange] = []
    bars: list[Bar] = []
    approved: dict[int, str] = {}
    requested: dict[int, str] = {}
    for entry in entries:
        number = entry.version
        match entry:
            case RetrainingEntry(action="registered") if number is not None and entry.digest:
                # A number that is registered again is of a model that was deleted and created again in the registry.
                changes = [each for each in changes if each.to.number != number or each.to.digest == entry.digest]
                if approved.get(number) != entry.digest:
                    approved.pop(number, None)
                requested[number] = entry.digest
            case PromotionEntry(action="approved") if number is not None and entry.digest:
                approved.setdefault(number, entry.digest)
            case PromotionEntry(action="rejected") | RolloutEntry(action="rolled_back") if number is not None:
                bars.append(Bar(RecordedVersion(number, entry.digest), _reason(entry.reason)))
            case PromotionEntry(action="promoted") if number is not None:
                changes.append(ChampionChange("promoted", RecordedVersion(number, entry.digest), entry.time))
            case PromotionEntry(action="put_back" | "adopted" | "restored") if number is not None and entry.digest:
                changes.append(ChampionChange("put_back", RecordedVersion(number, entry.digest), entry.time))
            case RollbackEntry() if number is not None:
                change = _rollback(entry, number)
                changes.append(change)
                if change.barred is not None:
                    bars.append(Bar(change.barred, f"rolled back to version {number}: {change.reason}"))
            case _:
                pass
    return ChampionRecord(tuple(changes), tuple(bars), approved, requested)


def rollouts(entries: Iterable[Entry]) -> list[list[RolloutEntry]]:
    """Return the steps of each rollout, by the version that is rolled out, the newest rollout last."""
    found: dict[tuple[str, str], list[RolloutEntry]] = {}
    for entry in entries:
        if isinstance(entry, RolloutEntry):
            found.setdefault((entry.subject, entry.digest), []).append(entry)
    return [sorted(steps, key=lambda step: step.stage) for steps in found.values()]


def running_rollout(entries: Collection[Entry]) -> RolloutEntry | None:
    """Return the last step of the rollout that is under way.

    It is None if the rollout has ended, the version was rejected meanwhile, or the champion is another one now.
    """
    record, found = champion_record(entries), rollouts(entries)
    champions = record.champions()
    if not found or not champions or found[-1][-1].action == "rolled_back":
        return None
    last = found[-1][-1]
    barred = record.bar(last.version, last.digest)
    return last if barred is None and champions[0].digest == last.champion_digest else None


def recorded_versions(entries: Iterable[Entry]) -> frozenset[int]:
    """Return every version that a decision record names."""
    record = list(entries)
    named = [entry.version for entry in record]
    left = [entry.name.partition("/")[0] for entry in record if isinstance(entry, RollbackEntry)]
    nights = [each for entry in record if isinstance(entry, NightEntry) for each in (entry.champion, entry.waiting)]
    return frozenset(number for number in [*named, *nights, *_decimals(left)] if number is not None)


def waiting_version(entries: Sequence[Entry], record: ChampionRecord) -> RecordedVersion | None:
    """Return the newest registered version, unless it cannot be promoted."""
    registered = [entry for entry in entries if isinstance(entry, RetrainingEntry) and entry.action == "registered"]
    number = registered[-1].version if registered else None
    if number is None or not registered[-1].digest:
        return None
    newest = RecordedVersion(number, registered[-1].digest)
    return newest if record.bar(newest.number, newest.digest) is None else None


def _decimals(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts if text.isdecimal()]


def _rollback(entry: RollbackEntry, to: int) -> ChampionChange:
    number = entry.name.partition("/")[0]
    barred = RecordedVersion(int(number), entry.barred_digest) if number.isdecimal() else None
    return ChampionChange("rolled_back", RecordedVersion(to, entry.digest), entry.time, barred, _reason(entry.reason))


def _reason(sentence: str) -> str:
    """Return the reason at the end of a sentence such as "version 3 cannot be promoted again: prices off"."""
    return sentence.partition("cannot be promoted again: ")[2] or sentence
