"""A policy on a project's history, night by night, as it would have been: the nightly's own rooms, in memory.

Nothing is written and no server is asked. What differs from real nights is said here: a challenger that passes its gate
is approved the same night, and what a person would have been asked is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from flows.backtest.prediction_cache import PredictionCache
from flows.backtest.timeline import LabelFeed, Timeline
from flows.backtest.trainer import BacktestTrainer
from flows.workspace import Champion
from tasks.arrays import FloatArray, IntArray
from tasks.decide import Situation, Suspected, decide
from tasks.drift import Suspicion
from tasks.monitor import (
    DriftMonitor,
    MonitoringInputs,
    NightView,
    ReplayCache,
    WindowPolicy,
    drift_monitor,
    local_errors,
    newest_cohort,
    performance,
    tolerance,
    view_night,
)
from tasks.monitor.data_quality_checks import looks_broken
from tasks.monitor.short_delivery import short_delivery
from tasks.monitor.slicing.slice_errors import bounded_cohort
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import Decision, LocalError
from tasks.spec import ProjectSpec, nights_per_year

RetrainSchedule = Literal["policy", "never", "monthly", "nightly"]
MONTH_DAYS = 30


@dataclass(frozen=True)
class Strategy:
    """When a model is retrained: by a spec's policy, never, once a month, or every night that has new labels."""

    name: str
    spec: ProjectSpec
    habit: RetrainSchedule = "policy"


@dataclass(frozen=True, slots=True)
class RetrainingOutcome:
    """A retraining: when, why, and whether the gate let the challenger through."""

    night: date
    reason: str
    passed: bool
    version: int


@dataclass(frozen=True)
class BacktestResult:
    """What a strategy came to.

    Parameters
    ----------
    decisions : list of Decision
        One a night.
    retrainings : list of Retrained
        In order.
    served : DataFrame
        `row_id`, `event_date`, `prediction` and `version`: each row once, by whoever was champion when it came.
    set_aside : dict
        What a night quarantined: the files, with the kinds of fault seen.
    """

    strategy: Strategy
    decisions: list[Decision]
    retrainings: list[RetrainingOutcome]
    served: pd.DataFrame
    set_aside: dict[date, list[str]]


def run_backtest(
    strategy: Strategy, workshop: BacktestTrainer, begin: date, nights: list[date] | None = None
) -> BacktestResult:
    """Return what a strategy would have come to on the nights after the first model's.

    Parameters
    ----------
    begin : date
        The night whose knowledge the first champion is trained on.
    nights : list of date, optional
        Which nights are run; those on which something landed, when left out.
    """
    run = _Run(strategy, workshop, workshop.first(strategy.spec, begin))
    pending = [night for night in (nights or workshop.history.nights) if night > begin]
    decisions = [run.night(night) for night in pending]
    return BacktestResult(strategy, decisions, run.retrainings, run.answers_served(), run.set_aside)


