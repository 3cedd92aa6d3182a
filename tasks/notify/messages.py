"""Which messages an entry gives rise to: one for each recipient, without what it was sent and has not changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.notify.notable_states import Event, State, states
from tasks.records import Entry
from tasks.render.safe_text import visible
from tasks.render.values import counted
from tasks.spec import ProjectSpec

LINES = 8
CHARACTERS = 3000  # the smallest of the common channels takes some 4,000


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A state that a recipient (the reference in the spec, never the address) was notified of on a night."""

    night: date
    to: str
    event: str
    subject: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient, and the (event, subject) pairs it is about."""

    to: str
    title: str
    body: str
    topics: tuple[tuple[Event, str], ...]


def due(
    entry: Entry, record: Sequence[Entry], sent: Sequence[SentMessage], spec: ProjectSpec, why: str = ""
) -> tuple[Message, ...]:
    """Return the messages an entry gives rise to, at most one a recipient.

    A state is the same as long as its event and subject are: it is sent when it is new to a recipient, and again
    `remind_days` after it was last sent if it lasts. One that ends and returns within those days is the same state, so
    that a column at the edge of its leeway does not page every other night. What did not reach a recipient was not
    sent.

    Parameters
    ----------
    record : sequence of Entry
        The record so far, oldest first.
    sent : sequence of SentMessage
        What recipients were sent before.
    why : str
        Text that follows the message's lines.
    """
    notable = states(entry, record)
    messages = (_message(to, policy, entry, notable, sent) for to, policy in _recipients(spec).items())
    return tuple(_with_why(spec, entry, message, why) for message in messages if message is not None)


@dataclass(frozen=True, slots=True)
class _Policy:
    on: frozenset[str]
    remind_days: int


def _recipients(spec: ProjectSpec) -> dict[str, _Policy]:
    """Return what each recipient wants; one that is named twice gets all of it, with the shorter reminder."""
    wanted: dict[str, _Policy] = {}
    for channel in spec.notifications:
        before = wanted.get(channel.to, _Policy(frozenset(), channel.remind_days))
        wanted[channel.to] = _Policy(before.on | set(channel.on), min(before.remind_days, channel.remind_days))
    return wanted


def _message(
    to: str, policy: _Policy, entry: Entry, notable: Sequence[State], sent: Sequence[SentMessage]
) -> Message | None:
    last = {(state.event, state.subject): state.night for state in sorted(sent, key=_night) if state.to == to}
    wanted = [state for state in notable if state.event in policy.on]
    new = [state for state in wanted if _is_due(state, last.get((state.event, state.subject)), entry.night, policy)]
    if not new:
        return None
    body = "\n".join(_lines(new, len(wanted) - len(new)))
    return Message(to, "", body, tuple((state.event, state.subject) for state in new))


def _night(sent: SentMessage) -> date:
    return sent.night


def _is_due(state: State, last: date | None, night: date, policy: _Policy) -> bool:
    if last is None:
        return True
    return state.lasts and (night - last).days >= policy.remind_days


def _lines(new: Sequence[State], earlier: int) -> Iterator[str]:
    yield from (f"- {visible(state.text)}" for state in new[:LINES])
    if len(new) > LINES:
        yield f"- and {len(new) - LINES} more"
    if earlier:
        yield f"(and {counted(earlier, 'earlier notice')} that still {'holds' if earlier == 1 else 'hold'})"


def _with_why(spec: ProjectSpec, entry: Entry, message: Message, why: str) -> Message:
    events = ", ".join(dict.fromkeys(event for event, _ in message.topics))
    title = f"{spec.project} {entry.night}: {visible(entry.action).replace('_', ' ')} ({events})"
    body = f"{message.body}\n\n{why}" if why else message.body
    if len(body) > CHARACTERS:
        body = f"{body[: CHARACTERS - 1]}…"
    return Message(message.to, title, body, message.topics)
