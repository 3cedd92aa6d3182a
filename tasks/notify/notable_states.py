"""What an entry of the record may notify of: states that last, and events that happen once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tasks.records import (
    Entry,
    Matters,
    NightEntry,
    PromotionEntry,
    Recovered,
    RetrainingEntry,
    RollbackEntry,
    RolloutEntry,
    ServedAsBatch,
    nights_of,
    pending_approval,
)

Event = Literal["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]
ALARMING = frozenset({"hold", "ask", "retrain"})
WEEK = 7  # days, so that weekdays cancel
HALF = 0.5  # of the distance: a change that takes longer than two weeks covers less of it in one


@dataclass(frozen=True, slots=True)
class State:
    """One thing to notify of; `subject` distinguishes it from others of its event.

    A state that `lasts` is sent again as a reminder; an event is sent once.
    """

    event: Event
    subject: str
    text: str
    lasts: bool = False


def states(entry: Entry, record: Sequence[Entry]) -> tuple[State, ...]:
    """Return what an entry notifies of, and, on a night, which earlier challenger still waits for an answer.

    Parameters
    ----------
    record : sequence of Entry
        The record so far, oldest first.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tasks.records import DriftStatistic, Statistic
    >>> moment, moved = datetime(2026, 1, 1, tzinfo=UTC), (DriftStatistic("area", Statistic.LEVEL, 0.5, leeway=0.25),)
    >>> night = NightEntry(name="n", night=moment.date(), time=moment, action="hold", reason="it moved", moved=moved)
    >>> states(night, [night])
    (State(event='alarm', subject='area', text='area moved 2.0 x its leeway', lasts=True),)
    """
    if isinstance(entry, NightEntry):
        return (*_alarms(entry, record), *_in_service(entry), *_quarantined(entry), *_unanswered(record, entry.night))
    return tuple(_events(entry))


def _alarms(night: NightEntry, record: Sequence[Entry]) -> Iterator[State]:
    if night.action not in ALARMING:
        return
    worst = _past_leeway(night)
    harmless = _harmless_creep(night, record)
    for column, strain in worst.items():
        if column in harmless:
            continue
        yield State("alarm", column, f"{column} moved {strain:.1f} x its leeway", lasts=True)
    hurts, matters = night.performance is not None and night.performance.past_leeway, night.answer(Matters)
    if hurts and matters is not None:
        yield State("alarm", "the champion's error", matters.answer.removeprefix("yes: "), lasts=True)
    if night.action == "retrain":
        yield State("alarm", f"retraining of {night.name}", f"a retraining was started: {night.reason}")
    elif night.action == "ask" or not (worst or hurts):
        yield State("alarm", f"a night to {night.action}", f"{night.action}: {night.reason}", lasts=True)


def _in_service(night: NightEntry) -> Iterator[State]:
    """Yield what is wrong with a released version or with the prediction service, whatever the night's action."""
    recovered, served = night.answer(Recovered), night.answer(ServedAsBatch)
    if recovered is not None and recovered.verdict == "worse":
        text = f"not recovered: {recovered.answer.removeprefix('no, ')}"
        yield State("alarm", f"the recovery on {night.night}", text)
    if served is not None and served.proof.differing:
        text = f"the prediction service answers in another way than the batch: {served.answer.removeprefix('no: ')}"
        yield State("alarm", "the prediction service's answers", text, lasts=True)


def _past_leeway(night: NightEntry) -> dict[str, float]:
    worst: dict[str, float] = {}
    for moved in night.moved:
        if moved.strain > 1:
            worst[moved.column] = max(moved.strain, worst.get(moved.column, 0.0))
    return worst


def _harmless_creep(night: NightEntry, record: Sequence[Entry]) -> set[str]:
    """Return the columns that came slowly past their leeway while the labels that are known show no harm.

    What moves slowly was much the same in the rows with labels: it is in the report, and needs no one at once. Harm is
    an error past its leeway, of all rows or where the column is in some range, unless labels of a class that the
    champion does not know are the cause.
    """
    found = night.performance
    if found is None or (found.past_leeway and not found.unknown_alone):
        return set()
    hurting = {error.column for error in night.slices if error.strain > 1}
    earlier = [one for one in nights_of(record) if one.night < night.night and one.champion == night.champion]
    return {column for column in _past_leeway(night).keys() - hurting if _came_slowly(column, [*earlier, night])}


def _came_slowly(column: str, nights: Sequence[NightEntry]) -> bool:
    """Return whether a column had gone half of its way a week before the first of its alarms in a row."""
    first = len(nights) - 1
    while first and column in _past_leeway(nights[first - 1]):
        first -= 1
    begun = nights[first]
    before = [one for one in nights[:first] if (begun.night - one.night).days >= WEEK]
    then = {one.statistic: one.distance for one in before[-1].moved if one.column == column} if before else {}
    now = [one for one in begun.moved if one.column == column and one.strain > 1 and not one.creep]
    return all(then.get(one.statistic, 0.0) >= HALF * one.distance for one in now)


def _quarantined(night: NightEntry) -> Iterator[State]:
    quarantined = [batch.name for batch in night.batches if batch.verdict == "quarantined"]
    for batch in quarantined:
        yield State("quarantine", batch, f"{batch} was quarantined whole")
    if night.action == "quarantine" and not quarantined:
        yield State("quarantine", night.name, night.reason)


def _unanswered(record: Sequence[Entry], night: date) -> Iterator[State]:
    """Yield the newest challenger if it was registered on an earlier night and has no answer yet."""
    challenger = pending_approval(record)
    if challenger is not None and challenger.night < night:
        text = f"{challenger.subject} has waited for approval since {challenger.night}: {challenger.reason}"
        yield State("approval", challenger.subject, text, lasts=True)


def _events(entry: Entry) -> Iterator[State]:
    text = f"{entry.subject}: {entry.reason}" if entry.subject else entry.reason
    subject = f"{entry.action} {entry.name}"
    match entry:
        case RetrainingEntry(action="registered"):
            yield State("approval", entry.subject, f"{entry.subject} needs approval: {entry.reason}", lasts=True)
        case RetrainingEntry(action="refused"):
            yield State("alarm", subject, f"the gate refused a challenger, {text}")
        case PromotionEntry(action="promoted"):
            yield State("promotion", subject, text)
        case PromotionEntry(action="put_back"):
            yield State("alarm", subject, text)
        case PromotionEntry(action="refused"):
            yield State("approval", subject, f"an approval was refused, {text}")
        case RollbackEntry() | RolloutEntry(action="rolled_back"):
            yield State("rollback", subject, text)
        case RolloutEntry(action="doubted"):
            yield State("approval", subject, f"a rollout needs a decision, {text}")
