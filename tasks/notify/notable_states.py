"""What of an entry of the record somebody may want to hear: states that last, and events that happen once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from tasks.lake import Entry

Event = Literal["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]
ALARMING = frozenset({"hold", "ask", "retrain"})
ANSWERS = frozenset({"promoted", "rejected"})


@dataclass(frozen=True, slots=True)
class State:
    """One thing to hear of; `subject` tells it from others of its event.

    What `lasts` is told again as a reminder; what happened is told once.
    """

    event: Event
    subject: str
    text: str
    lasts: bool = False


def states(entry: Entry, record: Sequence[Entry]) -> tuple[State, ...]:
    """Return what an entry says, and, on a night, which earlier requests still wait for an answer.

    Parameters
    ----------
    record : sequence of Entry
        The record so far, oldest first.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> moment, moved = datetime(2026, 1, 1, tzinfo=UTC), [{"column": "area", "strain": 2.0}]
    >>> held = Entry("n", "night", date(2026, 1, 1), moment, "hold", "area moved", details={"moved": moved})
    >>> states(held, [held])
    (State(event='alarm', subject='area', text='area moved 2.0 x its leeway', lasts=True),)
    """
    if entry.kind == "night":
        return (*_alarms(entry), *_quarantined(entry), *_unanswered(record, entry.night))
    return tuple(_done(entry))


def _alarms(entry: Entry) -> Iterator[State]:
    if entry.action not in ALARMING:
        return
    worst = _past_leeway(entry)
    for column, strain in worst.items():
        yield State("alarm", column, f"{column} moved {strain:.1f} x its leeway", lasts=True)
    hurt = _answer(entry, "does it matter?")
    if hurt.startswith("yes"):
        yield State("alarm", "the champion's error", hurt.removeprefix("yes: "), lasts=True)
    recovered = _answer(entry, "did it recover?")
    if recovered.startswith("no, "):
        yield State("alarm", f"the recovery on {entry.night}", f"not recovered: {recovered.removeprefix('no, ')}")
    if entry.action == "retrain":
        yield State("alarm", f"retraining of {entry.name}", f"a retraining was started: {entry.reason}")
    elif entry.action == "ask" or not (worst or hurt.startswith("yes")):
        yield State("alarm", f"a night to {entry.action}", f"{entry.action}: {entry.reason}", lasts=True)


def _past_leeway(entry: Entry) -> dict[str, float]:
    worst: dict[str, float] = {}
    for each in _mappings(entry.details.get("moved")):
        strain = each.get("strain")
        if isinstance(strain, int | float) and strain > 1 and "column" in each:
            column = str(each["column"])
            worst[column] = max(float(strain), worst.get(column, 0.0))
    return worst


def _answer(entry: Entry, question: str) -> str:
    answers = _mappings(entry.details.get("answers"))
    return next((str(each.get("answer", "")) for each in answers if each.get("question") == question), "")


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _quarantined(entry: Entry) -> Iterator[State]:
    batches = entry.details.get("batches")
    verdicts = batches if isinstance(batches, Mapping) else {}
    held = [str(batch) for batch, verdict in verdicts.items() if verdict == "quarantined"]
    for batch in held:
        yield State("quarantine", batch, f"{batch} was set aside whole")
    if entry.action == "quarantine" and not held:
        yield State("quarantine", entry.name, entry.reason)


def _unanswered(record: Sequence[Entry], night: date) -> Iterator[State]:
    """Give the newest challenger, if nobody has answered yet."""
    asked = [each for each in record if each.kind == "retraining" and each.action == "registered"]
    if asked and asked[-1].night < night and not _settled(asked[-1], record):
        text = f"{asked[-1].subject} has waited for approval since {asked[-1].night}: {asked[-1].reason}"
        yield State("approval", asked[-1].subject, text, lasts=True)


def _settled(asked: Entry, record: Sequence[Entry]) -> bool:
    answers = (each for each in record if each.kind == "promotion" and each.action in ANSWERS)
    return any(each.time > asked.time for each in answers)


def _done(entry: Entry) -> Iterator[State]:
    said = f"{entry.subject}: {entry.reason}" if entry.subject else entry.reason
    named = f"{entry.action} {entry.name}"
    match entry.kind, entry.action:
        case "retraining", "registered":
            yield State("approval", entry.subject, f"{entry.subject} waits for approval: {entry.reason}", lasts=True)
        case "retraining", "refused":
            yield State("alarm", named, f"the gate refused a challenger, {said}")
        case "promotion", "promoted":
            yield State("promotion", named, said)
        case "promotion", "put_back":
            yield State("alarm", named, said)
        case "promotion", "refused":
            yield State("approval", named, f"an approval was refused, {said}")
        case "rollback", _:
            yield State("rollback", named, said)
