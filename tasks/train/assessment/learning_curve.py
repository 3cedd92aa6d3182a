"""The learning curve: the loss after training on a quarter, half and all of the past, and whether more rows help."""

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
ROUNDS = 3  # samples of the smaller shares, to average out chance


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Losses on the newest cohort after training on shares of the rows known before it.

    Attributes
    ----------
    rows, losses : tuple
        Training rows and mean loss at 25, 50 and 100 %.
    gain : float
        Expected reduction of the loss by twice as many rows, as a share; NaN when it cannot be estimated.
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
            return "This history does not show whether more rows would help."
        if self.gain < 0.005:  # noqa: PLR2004 - half a per cent
            return "More rows of the same kind would hardly help."
        return f"Twice as many rows would save about {100 * self.gain:.0f} % of the loss."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"gain": None if math.isnan(self.gain) else self.gain, "answer": self.answer}


def learning_curve(recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date) -> LearningCurve:
    """Return the loss of a recipe on the newest cohort by number of training rows.

    Rows are sampled at random with a fixed seed; the newest cohort is always complete. It takes six more fits.
    """
    whole = training_table(rows, spec)
    end = fold_ends(FitCache(whole, spec), as_of)[-1]
    rng, newest = np.random.default_rng(spec.training.seed), newest_day(FitCache(whole, spec), as_of)
    start = newest - spec.split.fold_days + 1
    sizes, losses = [], []
    for share in SHARES:
        results = []
        for _ in range(1 if share == 1 else ROUNDS):
            chosen = (rng.random(len(whole)) < share) | (whole.days >= start)
            results.append(score_fold(FitCache(_some(whole, chosen), spec), recipe, end))
        usable = [result for result in results if result is not None]
        if not usable:
            return LearningCurve()
        sizes.append(round(float(np.mean([result.rows_fitted for result in usable]))))
        losses.append(float(np.mean([result.loss for result in usable])))
    return LearningCurve(tuple(sizes), tuple(losses), expected_gain(losses))


def expected_gain(losses: list[float]) -> float:
    """Return the share of the last loss that one more doubling of the rows is expected to save.

    For a power law, loss = floor + c * rows ** -a, each doubling saves a fixed share of the previous saving.

    Parameters
    ----------
    losses : list of three floats
        Losses after training on a quarter, half and all rows.

    Returns
    -------
    float
        From 0 to 1; NaN when the losses do not follow a power law.

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
