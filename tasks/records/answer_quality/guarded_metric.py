"""An output metric of two versions that answer at the same time, which a rollout must not make worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GuardedMetric:
    """An output metric of the users of a candidate and of those of the champion, since its rollout began.

    Attributes
    ----------
    name : str
        An event of `feedback.events`, or `null-answers`.
    rollout : str
        The name of the rollout.
    worse : {"higher", "lower"}
        In which direction it is worse.
    allowed : float
        How much worse it may be, 0 to 1.
    users, champion_users : int
        Entities, or requests, for which each version was drawn in a canary, with feedback that is known.
    value, champion_value : float
        The share of each, 0 to 1; of an entity with several rows, the mean of them counts.
    evidence, harmless : float
        The logarithm of the evidence that it is worse by more than is allowed, and that it is not.
    """

    name: str
    rollout: str
    worse: Literal["higher", "lower"]
    allowed: float
    users: int
    champion_users: int
    value: float
    champion_value: float
    evidence: float
    harmless: float

    @property
    def sentence(self) -> str:
        """What was found, in words.

        >>> GuardedMetric("redone", "3-ab", "higher", 0.03, 800, 9000, 0.125, 0.05, 7.0, -9.0).sentence
        'redone 12.5 % of 800 with the candidate, 5.0 % of 9,000 with the champion; it may be 3 points higher'
        """
        if not (self.users and self.champion_users):
            return f"{self.name}: no feedback is known of answers of both versions"
        shares = f"{100 * self.value:.1f} % of {self.users:,} with the candidate"
        others = f"{100 * self.champion_value:.1f} % of {self.champion_users:,} with the champion"
        return f"{self.name} {shares}, {others}; it may be {100 * self.allowed:.3g} points {self.worse}"
