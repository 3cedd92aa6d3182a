"""What is read from a decision record: its nights, retrainings, open requests, and suspicions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

from tasks.records.entries import (
    AnswerEntry,
    Entry,
    NightEntry,
    PromotionEntry,
    ReleaseEntry,
    RetrainingEntry,
    RolloutEntry,
)
from tasks.records.suspicion_state import FaultAnswer, SuspicionState


def nights_of(record: Iterable[Entry]) -> list[NightEntry]:
    """Return the nights of a record, in its order; a night that was decided twice is in it twice."""
    return [entry for entry in record if isinstance(entry, NightEntry)]


def suspected_in(
    record: Iterable[Entry], before: date = date.max, used: Collection[str] | None = None
) -> tuple[SuspicionState, ...]:
    """Return the suspicions that a record holds before a night, with the answers of people and later corrections.

    Parameters
    ----------
    record : iterable of Entry
        Oldest first.
    before : date
        Only nights before this one are read; answers count whenever they were given.
    used : collection of str, optional
        The columns that count now, of the spec and of the champion; without them it is as the newest night knew it.

    Examples
    --------
    >>> suspected_in([])
    ()
    """
    known = list(record)
    nights = [entry for entry in nights_of(known) if entry.night < before]
    answers = {entry.subject: entry for entry in known if isinstance(entry, AnswerEntry)}
    states = max(nights, key=lambda entry: (entry.night, entry.time)).suspected if nights else ()
    corrected = {name for entry in known if isinstance(entry, ReleaseEntry) for name in entry.corrects}
    answered = (_answered(state, answers.get(state.name)) for state in states)
    found = (replace(state, corrected=True) if state.name in corrected else state for state in answered)
    return tuple(state if used is None else _of_use(state, used) for state in found)


def answers_given(record: Iterable[Entry]) -> dict[str, dict[date, FaultAnswer]]:
    """Return what people have answered about columns, or about `rows`, by the night on which they were asked.

    Of a question that was answered twice, the newer answer counts.
    """
    known = list(record)
    asked = {state.name: state for night in nights_of(known) for state in night.suspected}
    found: dict[str, dict[date, FaultAnswer]] = {}
    for entry in known:
        if isinstance(entry, AnswerEntry) and (state := asked.get(entry.subject)) is not None:
            found.setdefault(state.answered_as, {})[state.asked] = entry.action
    return found


def _of_use(state: SuspicionState, used: Collection[str]) -> SuspicionState:
    return replace(state, unused=bool(state.columns) and not any(column in used for column in state.columns))


def _answered(state: SuspicionState, answer: AnswerEntry | None) -> SuspicionState:
    return state if answer is None else replace(state, answer=answer.action, answered=answer.night)


def retrainings_of(record: Iterable[Entry]) -> list[RetrainingEntry]:
    """Return the retrainings of a record, in its order."""
    return [entry for entry in record if isinstance(entry, RetrainingEntry)]


def pending_approval(record: Sequence[Entry]) -> RetrainingEntry | None:
    """Return the newest registered challenger if it was neither promoted nor rejected since, nor is rolled out."""
    asked = [entry for entry in retrainings_of(record) if entry.action == "registered"]
    if not asked:
        return None
    answered = (
        entry.time
        for entry in record
        if (isinstance(entry, RolloutEntry) and entry.subject == asked[-1].subject)
        or (isinstance(entry, PromotionEntry) and entry.action in {"promoted", "rejected"})
    )
    return None if any(time > asked[-1].time for time in answered) else asked[-1]
