"""Whether a replay of the record gives the recorded decisions: every question, every number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date

from tasks.records import Entry, NightEntry, RetrainingEntry, nights_of, retrainings_of

NOT_DECIDED = frozenset({"time", "run_because", "automation", "metrics", "fairness", "coverage", "slice_coverage"})
"""Fields of a night that are no part of its decision: when and why it ran, how much of it people decided, and what no
decision rests on."""
OUTCOME = ("name", "action", "subject", "because", "holdout_start", "holdout_end")


@dataclass(frozen=True, slots=True)
class RecordDifference:
    """An entry that comes out another way: its night, its kind, and the fields that differ."""

    night: date
    kind: str
    fields: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> RecordDifference(date(2026, 1, 5), "night", ("action", "matters")).sentence
        'night of 2026-01-05: action, matters'
        """
        return f"{self.kind} of {self.night}: {', '.join(self.fields)}"


def record_differences(stored: Sequence[Entry], replayed: Sequence[Entry]) -> list[RecordDifference]:
    """Return the nights and retrainings of a record that a replay does not give again, oldest first."""
    nights = zip(nights_of(stored), nights_of(replayed), strict=True)
    retrainings = zip(retrainings_of(stored), retrainings_of(replayed), strict=True)
    differences = [
        *_differing((night, _of_night(night, again)) for night, again in nights),
        *_differing((entry, _of_retraining(entry, again)) for entry, again in retrainings),
    ]
    return sorted(differences, key=lambda difference: difference.night)


def _differing(pairs: Iterable[tuple[Entry, tuple[str, ...]]]) -> Iterator[RecordDifference]:
    return (RecordDifference(entry.night, entry.kind, names) for entry, names in pairs if names)


def _of_night(stored: NightEntry, again: NightEntry) -> tuple[str, ...]:
    names = [field.name for field in fields(NightEntry) if field.name not in NOT_DECIDED | {"answers"}]
    answers = {answer.question: answer for answer in stored.answers}
    other = {answer.question: answer for answer in again.answers}
    questions = [question for question in answers | other if answers.get(question) != other.get(question)]
    return (*(name for name in names if getattr(stored, name) != getattr(again, name)), *questions)


def _of_retraining(stored: RetrainingEntry, again: RetrainingEntry) -> tuple[str, ...]:
    return tuple(name for name in OUTCOME if getattr(stored, name) != getattr(again, name))
