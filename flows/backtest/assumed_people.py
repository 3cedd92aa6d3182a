"""What people are assumed to do on the nights of a strategy that was not followed: they agree, approve and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from tasks.decide import Situation, decide
from tasks.records import AnswerEntry, Entry, FaultAnswer, PromotionEntry, RetrainingEntry, SuspicionState, suspected_in
from tasks.spec import ProjectSpec

SECOND = timedelta(seconds=1)

GivenAnswers = Mapping[str, Mapping[date, FaultAnswer]]
"""By column, or `rows`, and the night on which it was asked: the answer."""


def asked_for_retraining(seen: Situation, spec: ProjectSpec) -> bool:
    """Return whether a person who is asked on a night is asked for a retraining: they are assumed to agree."""
    if spec.automation.retrain != "ask":
        return False
    unasked = spec.automation.model_copy(update={"retrain": "automatic"})
    return decide(seen, spec.model_copy(update={"automation": unasked})).action == "retrain"


def approved(outcome: RetrainingEntry) -> PromotionEntry:
    """Return the promotion of a challenger on the night on which it was registered."""
    return PromotionEntry(
        name=f"{outcome.version}/promoted",
        night=outcome.night,
        time=outcome.time + SECOND,
        action="promoted",
        reason="assumed to be approved on the same night",
        subject=outcome.subject,
    )


def answered(
    record: Sequence[Entry], given: GivenAnswers, night: date, moment: datetime
) -> list[tuple[SuspicionState, AnswerEntry]]:
    """Return the open questions of a record that have an answer, with that answer, given on the same night."""
    found = []
    for state in suspected_in(record):
        answer = _next_in_time(given.get(state.answered_as, {}), state.asked) if state.unanswered else None
        if answer is not None:
            reason = "assumed to be answered on the same night"
            entry = AnswerEntry.to(state.name, answer, night, moment + SECOND, "as in the record", reason)
            found.append((state, entry))
    return found


def _next_in_time(answers: Mapping[date, FaultAnswer], asked: date) -> FaultAnswer | None:
    """Return the answer to the first question of some nights that was asked on a night or after it; None without one.

    >>> answers = {date(2026, 3, 9): "fault", date(2026, 1, 5): "drift"}
    >>> [_next_in_time(answers, date(2026, month, 5)) for month in (1, 2, 4)]
    ['drift', 'fault', None]
    """
    return answers[min(later)] if (later := [night for night in answers if night >= asked]) else None
