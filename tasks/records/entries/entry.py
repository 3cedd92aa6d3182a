"""What every entry of the decision record has: what was done, to what, by which person or program, when and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

EntryKind = Literal[
    "night",
    "retraining",
    "promotion",
    "rollback",
    "rollout",
    "release",
    "upkeep",
    "notification",
    "review",
    "answer",
    "spec",
    "degree",
    "migration",
]
VERSION_NAME = re.compile(r"version (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done: what, to what (`subject`), the actor, the reason, and the numbers it rests on.

    Attributes
    ----------
    name : str
        Its name; an entry of the same kind and name is written once.
    night : date
        The night it belongs to.
    time : datetime
        When it was written; aware, in UTC.
    """

    kind: ClassVar[EntryKind]

    name: str
    night: date
    time: datetime
    action: str
    reason: str
    subject: str = ""
    actor: str = "leeway"

    @property
    def version(self) -> int | None:
        """The number of the version that `subject` names; None if it names something else."""
        found = VERSION_NAME.fullmatch(self.subject)
        return int(found[1]) if found else None
