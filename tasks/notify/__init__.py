"""Notify: an event and its reason in, messages to whoever the spec names out. A failing channel never fails a night."""
