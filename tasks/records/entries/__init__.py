"""The entries of the decision record: one frozen class for each kind of thing that is done to a project.

An entry is written once and never changed. Its common fields are columns of the lake's table `decisions`; what the
subclass adds is kept as JSON in the column `details` (see `tasks.records.entry_codec`).
"""

from tasks.records.entries.action_entries import (
    AnswerEntry,
    DegreeEntry,
    MigrationEntry,
    NotificationEntry,
    ReleaseEntry,
    ReviewEntry,
    SpecEntry,
    Topic,
    UpkeepEntry,
)
from tasks.records.entries.entry import Entry, EntryKind
from tasks.records.entries.night_entry import AutomationCounts, BatchVerdict, NightEntry
from tasks.records.entries.version_entries import (
    PromotionAction,
    PromotionEntry,
    RetrainingEntry,
    RollbackEntry,
    RolloutAction,
    RolloutEntry,
)

__all__ = [
    "ENTRY_TYPES",
    "AnswerEntry",
    "AutomationCounts",
    "BatchVerdict",
    "DegreeEntry",
    "Entry",
    "EntryKind",
    "MigrationEntry",
    "NightEntry",
    "NotificationEntry",
    "PromotionAction",
    "PromotionEntry",
    "ReleaseEntry",
    "RetrainingEntry",
    "ReviewEntry",
    "RollbackEntry",
    "RolloutAction",
    "RolloutEntry",
    "SpecEntry",
    "Topic",
    "UpkeepEntry",
]

ENTRY_TYPES: tuple[type[Entry], ...] = (
    NightEntry,
    RetrainingEntry,
    PromotionEntry,
    RollbackEntry,
    RolloutEntry,
    ReleaseEntry,
    ReviewEntry,
    UpkeepEntry,
    NotificationEntry,
    AnswerEntry,
    SpecEntry,
    DegreeEntry,
    MigrationEntry,
)
