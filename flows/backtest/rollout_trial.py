"""Tries the rollout of a project on its own history: two versions, the rows after both, and faults of serving."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from flows.backtest.engine import trained_pair
from flows.backtest.trainer import BacktestTrainer
from flows.loaded_version import Champion
from tasks.arrays import BoolArray, FloatArray
from tasks.errors import DataError
from tasks.fault_scenarios.serving_faults import ServedInputs, answer_faults, input_faults
from tasks.inference.confidence import confidence
from tasks.inference.model_answers import unsure_rows
from tasks.model import Predictor
from tasks.model.input_matrix import input_matrix
from tasks.model.version_change import version_change
from tasks.promote import rollout_terms
from tasks.rollout import AnswerChange, ChangePromise, RolloutTerms
from tasks.rollout.simulated_rollout import Onset, PairedRows, SimulatedEnd, Traffic, paired_rows, simulated
from tasks.spec import ProjectSpec

BLOCK_ROWS = 20
"""Requests come in runs of so many neighbouring rows, so that bursts of similar ones stay together."""
LOOK_ROWS = 10
FAULT_REQUESTS, HEALTHY_REQUESTS = 6_000, 20_000
MOST_ROWS = 20_000
FEWEST_ROWS = 200


@dataclass(frozen=True)
class TriedFault:
    """A fault: its rows, and its effect in multiples of what the gate promised."""

    rows: PairedRows
    effect: float


@dataclass(frozen=True)
class RolloutTrial:
    """What rollouts are tried on.

    Attributes
    ----------
    terms, promise : RolloutTerms, ChangePromise
        What a rollout is held to.
    nights : (date, date)
        When the champion and the candidate were trained.
    is_passed : bool
        Whether the gate let the candidate pass.
    healthy : PairedRows
        Rows that neither version has learned from.
    faults : mapping of str to TriedFault
        The same rows with each fault.
    """

    terms: RolloutTerms
    promise: ChangePromise
    nights: tuple[date, date]
    is_passed: bool
    healthy: PairedRows
    faults: Mapping[str, TriedFault]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.healthy.changed)


@dataclass(frozen=True)
class FaultEnds:
    """How the rollouts with a fault ended, that was there from the start, or came with the first share."""

    name: str
    effect: float
    shadow: tuple[SimulatedEnd, ...]
    canary: tuple[SimulatedEnd, ...]


def rollout_trial(spec: ProjectSpec, trainer: BacktestTrainer, first: date, candidates: Sequence[date]) -> RolloutTrial:
    """Train a champion and a candidate as on two nights, and let both answer the rows of later days, with each fault.

    Parameters
    ----------
    candidates : sequence of date
        See `trained_pair`.

    Raises
    ------
    DataError
        Too little is known on one of both nights, or too few rows came later.
    """
    champion, night, evaluated, released = trained_pair(spec, trainer, first, candidates)
    promise = evaluated.evidence.change
    if promise is None:
        raise DataError(f"the gate of {night} had no rows on which both versions could be compared")
    rows = trainer.history.rows
    rows = rows[rows["event_date"] > night].drop_duplicates("row_id", keep="last").sort_values("event_date")
    if len(rows) < FEWEST_ROWS:
        raise DataError(f"{len(rows)} rows came after {night}, and {FEWEST_ROWS} are needed; begin earlier")
    candidate = evaluated.comparison_set.challenger if released is None else released.model
    terms = replace(rollout_terms(promise, spec.rollout), guardrails=())  # history has no users of the candidate
    pair = _Pair(champion, candidate, rows.tail(MOST_ROWS), terms)
    healthy = pair.difference(pair.inputs)[0]
    faults = {name: TriedFault(found, _effect(change, promise)) for name, found, change in pair.faulty()}
    return RolloutTrial(terms, promise, (first, night), released is not None, healthy, faults)


class _Pair:
    """Two versions with rows that both answer."""

    def __init__(self, champion: Champion, candidate: Predictor, rows: pd.DataFrame, terms: RolloutTerms) -> None:
        self._champion, self._candidate, self._terms = champion, candidate, terms
        self._before = _answered(champion.model, input_matrix(rows, champion.model.schema))
        self.inputs = input_matrix(rows, candidate.schema)

    def difference(
        self, inputs: FloatArray, answers: Callable[[FloatArray], FloatArray] | None = None
    ) -> tuple[PairedRows, AnswerChange]:
        """Return how the candidate's answers to inputs differ, and what its tests take; `answers` changes them."""
        before, unsure = self._before
        after, now_unsure = _answered(self._candidate, inputs)
        after = after if answers is None else answers(after)
        failed = _answered_rows(before) & ~_answered_rows(after)
        change = version_change((self._champion.model, self._candidate), (before, after), self._terms.unit)
        return paired_rows(change, self._terms.limits, unsure != now_unsure, failed), change

    def faulty(self) -> Iterator[tuple[str, PairedRows, AnswerChange]]:
        """Yield each fault that can happen to these versions, by name."""
        served = self._served()
        for name, fault in input_faults(served).items():
            yield name, *self.difference(fault(served))
        for name, answers in answer_faults(self._before[0]).items():
            yield name, *self.difference(served.inputs, partial(answers, draws=np.random.default_rng(0)))

    def _served(self) -> ServedInputs:
        schema, inputs = self._candidate.schema, self.inputs
        names, shares = schema.inputs, dict(self._champion.importances)
        by_importance = sorted(range(len(names)), key=lambda at: -shares.get(names[at].partition(":")[0], 0.0))
        numbers = [at for at in by_importance if names[at] in schema.numbers and np.nanstd(inputs[:, at]) > 0]
        categories = [at for at in by_importance if names[at] in schema.categories]
        others = {*schema.numbers, *schema.booleans, *schema.categories}
        dates = [at for at in by_importance if names[at] not in others]
        return ServedInputs(inputs, tuple(numbers), tuple(categories), tuple(dates), np.random.default_rng(0))


