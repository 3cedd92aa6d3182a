"""A rollout on rows that both versions have answered: what its tests find, and what is sent until then.

It is judged as in the service, by the same terms and verdicts; only requests, time and the assignment are simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.rollout.answer_change import AnswerChange
from tasks.rollout.betting import SHAPE, row_wealth
from tasks.rollout.rollout_terms import FAULTS_IN_A_ROW, NOTHING_SEEN, RolloutTerms
from tasks.rollout.rollout_verdict import RolloutStage, RolloutVerdict, harm, judge, must_wait

Onset = Literal["shadow", "canary"]


@dataclass(frozen=True)
class PairedRows:
    """How two versions differ in n rows, as the tests of a rollout take it.

    Attributes
    ----------
    wealth : array, shape (n, *SHAPE)
        What each row adds to the logarithm of the wealth.
    changed : array of bool, shape (n,)
        Rows with a changed answer: another decision, or one of both is deferred to a person.
    failed : array of bool, shape (n,)
        Rows that the candidate could not answer; the champion's answer is sent.
    """

    wealth: FloatArray
    changed: BoolArray
    failed: BoolArray


def paired_rows(
    change: AnswerChange, limits: tuple[float, ...], deferred: BoolArray | None = None, failed: BoolArray | None = None
) -> PairedRows:
    """Return rows for simulated rollouts from how the answers differ.

    Examples
    --------
    >>> change = AnswerChange(np.array([True, False]), np.array([0.5, 0.0]), np.array([0.0, 0.0]))
    >>> paired_rows(change, (0.5,) * 6).changed.tolist()
    [True, False]
    """
    none = np.zeros(len(change.changed), dtype=bool)
    failed = none if failed is None else failed
    deferred = none if deferred is None else deferred
    wrong = AnswerChange(
        change.changed | failed, np.where(failed, 1.0, change.size), np.where(failed, 0.0, change.shift)
    )
    return PairedRows(row_wealth(wrong, limits, deferred), wrong.changed | deferred, failed)


@dataclass(frozen=True)
class Traffic:
    """The requests of a simulated rollout, of one row each.

    Attributes
    ----------
    order : array of int, shape (m,)
        The row of each request.
    places : array, shape (m,)
        The place of each request in [0, 1): those below the share belong to the candidate.
    per_hour : float
        Requests in an hour.
    look_rows : int
        After how many requests the controller looks at what was seen.
    """

    order: IntArray
    places: FloatArray
    per_hour: float
    look_rows: int = 10


@dataclass(frozen=True)
class SimulatedEnd:
    """How a simulated rollout ended.

    Attributes
    ----------
    outcome : str
        rolled_back, finished, doubted (a person is asked), or running when the requests have ended.
    requests : int
        Requests until then; of a fault that came with the canary, from then on.
    spent : int
        Changed answers that were sent until then.
    share : float
        The largest share that the candidate has had.
    """

    outcome: str
    requests: int
    spent: int
    share: float


def simulated(
    terms: RolloutTerms, traffic: Traffic, healthy: PairedRows, faulty: PairedRows, onset: Onset = "shadow"
) -> SimulatedEnd:
    """Return the end of a rollout of a candidate that has a fault from its start, or from its first share of requests.

    Examples
    --------
    Answers that never differ: shadow, one stage with half of the requests, and all of them for an hour.

    >>> same = AnswerChange(np.zeros(1, dtype=bool), np.zeros(1), np.zeros(1))
    >>> terms = RolloutTerms((0.15, 0.15, 0.6, 0.6, 0.85, 0.85), 0.01, 50, 0.5, bake_hours=1.0, doubt_hours=72.0,
    ...     counts_idle=False)
    >>> traffic = Traffic(np.zeros(3000, dtype=np.int64), np.full(3000, 0.25), per_hour=1000.0)
    >>> fine = paired_rows(same, terms.limits)
    >>> simulated(terms, traffic, fine, fine)
    SimulatedEnd(outcome='finished', requests=1200, spent=0, share=1.0)

    Answers that always differ are found in the shadow, before any is sent.

    >>> other = paired_rows(AnswerChange(np.ones(1, dtype=bool), np.ones(1), np.zeros(1)), terms.limits)
    >>> simulated(terms, traffic, fine, other)
    SimulatedEnd(outcome='rolled_back', requests=10, spent=0, share=0.0)
    """
    run = _Run(terms, traffic.per_hour)
    started: int | None = 0 if onset == "shadow" else None
    for start in range(0, len(traffic.order), traffic.look_rows):
        if started is None and run.share > 0:
            started = start
        part = slice(start, start + traffic.look_rows)
        run.take(healthy if started is None else faulty, traffic.order[part], traffic.places[part])
        verdict = run.verdict()
        if verdict is None:
            continue
        if verdict.outcome in {"rolled_back", "finished"}:
            return run.end(verdict.outcome, start + traffic.look_rows - (started or 0))
        run.enter(verdict)
    return run.end("doubted" if run.is_doubted else "running", len(traffic.order) - (started or 0))


class _Run:
    """A simulated rollout on its way."""

    def __init__(self, terms: RolloutTerms, per_hour: float) -> None:
        self.terms, self._per_hour = terms, per_hour
        self.share = self.most = 0.0
        self.is_doubted = False
        self._sums, self._requests, self._in_a_row = replace(NOTHING_SEEN, wealth=np.zeros(SHAPE)), 0, 0

    def take(self, rows: PairedRows, order: IntArray, places: FloatArray) -> None:
        """Let both versions answer some requests."""
        changed, failed = rows.changed[order], rows.failed[order]
        sent = (places < self.share) & ~failed
        left = self.terms.quota - self._sums.spent
        sent &= ~changed | (np.cumsum(sent & changed) <= left)
        stopped = self._fail(failed)
        self._requests += len(order)
        self._sums = replace(
            self._sums,
            rows=self._sums.rows + len(order),
            changed=self._sums.changed + int(changed.sum()),
            spent=self._sums.spent + int((sent & changed).sum()),
            answers=self._sums.answers + int(sent.sum()),
            faults=self._sums.faults + int(failed.sum()),
            stopped=max(self._sums.stopped, int(stopped)),
            wealth=self._sums.wealth + rows.wealth[order].sum(axis=0),
            busy_seconds=3600 * self._requests / self._per_hour,
        )

    def _fail(self, failed: BoolArray) -> bool:
        """Count failures in a row; return whether there were enough to stop the candidate in a worker."""
        if not failed.any():
            self._in_a_row = 0
            return False
        for one in failed:
            self._in_a_row = self._in_a_row + 1 if one else 0
            if self._in_a_row == FAULTS_IN_A_ROW:
                return True
        return False

    def verdict(self) -> RolloutVerdict | None:
        """Return what follows; once a person is asked, only harm does."""
        if self.is_doubted:
            found = harm(self.terms, self._sums)
            return None if found is None else RolloutVerdict("rolled_back", 0.0, found)
        stage = RolloutStage(self.share, self._requests / self._per_hour)
        return None if must_wait(self.terms, stage, self._sums) else judge(self.terms, stage, self._sums)

    def enter(self, verdict: RolloutVerdict) -> None:
        """Take a step."""
        self.is_doubted = verdict.outcome == "doubted"
        self.share = 0.0 if self.is_doubted and self.terms.on_doubt == "end" else verdict.share
        self.most, self._requests = max(self.most, self.share), 0
        self._sums = replace(self._sums, answers=0, busy_seconds=0.0, starts=self._sums.next_starts)

    def end(self, outcome: str, requests: int) -> SimulatedEnd:
        """Return how it ended."""
        return SimulatedEnd(outcome, requests, self._sums.spent, self.most)
