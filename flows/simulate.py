"""A policy on a project's history, night by night, as it would have been: the nightly's own rooms, in memory.

Nothing is written and no server is asked. What differs from real nights is said here: a challenger that passes its gate
is approved the same night, and what a person would have been asked is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from flows.history import History
from flows.house import Champion
from flows.proof import Proven, Question, prove
from tasks.decide import Situation, Suspected, decide
from tasks.drift import Leeway, duplicate_share
from tasks.errors import DataError
from tasks.features import labelled, matured
from tasks.monitor import Folded, Known, Pace, Promise, Since, Watch, fold, newest_cohort, performance
from tasks.monitor.short import short_delivery
from tasks.monitor.suspect import broken
from tasks.profiles import TableProfile, profile
from tasks.records import Decision
from tasks.spec import ProjectSpec, nights_per_year
from tasks.train.task import refit

Habit = Literal["policy", "never", "monthly", "nightly"]
MONTH_DAYS = 30
FIRST = 1
Said = Callable[[str], None]


@dataclass(frozen=True)
class Strategy:
    """When a model is retrained: by a spec's policy, never, once a month, or every night that has new labels."""

    name: str
    spec: ProjectSpec
    habit: Habit = "policy"


@dataclass(frozen=True, slots=True)
class Retrained:
    """A retraining: when, why, and whether the gate let the challenger through."""

    night: date
    reason: str
    passed: bool
    version: int


@dataclass(frozen=True)
class Story:
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
    retrainings: list[Retrained]
    served: pd.DataFrame
    set_aside: dict[date, list[str]]


@dataclass
class Workshop:
    """Where models are made for a replay; what was made once is not made again for another strategy."""

    history: History
    folder: Path
    made: dict[Any, Any] = field(default_factory=dict)
    said: Said = lambda _text: None

    def first(self, spec: ProjectSpec, night: date) -> Champion:
        """Return the first champion, trained on what was known on a night.

        Raises
        ------
        DataError
            When that is too little, or the gate refused it.
        """
        proven, champion = self.trained(spec, night, None)
        if champion is None:
            raise DataError(
                f"no first model on {night}: {'; '.join(proven.evidence.reasons)}; begin later with --begin"
            )
        return champion

    def trained(self, spec: ProjectSpec, night: date, before: Champion | None) -> tuple[Proven, Champion | None]:
        """Train on what was known on a night; return the proof, and the champion it makes unless the gate refused."""
        trainer = spec.model_dump_json(include={"training", "gate", "split", "scope", "features", "source"})
        beaten = None if before is None else (before.trained_from, before.trained_until, before.recipe)
        key = (trainer, night, beaten, self._digest(spec, night))
        if key not in self.made:
            self.said(f"training as of {night}")
            self.made[key] = self._train(spec, night, before)
        made: tuple[Proven, Champion | None] = self.made[key]
        return made

    def _digest(self, spec: ProjectSpec, night: date) -> int:
        """Return a number that tells what was known on a night from anything else that might have been."""
        rows, labels = self.history.rows, self.history.labels
        seen = rows.loc[rows["arrival"] <= night, ["row_id", *spec.features.columns]]
        told = labels.loc[labels["arrival"] <= night, ["row_id", "label"]]
        return hash(tuple(int(pd.util.hash_pandas_object(each, index=False).sum()) for each in (seen, told)))

    def known(self, spec: ProjectSpec, night: date) -> pd.DataFrame:
        """Return the labelled rows known on a night."""
        rows = self.history.rows[self.history.rows["arrival"] <= night]
        known = labelled(rows, self.history.labels, night, spec.source.label.column)
        return matured(known, spec.matured_until(night)) if len(known) else known

    def _train(self, spec: ProjectSpec, night: date, before: Champion | None) -> tuple[Proven, Champion | None]:
        known = self.known(spec, night)
        if len(known) < spec.training.min_rows:
            raise DataError(
                f"{len(known)} labelled rows are known on {night}; training.min_rows is {spec.training.min_rows}: "
                "begin later, with --begin"
            )
        question = Question(
            known=known,
            rows=self.history.rows.loc[self.history.rows["arrival"] <= night, ["row_id", "event_date"]],
            night=night,
            champion=before.model if before else None,
            trained_until=before.trained_until if before else None,
        )
        proven = prove(question, spec, self.folder, through=_plainly)
        if not proven.evidence.passed:
            return proven, None
        ruler = before.reference.total.ruler if before else None
        released = refit.fn(proven.trained, known, proven.parts.holdout, spec, ruler)
        evidence, fitted = proven.evidence, released.fitted
        return proven, Champion(
            number=FIRST if before is None else before.number + 1,
            model=fitted.portable,
            reference=released.reference,
            promise=Promise(spec.scope.metric, evidence.challenger_loss, evidence.challenger_bias, evidence.rows),
            trained_from=fitted.trained_from,
            trained_until=fitted.trained_until,
            importances=tuple(released.importances.items()),
            recipe=fitted.recipe.name,
            answers=proven.answers(spec),
            repeated_rows=duplicate_share(known[spec.features.columns]),
        )


def simulate(strategy: Strategy, workshop: Workshop, begin: date, nights: list[date] | None = None) -> Story:
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
    served = pd.concat(run.served, ignore_index=True) if run.served else pd.DataFrame()
    return Story(strategy, decisions, run.retrainings, served, run.set_aside)


def _plainly(room: Any) -> Any:
    return room.fn


