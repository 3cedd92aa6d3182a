"""What was told, kept in the record itself: nothing is remembered anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks.lake import Entry
from tasks.notify.messages import Message, SentMessage

KIND: Any = "notification"
"""The kind of these entries in the record."""


def sent_entry(message: Message, entry: Entry, moment: datetime) -> Entry:
    """Return the record of a message that a recipient took, of an entry."""
    return Entry(
        name=f"{entry.kind}/{entry.name}/{message.to}",
        kind=KIND,
        night=entry.night,
        time=moment,
        action="told",
        reason=message.title,
        subject=message.to,
        details={"topics": [list(topic) for topic in message.topics]},
    )


def sent_messages(record: Sequence[Entry]) -> list[SentMessage]:
    """Return everything that was told, oldest first.

    Examples
    --------
    >>> from datetime import UTC, date
    >>> night = Entry("n", "night", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), "hold", "area moved")
    >>> message = Message("env:TEAM", "mine 2026-01-01: hold", "- area moved", (("alarm", "area"),))
    >>> sent_messages([night, sent_entry(message, night, night.time)])
    [SentMessage(night=datetime.date(2026, 1, 1), to='env:TEAM', event='alarm', subject='area')]
    """
    return [
        SentMessage(entry.night, entry.subject, str(topic[0]), str(topic[1]))
        for entry in record
        if entry.kind == KIND
        for topic in _topics(entry.details)
    ]


def _topics(details: Mapping[str, Any]) -> list[list[Any]]:
    held = details.get("topics")
    return [each for each in held if len(each) == len(("event", "subject"))] if isinstance(held, list) else []
