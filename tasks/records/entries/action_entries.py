"""The entries of what people and upkeep did to the data of a project, of its spec, and of messages about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from tasks.records.entries.entry import Entry, EntryKind
from tasks.records.suspicion_state import FaultAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry(Entry):
    """A quarantined batch was released: by a person, or because the values it was quarantined for were corrected.

    `corrects` are the names of the suspicions that ended with the correction; a person's release ends none.
    """

    kind: ClassVar[EntryKind] = "release"

    action: Literal["released"] = "released"
    corrects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEntry(Entry):
    """A person said what a suspicion is: a fault of the source, or drift. `subject` is the name of the suspicion."""

    kind: ClassVar[EntryKind] = "answer"

    action: FaultAnswer

    @classmethod
    def to(
        cls, suspicion: str, answer: FaultAnswer, night: date, time: datetime, actor: str, reason: str
    ) -> AnswerEntry:
        """Return a person's answer to the suspicion of this name."""
        name = f"{suspicion}/{answer}"
        return cls(name=name, night=night, time=time, subject=suspicion, action=answer, actor=actor, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DegreeEntry(Entry):
    """A person set the highest degree of automation, after it had fallen; `evidence` is what the person was shown."""

    kind: ClassVar[EntryKind] = "degree"

    action: Literal["human", "shadow", "assist", "partial", "full"]
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEntry(Entry):
    """A person's labels came back from the review queue; `rows` is how many."""

    kind: ClassVar[EntryKind] = "review"

    action: Literal["labelled"] = "labelled"
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepEntry(Entry):
    """A project's tables were compacted and cleaned."""

    kind: ClassVar[EntryKind] = "upkeep"

    action: Literal["done"] = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecEntry(Entry):
    """What project.yaml says from here on: the first spec, or one that was changed; `reason` names the keys.

    `content` has every value, also those that are the default, and not the name of the project.
    """

    kind: ClassVar[EntryKind] = "spec"

    action: Literal["recorded", "changed"]
    content: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationEntry(Entry):
    """A person brought what is stored in line with a changed spec; `subject` is what was brought in line.

    `converted` gives stored columns another kind, `renamed` gives the project another name, and `relabelled` says that
    the label has another name and the same meaning.
    """

    kind: ClassVar[EntryKind] = "migration"

    action: Literal["converted", "renamed", "relabelled"]


@dataclass(frozen=True, slots=True)
class Topic:
    """What a message is about: its event (`alarm`, `approval`, ...), and its subject, which is unique in the event."""

    event: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationEntry(Entry):
    """A recipient accepted a message; `subject` is the recipient's reference, never an address."""

    kind: ClassVar[EntryKind] = "notification"

    action: Literal["sent"] = "sent"
    topics: tuple[Topic, ...] = ()
