"""What the gate promises of a candidate, what its rollout is held to, and what workers have seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tasks.arrays import FloatArray
from tasks.rollout.betting import SHAPE


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
        The column that requests are assigned by; empty for the id of the request.
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
        return cls(**{**content, "limits": tuple(content["limits"])})


@dataclass(frozen=True, slots=True)
class RolloutSums:
    """What has been seen of a rollout, by one worker or summed over workers; sums of `answers` are of the stage.

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
        Workers with three faults in a row, and workers in which the candidate did not repeat its references.
    wealth : array, shape `SHAPE`
        The logarithm of the wealth of each test and bet.
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

    def __add__(self, other: RolloutSums) -> RolloutSums:
        """Return the sums of two workers.

        >>> (NOTHING_SEEN + NOTHING_SEEN).rows
        0
        """
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return RolloutSums(wealth=self.wealth + other.wealth, **counts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**{name: getattr(self, name) for name in COUNTS}, "wealth": self.wealth.tolist()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RolloutSums:
        """Return the sums that `to_dict` wrote.

        >>> RolloutSums.from_dict(NOTHING_SEEN.to_dict()).rows
        0
        """
        wealth = np.array(content["wealth"], dtype=np.float64)
        return cls(wealth=wealth, **{name: content[name] for name in COUNTS})


COUNTS = ("rows", "changed", "spent", "answers", "of_candidate", "of_champion", "faults", "stopped", "refused")
NOTHING_SEEN = RolloutSums(wealth=np.zeros(SHAPE), **dict.fromkeys(COUNTS, 0))
