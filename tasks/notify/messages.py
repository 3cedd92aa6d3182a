"""Who is told what of an entry: grouped into one message each, and nothing that was told and has not changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.lake import Entry
from tasks.notify.notable_states import Event, State, states
from tasks.spec import ProjectSpec

LINES = 8
CHARACTERS = 3000  # the smallest of the common channels takes some 4,000


@dataclass(frozen=True, slots=True)
class SentMessage:
    """That a recipient (the reference in the spec, never the address) took word of a state on a night."""

    night: date
    to: str
    event: str
    subject: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient, and the (event, subject) pairs it tells of."""

    to: str
    title: str
    body: str
    topics: tuple[tuple[Event, str], ...]


def due(
    entry: Entry, record: Sequence[Entry], told: Sequence[SentMessage], spec: ProjectSpec, why: str = ""
) -> tuple[Message, ...]:
    """Return the messages an entry gives rise to, at most one a recipient.

    A state is the same as long as its event and subject are: it is told when it is new to a recipient, and again
    `remind_days` after it was last told if it lasts. One that ends and returns within those days is the same state, so
    that a column at the edge of its leeway does not page every other night. What did not reach a recipient was not
    told.

    Parameters
    ----------
    record : sequence of Entry
        The record so far, oldest first.
    told : sequence of Told
        What recipients took before.
    why : str
        What stands under the message's lines.
    """
    found = states(entry, record)
    made = (_message(to, policy, entry, found, told) for to, policy in _recipients(spec).items())
    return tuple(_with_why(spec, entry, message, why) for message in made if message is not None)


@dataclass(frozen=True, slots=True)
class _Policy:
    on: frozenset[str]
    remind_days: int


def _recipients(spec: ProjectSpec) -> dict[str, _Policy]:
    """Return what each recipient wants; of one that is named twice, all of it, as often as it asked to be reminded."""
    wanted: dict[str, _Policy] = {}
    for channel in spec.notifications:
        before = wanted.get(channel.to, _Policy(frozenset(), channel.remind_days))
        wanted[channel.to] = _Policy(before.on | set(channel.on), min(before.remind_days, channel.remind_days))
    return wanted


def _message(
    to: str, policy: _Policy, entry: Entry, found: Sequence[State], told: Sequence[SentMessage]
) -> Message | None:
    last = {(each.event, each.subject): each.night for each in sorted(told, key=_night) if each.to == to}
    wanted = [state for state in found if state.event in policy.on]
    new = [state for state in wanted if _is_due(state, last.get((state.event, state.subject)), entry.night, policy)]
    if not new:
        return None
    body = "\n".join(_lines(new, len(wanted) - len(new)))
    return Message(to, "", body, tuple((state.event, state.subject) for state in new))


def _night(told: SentMessage) -> date:
    return told.night


def _is_due(state: State, last: date | None, night: date, policy: _Policy) -> bool:
    if last is None:
        return True
    return state.lasts and (night - last).days >= policy.remind_days


def _lines(new: Sequence[State], known: int) -> Iterator[str]:
    yield from (f"- {plain(state.text)}" for state in new[:LINES])
    if len(new) > LINES:
        yield f"- and {len(new) - LINES} more"
    if known:
        yield f"({known} more last that you were told of before)"


def _with_why(spec: ProjectSpec, entry: Entry, message: Message, why: str) -> Message:
    events = ", ".join(dict.fromkeys(event for event, _ in message.topics))
    title = f"{spec.project} {entry.night}: {plain(entry.action).replace('_', ' ')} ({events})"
    body = f"{message.body}\n\n{why}" if why else message.body
    if len(body) > CHARACTERS:
        body = f"{body[: CHARACTERS - 1]}…"
    return Message(message.to, title, body, message.topics)


def plain(text: str) -> str:
    r"""Return a text on one line, without characters that are not seen.

    >>> plain("a\n b\x1b[1m")
    'a b[1m'
    """
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
