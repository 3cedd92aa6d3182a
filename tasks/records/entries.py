"""The entries of the decision record: one frozen class for each kind of thing that is done to a project.

An entry is written once and never changed. Its common fields are columns of the lake's table `decisions`; what the
subclass adds is kept as JSON in the column `details` (see `tasks.records.entry_codec`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from tasks.records.answer_quality.further_metrics import MeasuredMetric
from tasks.records.answer_quality.group_gap import GroupGap
from tasks.records.answer_quality.output_metric import OutputMetric
from tasks.records.answer_quality.person_comparison import PersonComparison
from tasks.records.answers import (
    A,
    AnyAnswer,
    CorruptOrDrifted,
    DecidedByPeople,
    Matters,
    Outputs,
    WhereFirst,
    answer_of,
)
from tasks.records.decision import Action
from tasks.records.drift import DriftKind, DriftStatistic, LocalError, PipelineStage, Suspicion
from tasks.records.performance import Estimated, Performance
from tasks.records.suspicion_state import FaultAnswer, SuspicionState
from tasks.records.upstream import UpstreamState

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
]

VERSION_NAME = re.compile(r"version (\d+)")
PromotionAction = Literal["promoted", "rejected", "refused", "put_back", "approved", "adopted"]
RolloutAction = Literal["started", "advanced", "doubted", "rolled_back", "finished"]


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


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """What the contract found of one batch: its kind (`rows`, `labels`, `features`), its key, and the verdict."""

    kind: str
    key: str
    verdict: str

    @property
    def name(self) -> str:
        """Kind and key.

        >>> BatchVerdict("rows", "january.csv", "accepted").name
        'rows january.csv'
        """
        return f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True)
class AutomationCounts:
    """How much of what was served was decided without a person, and the error of that part; None where not known."""

    served_rows: int
    deferred_share: float | None = None
    automated_labelled: int = 0
    automated_error: float | None = None
    target_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightEntry(Entry):
    """A night: its action, every answer with its numbers, and what moved.

    Attributes
    ----------
    run_because : str
        Why the night ran: the schedule, or a person.
    champion, waiting : int or None
        Numbers of the version that served, and of the one that waited for approval.
    shadow_fault : str
        Why the one that waited could not answer; empty where it could.
    moved, surprises : tuple of DriftStatistic
        Statistics of inputs and answers, and of what labels say about the answers; the most strained first.
    rows, labels : int
        Rows and labels accepted.
    rows_quarantined : int
        Rows and labels quarantined.
    rows_without_consent : int
        Rows delivered that may not be learned from.
    drift_per_month : mapping of str to float
        Distance a month since the champion's training, of the columns past their leeway that moved most.
    metrics : tuple of MeasuredMetric
        The further metrics of the newest matured cohort.
    fairness : tuple of GroupGap
        The differences between groups in that cohort.
    """

    kind: ClassVar[EntryKind] = "night"

    action: Action
    drift: DriftKind = "none"
    run_because: str = ""
    champion: int | None = None
    waiting: int | None = None
    shadow_fault: str = ""
    answers: tuple[AnyAnswer, ...] = ()
    moved: tuple[DriftStatistic, ...] = ()
    surprises: tuple[DriftStatistic, ...] = ()
    steps: tuple[PipelineStage, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    rows: int = 0
    labels: int = 0
    rows_quarantined: int = 0
    rows_without_consent: int = 0
    batches: tuple[BatchVerdict, ...] = ()
    automation: AutomationCounts | None = None
    drift_per_month: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[MeasuredMetric, ...] = ()
    fairness: tuple[GroupGap, ...] = ()

    def answer(self, kind: type[A]) -> A | None:
        """Return the answer of a class, None where its question was not asked."""
        return answer_of(self.answers, kind)

    @property
    def suspected(self) -> tuple[SuspicionState, ...]:
        """Every suspicion so far, as it was after this night."""
        found = self.answer(CorruptOrDrifted)
        return () if found is None else found.states

    @property
    def performance(self) -> Performance | None:
        """The champion's realised error; None without a matured cohort."""
        matters = self.answer(Matters)
        return None if matters is None else matters.performance

    @property
    def estimated(self) -> Estimated | None:
        """The champion's error as estimated without labels."""
        matters = self.answer(Matters)
        return None if matters is None else matters.estimated

    @property
    def slices(self) -> tuple[LocalError, ...]:
        """Errors by slice, the worst first."""
        matters = self.answer(Matters)
        return () if matters is None else matters.slices

    @property
    def upstream(self) -> tuple[UpstreamState, ...]:
        """The newest nights of the projects upstream."""
        where = self.answer(WhereFirst)
        return () if where is None else where.upstream

    @property
    def outputs(self) -> tuple[OutputMetric, ...]:
        """What users saw of the answers; empty where the spec had no feedback."""
        found = self.answer(Outputs)
        return () if found is None else found.metrics

    @property
    def people(self) -> PersonComparison | None:
        """How people decided next to the model; None where no decision of a person was known."""
        found = self.answer(DecidedByPeople)
        return None if found is None else found.comparison

    @property
    def downstream(self) -> tuple[str, ...]:
        """The projects downstream."""
        where = self.answer(WhereFirst)
        return () if where is None else where.downstream


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
    `adopted` records the digest of a champion that has none.
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
    terms: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The number of the version that is rolled out."""
        return int(self.subject.removeprefix("version "))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry(Entry):
    """A person released a quarantined batch."""

    kind: ClassVar[EntryKind] = "release"

    action: Literal["released"] = "released"


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
)
