"""Notify: an entry of the record in, messages to the spec's recipients out. A failing channel never fails a night."""

from tasks.notify.messages import Message, SentMessage, due
from tasks.notify.notable_states import State, states
from tasks.notify.sent_log import sent_entry, sent_messages

__all__ = ["Message", "SentMessage", "State", "due", "sent_entry", "sent_messages", "states"]
