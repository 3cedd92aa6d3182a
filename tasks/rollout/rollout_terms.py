"""What the gate promises of a candidate, what its rollout is held to, and what workers have seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tasks.arrays import FloatArray
from tasks.rollout.betting import SHAPE
from tasks.rollout.two_arms import GuardrailEvidence, GuardrailTerms


@dataclass(frozen=True, slots=True)
class ChangePromise:
    """How the answers of a challenger differ from the champion's on the rows of the gate.

    Each bound holds with a confidence of 99 %.

    Attributes
    ----------
    rows : int
        The rows of the gate.
    unit : float
        The mean absolute error of the champion, if the label is a number: answers that differ by more are changed.
    changed, changed_high : float
        The share of changed decisions, and its upper bound.
    size, size_high : float
        The mean size of the differences, from 0 to 1, and its upper bound.
    shift, shift_low, shift_high : float
        The mean difference with its sign, from -1 to 1, and its bounds.
    """

    rows: int
    unit: float
    changed: float
    changed_high: float
    size: float
    size_high: float
    shift: float
    shift_low: float
    shift_high: float


@dataclass(frozen=True, slots=True)
class RolloutTerms:
    """What a rollout is held to, from its start to its end.

    Attributes
    ----------
    limits : tuple of float
        Of each test, see `tasks.rollout.betting.limits`.
    alpha : float
        The probability with which a candidate that keeps its promise is rolled back.
    quota : int
        The most changed answers.
    first_share : float
        The share of the first canary.
    bake_hours, doubt_hours : float
        How long the candidate answers everything before it is promoted, and how long a stage may take.
    on_doubt : {"hold", "end"}
        Whether the candidate keeps its share while a person is asked.
    unit : float
        See `tasks.rollout.number_change`.
    entity : str
        The column that requests are assigned by; empty for chance.
    stage_hours : float
        The least time of a stage before the bake, in hours with requests; see `RolloutSums.busy_seconds`.
    stage_rows : int
        The fewest rows that both versions answer in the shadow, and that the candidate answers in each other stage.
    counts_idle : bool
        Whether hours of the bake without a request count too, as in rollouts that an earlier version of Leeway began.
    guardrails : tuple of GuardrailTerms
        The metrics of the users that must not be worse; see `tasks.rollout.two_arms`.
    bets_by_stage : bool
        Whether each stage bets a part by itself, so that a fault which begins with it is found soon; see
        `tasks.rollout.betting.evidence_since`. Rollouts that an earlier version of Leeway began do not.
    """

    limits: tuple[float, ...]
    alpha: float
    quota: int
    first_share: float
    bake_hours: float
    doubt_hours: float
    on_doubt: Literal["hold", "end"] = "hold"
    unit: float = 0.0
    entity: str = ""
    stage_hours: float = 0.0
    stage_rows: int = 100
    counts_idle: bool = True
    guardrails: tuple[GuardrailTerms, ...] = ()
    bets_by_stage: bool = False

    def longest_hours(self, share: float) -> float:
        """Return after how many hours of the clock a stage with a share is in doubt, if nothing has decided it.

        >>> terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, bake_hours=24.0, doubt_hours=72.0, stage_hours=1.0)
        >>> terms.longest_hours(0.04), terms.longest_hours(1.0)
        (73.0, 96.0)
        """
        return self.doubt_hours + (self.bake_hours if share == 1 else self.stage_hours)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RolloutTerms:
        """Return the terms that `to_dict` wrote.

        >>> terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, 24.0, 72.0)
        >>> RolloutTerms.from_dict(terms.to_dict()) == terms
        True
        """
        guardrails = tuple(GuardrailTerms(**each) for each in content.get("guardrails", ()))
        return cls(**{**content, "limits": tuple(content["limits"]), "guardrails": guardrails})


@dataclass(frozen=True, slots=True)
class RolloutSums:
    """What has been seen of a rollout, by one worker or summed over workers.

    Attributes
    ----------
    rows, changed : int
        Rows that both versions have answered, and those of them with a changed answer: another decision, or one of both
        is deferred to a person.
    spent : int
        Changed answers that were sent, of the quota.
    answers : int
        Rows that the candidate has answered in this stage.
    of_candidate, of_champion : int
        Entities of this stage, by the version that their requests belonged to.
    faults : int
        Requests that the candidate could not answer.
    stopped, refused : int
        Workers with `FAULTS_IN_A_ROW`, and workers in which the candidate did not repeat its references.
    wealth : array, shape `SHAPE`
        The logarithm of the wealth of each test and bet.
    busy_seconds : float
        How long requests came in during this stage: pauses count up to `IDLE_SECONDS`. Of several workers the longest.
    guardrails : tuple of GuardrailEvidence
        What nights have found of the metrics of the users: no worker knows of them.
    starts : tuple of array, shape `SHAPE`
        The wealth at the beginning of each stage after the first one, by the record: no worker knows it.
    """

    rows: int
    changed: int
    spent: int
    answers: int
    of_candidate: int
    of_champion: int
    faults: int
    stopped: int
    refused: int
    wealth: FloatArray
    busy_seconds: float = 0.0
    guardrails: tuple[GuardrailEvidence, ...] = ()
    starts: tuple[FloatArray, ...] = ()

    def __add__(self, other: RolloutSums) -> RolloutSums:
        """Return the sums of two workers.

        >>> (NOTHING_SEEN + NOTHING_SEEN).rows
        0
        """
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        busy = max(self.busy_seconds, other.busy_seconds)
        return RolloutSums(wealth=self.wealth + other.wealth, busy_seconds=busy, **counts)

    @property
    def next_starts(self) -> tuple[FloatArray, ...]:
        """The starts of the stage that begins with these sums: one more, if anything was seen before it."""
        return (*self.starts, self.wealth) if self.rows else self.starts

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        counts = {name: getattr(self, name) for name in COUNTS}
        guardrails = [asdict(each) for each in self.guardrails]
        return {
            **counts,
            "wealth": self.wealth.tolist(),
            "busy_seconds": self.busy_seconds,
            "guardrails": guardrails,
            "starts": [start.tolist() for start in self.starts],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RolloutSums:
        """Return the sums that `to_dict` wrote.

        >>> RolloutSums.from_dict(NOTHING_SEEN.to_dict()).rows
        0
        """
        wealth = np.array(content["wealth"], dtype=np.float64)
        busy = content.get("busy_seconds", 0.0)  # earlier versions of Leeway did not measure it
        guardrails = tuple(GuardrailEvidence(**each) for each in content.get("guardrails", ()))
        counts: dict[str, Any] = {name: content[name] for name in COUNTS}
        starts = tuple(np.array(start, dtype=np.float64) for start in content.get("starts", ()))
        return cls(wealth=wealth, busy_seconds=busy, guardrails=guardrails, starts=starts, **counts)


COUNTS = ("rows", "changed", "spent", "answers", "of_candidate", "of_champion", "faults", "stopped", "refused")
OF_STAGE = ("answers", "of_candidate", "of_champion")
"""Counts of one stage."""
FAULTS_IN_A_ROW = 3
"""As many requests that a candidate could not answer, one after the other, end its share in a worker."""
IDLE_SECONDS = 3600.0
"""A longer pause between two requests counts as one of this length: an idle service tries no version."""
NOTHING_SEEN = RolloutSums(wealth=np.zeros(SHAPE), guardrails=(), starts=(), **dict.fromkeys(COUNTS, 0))
