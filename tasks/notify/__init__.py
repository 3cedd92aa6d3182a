"""Notify: an entry of the record in, messages to whoever the spec names out. A failing channel never fails a night."""

from tasks.notify.messages import Message, Told, due
from tasks.notify.notable_states import State, states
from tasks.notify.sent_log import told_entry, told_in

__all__ = ["Message", "State", "Told", "due", "states", "told_entry", "told_in"]
