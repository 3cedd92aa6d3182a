"""The learning curve: would more data help? Errors after learning from a quarter, half and all of the past."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.forward_validation import fold_ends, newest_day, score_fold
from tasks.train.data.training_table import TrainingTable, training_table
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.recipes import Recipe

SHARES = (0.25, 0.5, 1.0)
ROUNDS = 3  # samples of the smaller shares: their luck is averaged out


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Losses on the newest cohort after learning from shares of what was known before it.

    Attributes
    ----------
    rows, losses : tuple
        Rows learned from and mean loss at 25, 50 and 100 %.
    gain : float
        Share of the loss that twice as many rows are expected to save; NaN when it cannot be told.
    """

    rows: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    gain: float = math.nan

    @property
    def answer(self) -> str:
        """Whether more data would help, in a sentence.

        >>> LearningCurve((100, 200, 400), (4.0, 3.0, 2.5), 0.1).answer
        'Twice as many rows would save about 10 % of the loss.'
        """
        if math.isnan(self.gain):
            return "Whether more rows would help cannot be told from this history."
        if self.gain < 0.005:  # noqa: PLR2004 - half a per cent
            return "More rows of the same kind would hardly help."
        return f"Twice as many rows would save about {100 * self.gain:.0f} % of the loss."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"gain": None if math.isnan(self.gain) else self.gain, "answer": self.answer}


def learning_curve(recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date) -> LearningCurve:
    """Return how a recipe's loss on the newest cohort falls with the rows it learned from.

    Rows are drawn at random, the same for the same seed; the newest cohort itself is always whole. Six more fits.
    """
    whole = training_table(rows, spec)
    end = fold_ends(FitCache(whole, spec), as_of)[-1]
    rng, newest = np.random.default_rng(spec.training.seed), newest_day(FitCache(whole, spec), as_of)
    start = newest - spec.split.fold_days + 1
    sizes, losses = [], []
    for share in SHARES:
        found = []
        for _ in range(1 if share == 1 else ROUNDS):
            kept = (rng.random(len(whole)) < share) | (whole.days >= start)
            found.append(score_fold(FitCache(_some(whole, kept), spec), recipe, end))
        told = [each for each in found if each is not None]
        if not told:
            return LearningCurve()
        sizes.append(round(float(np.mean([each.rows_fitted for each in told]))))
        losses.append(float(np.mean([each.loss for each in told])))
    return LearningCurve(tuple(sizes), tuple(losses), expected_gain(losses))


def expected_gain(losses: list[float]) -> float:
    """Return the share of the last loss that one more doubling of the rows is expected to save.

    On a power law, loss = floor + c * rows ** -a, each doubling saves a fixed share of what the last one saved.

    Parameters
    ----------
    losses : list of three floats
        After learning from a quarter, half and all rows.

    Returns
    -------
    float
        From 0 to 1; NaN when the losses do not fall in this way.

    Examples
    --------
    The first doubling saved 1, the second 0.5: the next will save 0.25 of 2.5.

    >>> expected_gain([4.0, 3.0, 2.5])
    0.1
    >>> expected_gain([4.0, 4.0, 4.0]), expected_gain([3.0, 3.1, 3.0])
    (0.0, nan)
    """
    first, second = losses[0] - losses[1], losses[1] - losses[2]
    if not all(map(math.isfinite, losses)) or losses[2] <= 0:
        return math.nan
    if second <= 0:
        return 0.0 if first >= 0 else math.nan
    if first <= 0:
        return math.nan
    return min(1.0, second * min(1.0, second / first) / losses[2])


def _some(rows: TrainingTable, kept: Any) -> TrainingTable:
    return rows.where(kept)
