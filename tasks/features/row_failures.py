"""What is said of rows that a function of the project fails on, where a project has columns to hide."""

from __future__ import annotations

import re

from tasks.spec.project_spec import Privacy
from tasks.user_code.row_attempts import TWICE

HIDDEN = "what it says is not shown, because it may quote a value; `privacy` is set"
ERROR, MADE = re.compile(r"[A-Za-z_]\w*(?=: |$)"), re.compile(r"makes .* of (.*)", re.DOTALL)


def without_values(message: str, privacy: Privacy) -> str:
    """Return what is said of a row without what may be a value of it, where a project has columns to hide.

    Messages are stored and sent around, and an error of a function of the project may quote any cell.

    Examples
    --------
    >>> hides = Privacy(drop=["name"])
    >>> without_values("KeyError: 'Ann Smith'", hides)
    'KeyError: what it says is not shown, because it may quote a value; `privacy` is set'
    >>> without_values("makes 'Ann Smith' of 'age': not a number", hides)
    "makes a value of 'age': not a number"
    >>> without_values("KeyError: 'rooms'", Privacy())
    "KeyError: 'rooms'"
    """
    if not privacy.is_set:
        return message
    if (error := ERROR.match(message)) is not None:
        return f"{error[0]}: {HIDDEN}"
    if (made := MADE.fullmatch(message)) is not None:
        return f"makes a value of {made[1]}"
    return message.partition(TWICE)[0] + TWICE if TWICE in message else message
