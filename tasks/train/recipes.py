"""Recipes: what may be tried, in words a person can read and in an order from simple to involved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from tasks.spec.models import Training

Treatment = Literal["all_history", "recency", "event_time", "level"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train.

    Attributes
    ----------
    treatments : tuple
        How time is treated; more than one are applied together.
    half_life_days : float or None
        With "recency": a row this much older than the newest one weighs half.
    level_days : int
        With "level": newest matured days from which the level is corrected.
    """

    treatments: tuple[Treatment, ...] = ("all_history",)
    half_life_days: float | None = None
    level_days: int = 28
    iterations: int = 200
    learning_rate: float = 0.1
    estimator: Literal["hist_gradient_boosting"] = "hist_gradient_boosting"

    @property
    def name(self) -> str:
        """The recipe in words.

        Examples
        --------
        >>> Recipe(("recency", "level"), half_life_days=90).name
        'recency 90 d + level 28 d, 200 rounds'
        """
        days = {
            "recency": f" {self.half_life_days:g} d" if self.half_life_days else "",
            "level": f" {self.level_days} d",
        }
        return " + ".join(f"{part}{days.get(part, '')}" for part in self.treatments) + f", {self.iterations} rounds"

    @property
    def corrections(self) -> int:
        """How many things are done about time: the fewer, the simpler."""
        return sum(part != "all_history" for part in self.treatments)

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the model's schema and the leaderboard."""
        return {"name": self.name} | asdict(self) | {"treatments": list(self.treatments)}


def candidates(training: Training) -> list[Recipe]:
    """Return the recipes to try, simplest first.

    Each treatment of the spec alone, recency once per half-life; and, where both are allowed, the slowest recency
    together with the level, since it forgets old structure while the level answers for what is newest.

    Examples
    --------
    >>> for recipe in candidates(Training()):
    ...     print(recipe.name)
    all_history, 200 rounds
    level 28 d, 200 rounds
    event_time, 200 rounds
    recency 90 d, 200 rounds
    recency 30 d, 200 rounds
    recency 90 d + level 28 d, 200 rounds
    """
    allowed = set(training.time_treatments)
    ways: list[tuple[tuple[Treatment, ...], float | None]] = []
    plain: tuple[Treatment, ...] = ("all_history", "level", "event_time")
    ways.extend(((part,), None) for part in plain if part in allowed)
    if "recency" in allowed:
        half_lives = sorted(set(training.half_lives_days), reverse=True)
        ways.extend((("recency",), half_life) for half_life in half_lives)
        if "level" in allowed:
            ways.append((("recency", "level"), half_lives[0]))
    return [
        Recipe(treatments, half_life, training.level_days, iterations, training.learning_rate)
        for iterations in sorted(set(training.iterations))
        for treatments, half_life in ways
    ]
