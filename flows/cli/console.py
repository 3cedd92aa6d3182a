"""Where commands print: the terminal's width for a person, one line a fact for a pipe or a log."""

from __future__ import annotations

from rich.console import Console

UNFOLDED = 1000  # characters: in a pipe nothing is folded, so that a line can be searched for


def screen(*, stderr: bool = False) -> Console:
    """Return the console a command prints on; numbers are not coloured, and a pipe gets no colours at all."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=UNFOLDED)
