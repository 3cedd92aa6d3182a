"""The entry of a night: its action, the answers to its questions, and what it found of deliveries and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from tasks.records.answer_quality.audited_rows import AuditedRows
from tasks.records.answer_quality.further_metrics import MeasuredMetric
from tasks.records.answer_quality.group_gap import GroupGap
from tasks.records.answer_quality.guarded_metric import GuardedMetric
from tasks.records.answer_quality.interval_coverage import IntervalCoverage, SliceCoverage
from tasks.records.answer_quality.output_metric import OutputMetric
from tasks.records.answer_quality.person_comparison import PersonComparison
from tasks.records.answers import (
    A,
    AnyAnswer,
    CorruptOrDrifted,
    DecidedByPeople,
    HeldDegree,
    Matters,
    Outputs,
    WhereFirst,
    answer_of,
)
from tasks.records.decision import Action
from tasks.records.drift import DriftKind, DriftStatistic, LocalError, PipelineStage, Suspicion
from tasks.records.entries.entry import Entry, EntryKind
from tasks.records.performance import Estimated, Performance
from tasks.records.suspicion_state import SuspicionState
from tasks.records.upstream import UpstreamState


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
    coverage : IntervalCoverage or None
        The share of its labels inside their intervals; None without intervals.
    slice_coverage : tuple of SliceCoverage
        The same of each slice of the columns in `gate.slices` and `training.interval_by`.
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
    coverage: IntervalCoverage | None = None
    slice_coverage: tuple[SliceCoverage, ...] = ()

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
    def guarded(self) -> tuple[GuardedMetric, ...]:
        """The guardrails of the rollout that was under way; empty without one."""
        found = self.answer(Outputs)
        return () if found is None else found.guarded

    @property
    def people(self) -> PersonComparison | None:
        """How people decided next to the model; None where no decision of a person was known."""
        found = self.answer(DecidedByPeople)
        return None if found is None else found.comparison

    @property
    def audit(self) -> AuditedRows | None:
        """The degree of automation with its audit; None where the spec has nothing that people decide."""
        found = self.answer(HeldDegree)
        return None if found is None else found.audit

    @property
    def downstream(self) -> tuple[str, ...]:
        """The projects downstream."""
        where = self.answer(WhereFirst)
        return () if where is None else where.downstream
