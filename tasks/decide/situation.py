"""Everything that a decision may rest on, as one record, so that the same night can be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.records import (
    AuditedRows,
    DriftKind,
    DriftStatistic,
    Estimated,
    GuardedMetric,
    LocalError,
    OutputMetric,
    Performance,
    PersonComparison,
    ServedProof,
    Suspicion,
    SuspicionState,
    UpstreamState,
)


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """The error of the champion's first matured cohort, compared with what it promised.

    Attributes
    ----------
    verdict : {"too_early", "as_promised", "better", "worse", "unknown"}
        From the interval of its realised error and that of the gate.
    sentence : str
        The numbers in words.
    back_to : int or None
        The version that a rollback would bring back.
    """

    version: int
    verdict: str
    sentence: str
    back_to: int | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShadowOutcome:
    """How the version that waits for approval compares with the champion, or why that is not known.

    `failed` says that it could not be loaded, or could not answer.
    """

    version: int
    sentence: str
    failed: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegimeEvidence:
    """What was known when a retraining was decided: rows of the new regime, and the strain of the error."""

    regime_rows: int
    strain: float


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the decision of a night may rest on.

    Attributes
    ----------
    moved : tuple of DriftStatistic
        Statistics of inputs and predictions, the most strained first.
    suspicions : tuple of Suspicion
        What looks broken rather than drifted, and is not quarantined.
    suspected : tuple of SuspicionState
        Every suspicion so far, as it is after this night.
    surprises : tuple of DriftStatistic
        The same as `moved`, of what labels say about the champion's predictions.
    worse : tuple of LocalError
        Errors by slice, the worst first.
    alarmed_since : mapping of str to date
        For each column that was past its leeway last night: the first night since which it was without a break.
    first_step : str
        The first step of the project's own data at which something moved.
    upstream, downstream : tuple
        The newest nights of the projects that this one uses, and the names of those that use it.
    kind : str
        The kind of drift.
    estimated : Estimated or None
        The error that is expected without labels.
    importances : tuple of (str, float)
        Each feature's share of the champion's skill; they sum to 1 or less.
    at_retraining, at_refusal : RegimeEvidence or None
        What was known when the last retraining that made a version, and the last that was refused, were decided.
    under_way : date or None
        The night of a recent decision to retrain that has no outcome yet.
    fresh_rows : int
        Labelled rows newer than the champion's training.
    released : ReleaseOutcome or None
        How the champion's first cohort did; None once a night has judged it.
    shadowed : ShadowOutcome or None
        How the version that waits for approval compares with the champion.
    lost_champion : int or None
        The champion of the decision record, if the registry has neither it nor one before it.
    served : ServedProof or None
        Whether the prediction service has answered as the batch does; None where it logged nothing.
    outputs : tuple of OutputMetric
        What users see of the answers, such as the share of those that are redone.
    guarded : tuple of GuardedMetric
        The same of both versions of a rollout, as far as it has guardrails.
    people : PersonComparison or None
        How people decide next to the model; None where no decision of a person is known.
    audit : AuditedRows or None
        The degree of automation with its audit; None where the spec has nothing that people decide.
    overdue : str
        Why a delivery of rows is overdue; empty if none is.
    """

    project: str
    night: date
    champion: int | None = None
    champion_age_days: int | None = None
    lost_champion: int | None = None
    window_rows: int = 0
    window_days: int = 0
    quarantined: tuple[str, ...] = ()
    refused_rows: int = 0
    moved: tuple[DriftStatistic, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    suspected: tuple[SuspicionState, ...] = ()
    surprises: tuple[DriftStatistic, ...] = ()
    worse: tuple[LocalError, ...] = ()
    alarmed_since: Mapping[str, date] = field(default_factory=dict)
    first_step: str = ""
    upstream: tuple[UpstreamState, ...] = ()
    downstream: tuple[str, ...] = ()
    kind: DriftKind = "none"
    estimated: Estimated | None = None
    importances: tuple[tuple[str, float], ...] = ()
    performance: Performance | None = None
    waiting: int | None = None
    last_retraining: date | None = None
    last_refused: date | None = None
    at_retraining: RegimeEvidence | None = None
    at_refusal: RegimeEvidence | None = None
    under_way: date | None = None
    retrainings_in_30_days: int = 0
    fresh_rows: int = 0
    rows_in_30_days: int = 0
    released: ReleaseOutcome | None = None
    shadowed: ShadowOutcome | None = None
    served: ServedProof | None = None
    outputs: tuple[OutputMetric, ...] = ()
    guarded: tuple[GuardedMetric, ...] = ()
    people: PersonComparison | None = None
    audit: AuditedRows | None = None
    overdue: str = ""

    @property
    def new_suspicions(self) -> tuple[Suspicion, ...]:
        """What looks broken and has not been asked about on an earlier night."""
        asked = [state for state in self.suspected if state.asked < self.night]
        return tuple(found for found in self.suspicions if not any(state.explains(found) for state in asked))

    @property
    def open_suspicions(self) -> tuple[SuspicionState, ...]:
        """The suspicions that have neither ended nor been called drift."""
        return tuple(state for state in self.suspected if state.open)

    @property
    def untrusted(self) -> tuple[SuspicionState, ...]:
        """The suspicions of columns with weight, open or of rows by which the champion is judged.

        A shock is suspected because the error rose with it, so that the champion's weights say nothing against it.
        """
        since = self.performance.start if self.performance else None
        weights = dict(self.importances)
        return tuple(
            state
            for state in self.suspected
            if state.taints(since)
            and (
                state.kind == "shock"
                or not weights
                or not state.columns
                or any(weights.get(column, 1.0) > 0 for column in state.columns)
            )
        )

    @property
    def alarms(self) -> tuple[DriftStatistic, ...]:
        """What is past its leeway."""
        return tuple(statistic for statistic in self.moved if statistic.strain > 1)

    @property
    def local_errors(self) -> tuple[LocalError, ...]:
        """The slices with a worse error while all other rows are within their leeway."""
        return tuple(error for error in self.worse if error.strain > 1 and error.alone)

    @property
    def slices(self) -> tuple[str, ...]:
        """The slices to which drift or a worse error is confined."""
        moved = (alarm.where for alarm in self.alarms if alarm.where)
        return tuple(dict.fromkeys([*(error.where for error in self.local_errors), *moved]))

    @property
    def weight_moved(self) -> float:
        """Share of the champion's skill that rests on columns past their leeway, 0 to 1."""
        weights = dict(self.importances)
        return min(1.0, sum(weights.get(column, 0.0) for column in {moved.column for moved in self.alarms}))