def _answered(model: Predictor, inputs: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the predictions for inputs, and which rows the model passes to a person."""
    prediction = model.from_score(model.score_matrix(inputs))
    return prediction, unsure_rows(confidence(prediction, inputs, model.schema), model)


def _answered_rows(prediction: FloatArray) -> BoolArray:
    """Return which rows have a number, of several classes one for each."""
    return np.asarray(np.isfinite(prediction.reshape(len(prediction), -1)).all(axis=1), dtype=bool)


def _effect(change: AnswerChange, promise: ChangePromise) -> float:
    """Return how many times larger a difference is than the upper bound of its promise: of three, the largest one."""
    reach = max(abs(promise.shift_low), abs(promise.shift_high))
    found = [
        (float(change.changed.mean()), promise.changed_high),
        (float(change.size.mean()), promise.size_high),
        (abs(float(change.shift.mean())), reach),
    ]
    return max(value / bound if bound > 0 else 0.0 for value, bound in found)


def traffic(trial: RolloutTrial, seed: int, requests: int, per_hour: float) -> Traffic:
    """Return requests that are drawn from the rows, in runs of neighbours."""
    draws = np.random.default_rng(seed)
    starts = draws.integers(0, trial.count, -(-requests // BLOCK_ROWS))
    order = ((starts[:, None] + np.arange(BLOCK_ROWS)) % trial.count).ravel()[:requests]
    return Traffic(order, draws.random(requests), per_hour, LOOK_ROWS)


def fault_ends(trial: RolloutTrial, seeds: int, per_hour: float) -> Iterator[FaultEnds]:
    """Yield how the rollouts of each fault end, the largest effect first."""
    lives = [traffic(trial, seed, FAULT_REQUESTS, per_hour) for seed in range(seeds)]

    def ends(fault: TriedFault, onset: Onset) -> tuple[SimulatedEnd, ...]:
        return tuple(simulated(trial.terms, life, trial.healthy, fault.rows, onset) for life in lives)

    for name, fault in sorted(trial.faults.items(), key=lambda item: -item[1].effect):
        yield FaultEnds(name, fault.effect, ends(fault, "shadow"), ends(fault, "canary"))


def healthy_ends(trial: RolloutTrial, seeds: int, per_hour: float) -> list[SimulatedEnd]:
    """Return how rollouts without a fault end."""
    lives = (traffic(trial, 10_000 + seed, HEALTHY_REQUESTS, per_hour) for seed in range(seeds))
    return [simulated(trial.terms, life, trial.healthy, trial.healthy) for life in lives]