@dataclass
class _Run:
    """One strategy on its way through the nights."""

    strategy: Strategy
    workshop: BacktestTrainer
    champion: Champion
    retrainings: list[RetrainingOutcome] = field(default_factory=list)
    served: list[tuple[IntArray, FloatArray, int]] = field(default_factory=list)
    set_aside: dict[date, list[str]] = field(default_factory=dict)
    profiles: dict[date, TableProfile] = field(default_factory=dict)
    answered: list[IntArray] = field(default_factory=list)
    known: ReplayCache = field(default_factory=ReplayCache)
    seen_until: date | None = None

    def __post_init__(self) -> None:
        self._tape = Timeline(self.workshop.history)
        self._told = LabelFeed(self._tape)
        self._taken = np.ones(self._tape.count, dtype=bool)  # False once set aside
        self._promote(self.champion, self.champion.trained_until)

    def night(self, night: date) -> Decision:
        """Take in what landed since the last night, judge it, and retrain where the strategy says so."""
        broken_files = list(self._take_in(night))
        decision = decide(self._situation(night, broken_files), self.strategy.spec)
        if self._retrains(decision, night):
            self._retrain(night, decision.reason)
        return decision

    def answers_served(self) -> pd.DataFrame:
        """Return what was served: `row_id`, `event_date`, `prediction` and `version`."""
        if not self.served:
            return pd.DataFrame()
        places, answers = (np.concatenate([each[part] for each in self.served]) for part in (0, 1))
        versions = np.repeat([each[2] for each in self.served], [len(each[0]) for each in self.served])
        return self._tape.plain(places).assign(prediction=answers, version=versions)

    def _take_in(self, night: date) -> Iterator[str]:
        """Score and summarise what landed; yield the files that were set aside, by the contract or the watch."""
        spec = self.strategy.spec
        for refused in self._tape.history.refused_on(night):
            if refused.whole:
                self.set_aside.setdefault(night, []).append(f"{refused.key}: contract")
                yield refused.key
        landed = self._tape.newer(self._tape.landed(self.seen_until, night), self.champion.trained_until)
        self.seen_until = night
        if not len(landed):
            return
        days = self._tape.summaries(landed, self.champion.reference.total.ruler)
        if len(landed) >= spec.monitoring.min_rows and (found := self._broken(landed, days)):
            self._taken[landed] = False
            kinds = ", ".join(f"{each.kind} {' '.join(each.columns)}".strip() for each in found)
            self.set_aside.setdefault(night, []).append(kinds)
            yield kinds
            return
        self._answer(landed, days)
        self.served.append((landed, self._champions.to(landed, night), self.champion.number))

    def _broken(self, landed: IntArray, days: dict[date, TableProfile]) -> tuple[Suspicion, ...]:
        repeated = self._tape.repeated(landed, tuple(self.strategy.spec.features.columns))
        return looks_broken(self._watch, min(days), sum_profiles(list(days.values())), repeated)

    def _answer(self, places: IntArray, days: dict[date, TableProfile]) -> None:
        """Let the champion answer rows, and add their profiles to those of their dates."""
        self.answered.append(places)
        for day, each in days.items():
            self.profiles[day] = self.profiles[day] + each if day in self.profiles else each

    @property
    def _watch(self) -> DriftMonitor:
        return drift_monitor(self.champion.baseline, self.strategy.spec)

    def _worse(self, cohort: pd.DataFrame) -> tuple[LocalError, ...]:
        """Return the errors by slice of the newest matured cohort."""
        policy, slices = self.strategy.spec.monitoring, self.champion.slices
        if slices is None or cohort.empty:
            return ()
        now = self._champions.by_slice(slices, bounded_cohort(cohort))
        return local_errors(slices, now, tolerance(policy, self._watch.policy))

    def _since(self, night: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the champion's answers since its training, and those whose labels have matured."""
        self._told.until(night)
        places = np.concatenate(self.answered) if self.answered else np.zeros(0, dtype=np.int64)
        answered = pd.DataFrame(
            {
                "event_date": self._tape.dates.take(places).array,
                "prediction": self._champions.to(places, night),
                "label": self._told.label[places],
                "place": places,
            }
        )
        until = np.datetime64(self.strategy.spec.matured_until(night))
        return answered, answered[(self._tape.days[places] <= until) & self._told.known[places]]

    def _situation(self, night: date, broken_files: list[str]) -> Situation:
        spec, champion, policy = self.strategy.spec, self.champion, self.strategy.spec.monitoring
        answered, judged = self._since(night)
        since = MonitoringInputs(champion.trained_until, self.profiles, answered, judged)
        cohort = newest_cohort(judged, until=spec.matured_until(night), days=policy.cohort_days)
        worse = self._worse(cohort)
        view = view_night(
            self._watch, since, WindowPolicy(policy.window_days, policy.min_rows), known=self.known, worse=worse
        )
        done = [each for each in self.retrainings if each.night <= night]
        passed = [each.night for each in done if each.passed]
        moved = sorted((*view.seen.moved, *view.seen.predictions), key=lambda each: -each.strain)
        month_ago = night - timedelta(days=MONTH_DAYS)
        return Situation(
            project=spec.project,
            night=night,
            champion=champion.number,
            champion_age_days=(night - champion.trained_until).days,
            window_rows=view.window.rows if view.window else 0,
            window_days=view.window.days if view.window else 0,
            quarantined=tuple(broken_files),
            moved=tuple(moved),
            suspicions=tuple(self._suspected(night, view)),
            surprises=view.learnt.moved if view.learnt else (),
            worse=worse,
            kind=view.kind,
            estimated=view.estimated,
            importances=champion.importances,
            performance=performance(cohort, champion.promise, policy, nights_per_year(spec.schedule), since=judged),
            last_retraining=max(passed, default=None),
            last_refused=max((each.night for each in done if not each.passed), default=None),
            retrainings_in_30_days=sum(day > month_ago for day in passed),
            fresh_rows=len(judged),
            rows_in_30_days=int((self._tape.arrivals[answered["place"]] > np.datetime64(month_ago)).sum()),
        )

    def _suspected(self, night: date, view: NightView) -> Iterator[Suspected]:
        spec = self.strategy.spec
        a_night = spec.monitoring.false_alarms_per_year / nights_per_year(spec.schedule)
        short = short_delivery(self.workshop.history.volumes, night, a_night)
        for each in (*([short] if short else []), *view.seen.suspicions):
            yield Suspected(each.kind, each.columns, each.evidence)

    def _retrains(self, decision: Decision, night: date) -> bool:
        if self.strategy.habit == "policy":
            return decision.action == "retrain"
        last = max((each.night for each in self.retrainings), default=None)
        due = last is None or (night - last).days >= MONTH_DAYS
        new = self.strategy.spec.matured_until(night) > self.champion.trained_until
        return new and (self.strategy.habit == "nightly" or (self.strategy.habit == "monthly" and due))

    def _retrain(self, night: date, reason: str) -> None:
        kept = self.workshop.history
        bench = replace(self.workshop, history=replace(kept, rows=kept.rows[self._taken]))
        proven, challenger = bench.trained(self.strategy.spec, night, self.champion)
        passed = challenger is not None
        said = reason if passed else f"{reason}; refused: {'; '.join(proven.evidence.reasons)}"
        number = challenger.number if challenger is not None else self.champion.number + 1
        self.retrainings.append(RetrainingOutcome(night, said, passed, number))
        if challenger is not None:
            self._promote(challenger, challenger.trained_until)

    def _promote(self, champion: Champion, after: date) -> None:
        """Let another champion serve; what came since its training is answered by it too, so that it is judged."""
        self.champion = champion
        self.profiles, self.answered, self.known = {}, [], ReplayCache()
        ahead = timedelta(days=0 if self.strategy.habit == "nightly" else MONTH_DAYS)
        self._champions = PredictionCache(self._tape, self._told, champion, self.strategy.spec.scope.metric, ahead)
        if self.seen_until is None:
            return
        since = self._tape.newer(self._tape.landed(None, self.seen_until), after)
        since = since[self._taken[since]]
        if len(since):
            self._answer(since, self._tape.summaries(since, champion.reference.total.ruler))
