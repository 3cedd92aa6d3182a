"""What a night's monitoring found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tasks.records.answer_quality.further_metrics import MeasuredMetric
from tasks.records.answer_quality.group_gap import GroupGap
from tasks.records.answer_quality.interval_coverage import IntervalCoverage, SliceCoverage
from tasks.records.drift import ColumnDistribution, DriftKind, DriftStatistic, LocalError, PipelineStage, Suspicion
from tasks.records.performance import Estimated, Performance


@dataclass(frozen=True, slots=True)
class Window:
    """Event dates from `start` to `end`, both included, and how many rows they hold."""

    start: date
    end: date
    rows: int

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True, slots=True)
class WindowDistributions:
    """The inputs' distributions in a window, next to the reference, in the order of the ruler."""

    window: Window
    columns: tuple[ColumnDistribution, ...]


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """What a night's measurement found.

    Parameters
    ----------
    window : Window or None
        The measured window; None when too few rows are newer than the champion's training.
    moved : tuple of DriftStatistic
        Statistics of the inputs, the most strained first.
    performance : Performance or None
        Realised error of the newest matured cohort.
    fresh_rows : int
        Labelled rows newer than the champion's training.
    predictions, surprises : tuple of DriftStatistic
        The same as `moved`, of the champion's answers, and of what labels say about them; both are empty for a champion
        without a prediction reference.
    suspicions : tuple of Suspicion
        What looks broken rather than drifted.
    back : mapping of str to date
        The suspicions that have ended, by name, with the last event date of the rows under suspicion.
    kind : str
        The kind of drift.
    estimated : Estimated or None
        The error that is expected without labels.
    worse : tuple of LocalError
        Errors by slice, the worst first.
    steps : tuple of PipelineStage
        The steps of the data, in order, with what moved in each.
    metrics : tuple of MeasuredMetric
        The further metrics of the newest matured cohort.
    fairness : tuple of GroupGap
        The differences between groups in that cohort.
    coverage : IntervalCoverage or None
        The share of its labels inside their intervals; None without intervals.
    slice_coverage : tuple of SliceCoverage
        The same of each slice of the columns in `gate.slices` and `training.interval_by`.
    distributions : WindowDistributions or None
        Each input in the reference and in the window, for the report; the decision record does not store them.
    """

    window: Window | None = None
    moved: tuple[DriftStatistic, ...] = ()
    performance: Performance | None = None
    fresh_rows: int = 0
    predictions: tuple[DriftStatistic, ...] = ()
    surprises: tuple[DriftStatistic, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    back: Mapping[str, date] = field(default_factory=dict)
    kind: DriftKind = "none"
    estimated: Estimated | None = None
    worse: tuple[LocalError, ...] = ()
    steps: tuple[PipelineStage, ...] = ()
    metrics: tuple[MeasuredMetric, ...] = ()
    fairness: tuple[GroupGap, ...] = ()
    coverage: IntervalCoverage | None = None
    slice_coverage: tuple[SliceCoverage, ...] = ()
    distributions: WindowDistributions | None = None

    @property
    def first_step(self) -> str:
        """The first step at which something is past its leeway, in words; empty where there is none."""
        return next((step.sentence for step in self.steps if step.moved), "")
