"""What was sent, kept in the decision record itself: nothing is remembered anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tasks.notify.messages import Message, SentMessage
from tasks.records import Entry, NotificationEntry, Topic


def sent_entry(message: Message, entry: Entry, moment: datetime) -> NotificationEntry:
    """Return the record of a message that a recipient accepted, about an entry."""
    return NotificationEntry(
        name=f"{entry.kind}/{entry.name}/{message.to}",
        night=entry.night,
        time=moment,
        reason=message.title,
        subject=message.to,
        topics=tuple(Topic(event, subject) for event, subject in message.topics),
    )


def sent_messages(record: Sequence[Entry]) -> list[SentMessage]:
    """Return everything that was sent, oldest first.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tasks.records import NightEntry
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> night = NightEntry(name="n", night=moment.date(), time=moment, action="hold", reason="area moved")
    >>> message = Message("env:TEAM", "mine 2026-01-01: hold", "- area moved", (("alarm", "area"),))
    >>> sent_messages([night, sent_entry(message, night, night.time)])
    [SentMessage(night=datetime.date(2026, 1, 1), to='env:TEAM', event='alarm', subject='area')]
    """
    return [
        SentMessage(entry.night, entry.subject, topic.event, topic.subject)
        for entry in record
        if isinstance(entry, NotificationEntry)
        for topic in entry.topics
    ]