@dataclass
class _Run:
    """One strategy on its way through the nights."""

    strategy: Strategy
    workshop: Workshop
    champion: Champion
    retrainings: list[Retrained] = field(default_factory=list)
    served: list[pd.DataFrame] = field(default_factory=list)
    set_aside: dict[date, list[str]] = field(default_factory=dict)
    profiles: dict[date, TableProfile] = field(default_factory=dict)
    answered: list[pd.DataFrame] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    seen_until: date | None = None

    def __post_init__(self) -> None:
        rows = self.workshop.history.rows
        self._taken = pd.Series(data=True, index=rows.index)  # False once set aside
        self._crown(self.champion, max(rows["event_date"].min(), self.champion.trained_until))

    def night(self, night: date) -> Decision:
        """Take in what landed since the last night, judge it, and retrain where the strategy says so."""
        broken_files = list(self._take_in(night))
        decision = decide(self._situation(night, broken_files), self.strategy.spec)
        if self._retrains(decision, night):
            self._retrain(night, decision.reason)
        return decision

    def _take_in(self, night: date) -> Iterator[str]:
        """Score and summarise what landed; yield the files that were set aside, by the contract or the watch."""
        history, spec = self.workshop.history, self.strategy.spec
        for refused in history.refused_on(night):
            if refused.whole:
                self.set_aside.setdefault(night, []).append(f"{refused.key}: contract")
                yield refused.key
        inside = history.rows["arrival"] <= night
        if self.seen_until is not None:
            inside &= history.rows["arrival"] > self.seen_until
        self.seen_until = night
        landed = history.rows[inside & (history.rows["event_date"] > self.champion.trained_until)]
        if len(landed) >= spec.monitoring.min_rows and (found := broken(self._watch, landed, spec.features.columns)):
            self._taken[landed.index] = False
            kinds = ", ".join(f"{each.kind} {' '.join(each.columns)}".strip() for each in found)
            self.set_aside.setdefault(night, []).append(kinds)
            yield kinds
            return
        if len(landed):
            answers = self._answers(landed)
            self.answered.append(answers)
            self.served.append(answers.assign(version=self.champion.number))
            self._summarise(landed)

    @property
    def _watch(self) -> Watch:
        policy, champion = self.strategy.spec.monitoring, self.champion
        nights = nights_per_year(self.strategy.spec.schedule)
        leeway = Leeway(policy.effect, policy.false_alarms_per_year, nights)
        return Watch(champion.reference, leeway, policy.window_days, champion.answers, champion.repeated_rows)

    def _answers(self, rows: pd.DataFrame) -> pd.DataFrame:
        plain = rows[["row_id", "event_date", "arrival"]].reset_index(drop=True)
        return plain.assign(prediction=self.champion.model.predict(rows))

    def _summarise(self, rows: pd.DataFrame) -> None:
        ruler = self.champion.reference.total.ruler
        days: list[date] = sorted(set(rows["event_date"]))
        for day in days:
            found = profile(rows[rows["event_date"] == day], ruler)
            self.profiles[day] = self.profiles[day] + found if day in self.profiles else found

    def _situation(self, night: date, broken_files: list[str]) -> Situation:
        spec, champion = self.strategy.spec, self.champion
        answered = pd.concat(self.answered) if self.answered else self._answers(self.workshop.history.rows.iloc[:0])
        labels = self.workshop.history.labels
        known = labels[labels["arrival"] <= night].drop_duplicates("row_id", keep="last")
        labels_of = answered[answered["event_date"] <= spec.matured_until(night)]
        judged = labels_of.merge(known[["row_id", "label"]], on="row_id")
        policy = spec.monitoring
        pace = Pace(policy.window_days, policy.min_rows)
        since = Since(champion.trained_until, self.profiles, answered, judged)
        view = fold(self._watch, since, pace, known=self.known)
        cohort = newest_cohort(judged, days=policy.cohort_days)
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
            kind=view.kind,
            estimated=view.estimated,
            importances=champion.importances,
            performance=performance(cohort, champion.promise, policy, nights_per_year(spec.schedule)),
            last_retraining=max(passed, default=None),
            last_refused=max((each.night for each in done if not each.passed), default=None),
            retrainings_in_30_days=sum(day > month_ago for day in passed),
            fresh_rows=len(judged),
            rows_in_30_days=int((answered["arrival"] > month_ago).sum()),
        )

    def _suspected(self, night: date, view: Folded) -> Iterator[Suspected]:
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
        clean = History(kept.rows[self._taken], kept.labels, kept.refused)
        bench = Workshop(clean, self.workshop.folder, self.workshop.made, self.workshop.said)
        proven, challenger = bench.trained(self.strategy.spec, night, self.champion)
        passed = challenger is not None
        said = reason if passed else f"{reason}; refused: {'; '.join(proven.evidence.reasons)}"
        number = challenger.number if challenger is not None else self.champion.number + 1
        self.retrainings.append(Retrained(night, said, passed, number))
        if challenger is not None:
            self._crown(challenger, challenger.trained_until)

    def _crown(self, champion: Champion, after: date) -> None:
        """Let another champion serve; what came since its training is answered by it too, so that it is judged."""
        self.champion = champion
        self.profiles, self.answered, self.known = {}, [], Known()
        rows = self.workshop.history.rows
        if self.seen_until is None:
            return
        since = rows[(rows["event_date"] > after) & (rows["arrival"] <= self.seen_until) & self._taken]
        if len(since):
            self.answered.append(self._answers(since))
            self._summarise(since)
