"""Notify: an entry of the record in, messages to whoever the spec names out. A failing channel never fails a night."""

from tasks.notify.due import Message, Told, due
from tasks.notify.memory import told_entry, told_in
from tasks.notify.states import State, states

__all__ = ["Message", "State", "Told", "due", "states", "told_entry", "told_in"]
