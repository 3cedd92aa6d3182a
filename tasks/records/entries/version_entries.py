"""The entries of a version: its training, its promotion, its rollout, and what undoes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal

from tasks.records.entries.entry import Entry, EntryKind

PromotionAction = Literal["promoted", "rejected", "refused", "put_back", "approved", "adopted", "restored"]
RolloutAction = Literal["started", "advanced", "doubted", "rolled_back", "finished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingEntry(Entry):
    """A retraining: its challenger was registered, or refused by the gate.

    Attributes
    ----------
    because : str
        Why it was started.
    holdout_start, holdout_end : date or None
        First and last event date of the rows on which it was compared.
    evidence : mapping
        The gate's evidence, a format with a protocol of its own: `tasks.evaluate.Evidence.from_dict` reads it.
    digest : str
        The digest of the signed manifest of the registered version: what people are asked to approve.
    """

    kind: ClassVar[EntryKind] = "retraining"

    action: Literal["registered", "refused"]
    because: str = ""
    holdout_start: date | None = None
    holdout_end: date | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionEntry(Entry):
    """A step of a promotion; `because` is the reason in the words of the person, or what the spec allows.

    `digest` is that of the signed manifest of the version in `subject`; earlier versions of Leeway did not record it.
    `adopted` records the digest of a champion that has none, and `restored` that a champion that the registry had lost
    has another number and another digest.
    """

    kind: ClassVar[EntryKind] = "promotion"

    action: PromotionAction
    because: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackEntry(Entry):
    """The previous champion serves again.

    `digest` is that of the signed manifest of this version, and `barred_digest` that of the version rolled back from.
    """

    kind: ClassVar[EntryKind] = "rollback"

    action: Literal["rolled_back"] = "rolled_back"
    because: str = ""
    digest: str = ""
    barred_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEntry(Entry):
    """A step of the rollout of the version in `subject`; `digest` and `champion_digest` are of signed manifests.

    Attributes
    ----------
    stage : int
        The number of the step, from 0 on: two controllers that take the same step write one entry.
    share : float
        The share of the requests from then on.
    service, slots : str, int
        The service that runs the rollout, and its workers; not known in the first step.
    others : tuple of (str, int)
        Further services that run it too, each with its workers; earlier versions of Leeway had none.
    terms, seen : mapping
        What the rollout is held to, and what had been seen: `tasks.rollout.RolloutTerms` and `RolloutSums`.
    """

    kind: ClassVar[EntryKind] = "rollout"

    action: RolloutAction
    digest: str
    champion_digest: str
    stage: int = 0
    share: float = 0.0
    service: str = ""
    slots: int = 0
    others: tuple[tuple[str, int], ...] = ()
    terms: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The number of the version that is rolled out."""
        return int(self.subject.removeprefix("version "))

    @property
    def services(self) -> dict[str, int]:
        """The services that run the rollout, each with its workers; none in the first step."""
        return {self.service: self.slots, **dict(self.others)} if self.service else {}

    @property
    def rollout(self) -> str:
        """The name of the rollout: its version and its content."""
        return f"{self.version}-{self.digest[:16]}"
