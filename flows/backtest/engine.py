"""A policy on a project's history, night by night: the nightly run's own functions, on data in memory.

Nothing is written and no server is asked. A replay of the record repeats what was decided: what people did (approvals,
rollbacks, releases, retrainings by hand) is taken from the record, everything else is worked out again. A strategy that
was not followed then has no such record: a person who is asked for a retraining agrees, a challenger that passes its
gate is approved on the same night, and what a person was asked about the data is answered as it was; what was never
answered is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from flows.backtest.assumed_people import SECOND, GivenAnswers, answered, approved, asked_for_retraining
from flows.backtest.backtest_quarantine import BacktestQuarantine
from flows.backtest.history import as_counted_now
from flows.backtest.strategy import MONTH_DAYS, BacktestResult, RetrainingOutcome, Strategy
from flows.backtest.timeline.chart_cache import ChartCache
from flows.backtest.timeline.served_answers import ServedAnswers
from flows.backtest.timeline.timeline import Timeline
from flows.backtest.timeline.timeline_night import TimelineNight, TimelineVersions
from flows.backtest.trainer import BacktestTrainer
from flows.loaded_version import Champion
from flows.steps.challengers.evaluate_challenger import EvaluatedChallenger, TrainingRequest
from flows.steps.decision_record import decision_entry
from flows.steps.lineage import upstream_states
from flows.steps.night_context import NightContext, as_recorded, situation
from tasks.dataset.landed_batches import landed_batches
from tasks.decide import Situation, decide
from tasks.errors import DataError
from tasks.lake import Deliveries
from tasks.monitor import measure_night
from tasks.promote.recorded_aliases import recorded_aliases
from tasks.records import (
    Decision,
    Entry,
    FaultAnswer,
    MonitoringResult,
    NightEntry,
    RetrainingEntry,
    answers_given,
)
from tasks.registry.mlflow_names import CHAMPION
from tasks.spec import ProjectSpec

BY_PEOPLE = ("promotion", "rollback", "release", "answer")  # kinds of entries that say what people did
END_OF_DAY = time(23, 59)


def run_backtest(
    strategy: Strategy,
    trainer: BacktestTrainer,
    begin: date,
    nights: Sequence[date] | None = None,
    answers: Mapping[str, FaultAnswer] | None = None,
) -> BacktestResult:
    """Return what a strategy would have led to on the nights after the first model's.

    A person who is asked about a column answers on the same night, as in the record or as given: whether a column is
    broken does not depend on the strategy. A column may have been asked about more than once: the answer is that to the
    next question of the record, asked on the same night or later. What the record has no answer to stays open.

    Parameters
    ----------
    begin : date
        The night with the data on which the first champion is trained.
    nights : sequence of date, optional
        The nights to run; those on which something landed, when left out.
    answers : mapping of str to {"fault", "drift"}, optional
        The answer to every question about a column, or about `rows`; those of the record, when left out.

    Raises
    ------
    DataError
        Too little is known on the first night, or the gate refuses the first model.
    """
    given = None if answers is None else {column: {date.max: answer} for column, answer in answers.items()}
    known = answers_given(trainer.history.entries) if given is None else given
    trainer = replace(trainer, history=as_counted_now(trainer.history))
    run = _Run(strategy, trainer, answers=known)
    run.train_first(begin)
    ahead = [night for night in (trainer.history.nights if nights is None else nights) if night > begin]
    for number, night in enumerate(ahead, start=1):
        trainer.progress(f"night {night}, {number} of {len(ahead)}")
        run.decide(night, _evening(night))
    return run.result


def trained_pair(
    spec: ProjectSpec, trainer: BacktestTrainer, first: date, candidates: Sequence[date]
) -> tuple[Champion, date, EvaluatedChallenger, Champion | None]:
    """Return a champion that is trained on one night, and a challenger, the version that it makes, if the gate agrees.

    Parameters
    ----------
    candidates : sequence of date
        Nights on which the challenger may be trained: the first one on which enough labels are newer than the champion.

    Raises
    ------
    DataError
        Too little is known on these nights, or the gate refuses the champion.
    """
    trainer = replace(trainer, history=as_counted_now(trainer.history))
    run = _Run(Strategy("never", spec, "never"), trainer)
    run.train_first(first)
    champion, reason = run.champion, "no later night"
    for night in candidates:
        request = run.request(night)
        reason = request.too_early(spec)
        if champion is not None and not reason:
            return champion, night, *trainer.trained(spec, request, champion, champion.number + 1)
    raise DataError(f"no second model after {first}: {reason}; begin earlier with --start")


def replay_record(spec: ProjectSpec, trainer: BacktestTrainer) -> BacktestResult:
    """Return the decisions of every recorded night again, from what was known then.

    What retention has removed, and values of feature tables as they were before a late delivery, cannot be known again.

    Raises
    ------
    DataError
        The record has no night.
    """
    nights = [entry for entry in trainer.history.entries if isinstance(entry, NightEntry)]
    if not nights:
        raise DataError(f"no night of {spec.project} has been decided yet; `leeway run nightly {spec.project}`")
    run = _Run(Strategy("recorded", spec, "recorded"), trainer)
    for entry in trainer.history.entries:
        run.repeat(entry)
    return run.result


@dataclass
class _Run:
    """One strategy on its way through the nights."""

    strategy: Strategy
    trainer: BacktestTrainer
    record: list[Entry] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    retrainings: list[RetrainingOutcome] = field(default_factory=list)
    charts: dict[int, ChartCache] = field(default_factory=dict)
    answers: GivenAnswers = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.trainer.history)
        ahead = timedelta(days=0 if self.strategy.schedule == "nightly" else MONTH_DAYS)
        self.store = TimelineVersions(self.timeline, self.spec, ahead)
        self.served = ServedAnswers(self.store)
        self.quarantine = BacktestQuarantine(self.timeline, self.spec)

    @property
    def spec(self) -> ProjectSpec:
        """The strategy's spec."""
        return self.strategy.spec

    @property
    def result(self) -> BacktestResult:
        """What the strategy led to so far."""
        quarantined = {night: files for night, files in sorted(self.quarantine.files.items()) if files}
        return BacktestResult(
            self.strategy, self.decisions, self.retrainings, self.served.rows(), quarantined, tuple(self.record)
        )

    @property
    def champion(self) -> Champion | None:
        """The version that serves, by the record so far."""
        return self.store.versions.get(recorded_aliases(self.record).get(CHAMPION, 0))

    # --- the nights -------------------------------------------------------------------------------------------------

    def train_first(self, begin: date) -> None:
        """Train the first champion and promote it."""
        reasons = self._retrain(begin, _evening(begin), f"begin/{begin}", "the first model")
        if self.champion is None:
            raise DataError(f"no first model on {begin}: {reasons}; begin later with --start")
        self.retrainings.clear()

    def repeat(self, entry: Entry) -> None:
        """Repeat what an entry of the record says: decide, train, or take over what a person did."""
        if isinstance(entry, NightEntry):
            self.decide(entry.night, entry.time, entry)
        elif isinstance(entry, RetrainingEntry):
            self._retrain(entry.night, entry.time, entry.name, entry.because, entry.version)
        elif entry.kind in BY_PEOPLE:
            self.record.append(entry)

    def decide(self, night: date, moment: datetime, stored: NightEntry | None = None) -> None:
        """Check what landed, measure, decide, and retrain where the strategy says so.

        Parameters
        ----------
        stored : NightEntry, optional
            The night in the record: it knows the projects downstream, and whether the waiting version could answer.
        """
        champion = self.champion
        if champion is not None:
            landed = landed_batches(self._deliveries(moment), self.record, night, self.spec)
            earlier = partial(self._night(night, moment).daily_rows, champion.ruler, champion.trained_until)
            self.quarantine.check(night, landed, champion, self.store.profiles(champion.ruler), earlier)
        data = self._night(night, moment)
        if champion is not None:
            self.served.answer(data, champion)
        measured = MonitoringResult() if champion is None else self._measured(data, champion)
        upstream = upstream_states(self.spec, self.trainer.history.upstream, night, self._upstream_until(moment))
        context = NightContext(champion, data, self.store.versions.__getitem__, upstream)
        context = context if stored is None else as_recorded(context, stored)
        seen = situation(context, measured)
        decision = decide(seen, self.spec)
        entry = decision_entry(context, decision, measured, moment=moment)
        self.decisions.append(decision)
        self.record.append(entry)
        for state, answer in answered(self.record, self.answers, night, moment):
            self.record.append(answer)
            if answer.action == "drift":
                self.quarantine.release(state)
        trained_until = None if champion is None else champion.trained_until
        due = self.strategy.retrains(decision, night, trained_until, self.retrainings)
        if due or self._agreed(decision, seen):
            self._retrain(night, moment + SECOND, entry.name, decision.reason)

    def _upstream_until(self, moment: datetime) -> datetime | None:
        return moment if self.strategy.schedule == "recorded" else None

    def _deliveries(self, moment: datetime) -> Deliveries:
        """Return the deliveries as they were known at a moment, with what this run has quarantined."""
        return self.quarantine.applied_to(self.trainer.history.deliveries.as_of(moment).revisions)

    def _night(self, night: date, moment: datetime) -> TimelineNight:
        aliases = recorded_aliases(self.record)
        return TimelineNight(
            self.store, night, self._deliveries(moment), tuple(self.record), aliases, self.quarantine.batches
        )

    def _measured(self, data: TimelineNight, champion: Champion) -> MonitoringResult:
        inputs = data.inputs(champion)
        cache = self.charts.setdefault(champion.number, ChartCache()).for_night(inputs)
        return measure_night(inputs, champion.baseline, self.spec, cache)

    # --- retraining -------------------------------------------------------------------------------------------------

    def _agreed(self, decision: Decision, seen: Situation) -> bool:
        return self.strategy.schedule == "policy" and decision.action == "ask" and asked_for_retraining(seen, self.spec)

    def _retrain(self, night: date, moment: datetime, name: str, reason: str, number: int | None = None) -> str:
        """Train on what was known at a moment, record the outcome, and return the gate's reasons.

        Parameters
        ----------
        number : int, optional
            The version's number in the record; the next one, when left out.
        """
        champion, data = self.champion, self._night(night, moment)
        number = number or max(self.store.versions, default=0) + 1
        request = self.trainer.request(self.spec, data.known_then(), champion)
        outcome = RetrainingEntry(
            name=name, night=night, time=moment, action="refused", reason=request.too_early(self.spec), because=reason
        )
        if outcome.reason:
            self.record.append(replace(outcome, subject="no challenger"))
            return outcome.reason
        evaluated, challenger = self.trainer.trained(self.spec, request, champion, number)
        evidence, passed = evaluated.evidence, challenger is not None
        refusal = evidence.refusal
        self.retrainings.append(
            RetrainingOutcome(night, reason if passed else f"{reason}; refused: {refusal}", passed, number)
        )
        outcome = replace(
            outcome,
            action="registered" if passed else "refused",
            reason=f"{evidence.verdict}: {evidence.summary}" if passed else refusal,
            subject=f"version {number}" if passed else evaluated.trained.fitted.recipe.name,
            holdout_start=evidence.start,
            holdout_end=evidence.end,
        )
        self.record.append(outcome)
        if challenger is not None:
            self.store.versions[number] = challenger
            if self.strategy.schedule != "recorded":
                self.record.append(approved(outcome))
        return refusal

    def request(self, night: date) -> TrainingRequest:
        """Return the request for a challenger of the champion from what was known on a night."""
        return self.trainer.request(self.spec, self._night(night, _evening(night)).known_then(), self.champion)


def _evening(night: date) -> datetime:
    return datetime.combine(night, END_OF_DAY, UTC)
