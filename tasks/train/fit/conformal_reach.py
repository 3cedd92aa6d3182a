"""The reach of prediction intervals, from the residuals of forward validation (split conformal prediction).

Each residual is that of a row that is newer than everything its fit has learned from, by the label's delay, as in
service. The reach is the least number that the sizes of a share of n + 1 residuals do not exceed, where the label to
come counts as one of them. If the residual to come is exchangeable with these, its label is inside with at least that
probability, whatever the model and the distribution are; with a slice of its own, inside each slice too (Mondrian). A
change of the world breaks that: a rise of the error or a growing bias leaves more labels outside. So coverage is
measured every night.

Notes
-----
V. Vovk, A. Gammerman and G. Shafer (2005), Algorithmic Learning in a Random World, sections 2.2 and 4.5; J. Lei, M.
G'Sell, A. Rinaldo, R. Tibshirani and L. Wasserman (2018), Distribution-Free Predictive Inference for Regression, JASA
113(523). Residuals of several fits are pooled, as in R. Barber, E. Candes, A. Ramdas and R. Tibshirani (2021),
Predictive Inference with the Jackknife+, The Annals of Statistics 49(1); the release has learned from more rows than
each of these fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import ConformalInterval
from tasks.train.assessment.forward_validation import fit_before_cohort, fold_ends
from tasks.train.data.training_table import TrainingTable
from tasks.train.fit.recipe_fit import FitCache, FittedRecipe
from tasks.train.model_search.recipes import Recipe

FEWEST_ROWS = 100  # the coverage of a reach from so many has a standard deviation of 3 % at 90 % (Vovk 2012)


@dataclass(frozen=True, slots=True)
class FittedReach:
    """The reach of intervals that hold a share of the labels, on the scale of the model.

    `rows` is the number of residuals that it is from; `slices` has the value, the reach and the rows of each value of
    the column `by` with enough of them.
    """

    share: float
    reach: float
    rows: int
    by: str | None = None
    slices: tuple[tuple[str, float, int], ...] = ()

    def interval(self, schema: ModelSchema) -> ConformalInterval:
        """Return the interval of a model; it has no slices where the model does not know their column."""
        plain = ConformalInterval(self.share, self.reach, self.rows)
        if self.by is None or self.by not in schema.categories:
            return plain
        own = {value: reach for value, reach, _ in self.slices}
        return replace(
            plain, by=self.by, reaches=tuple(own.get(value, self.reach) for value in schema.categories[self.by])
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FittedReach:
        """Return the reach that was stored as plain values.

        >>> import json
        >>> from dataclasses import asdict
        >>> found = FittedReach(0.9, 1.5, 300, "zone", (("a", 1.0, 120),))
        >>> FittedReach.from_dict(json.loads(json.dumps(asdict(found)))) == found
        True
        """
        slices = tuple((value, reach, rows) for value, reach, rows in content["slices"])
        return cls(**dict(content) | {"slices": slices})


def fit_reach(cache: FitCache, recipe: Recipe, as_of: date) -> FittedReach | None:
    """Return the reach of a recipe's intervals; None without `training.interval`, or with too few residuals for it."""
    training = cache.spec.training
    if training.interval is None:
        return None
    fits = list(filter(None, (fit_before_cohort(cache, recipe, end) for end in fold_ends(cache, as_of))))
    if not fits:
        return None
    sizes, weights = _residual_sizes(fits), _weights([scored for _, scored in fits])
    reach = conformal_reach(sizes, training.interval, weights)
    if len(sizes) < FEWEST_ROWS or not math.isfinite(reach):
        return None
    found = FittedReach(training.interval, reach, len(sizes), training.interval_by)
    if found.by is None:
        return found
    values = pd.concat([scored.features[found.by] for _, scored in fits], ignore_index=True)
    return replace(found, slices=tuple(_slices(values, sizes, weights, training.interval)))


def _slices(
    values: pd.Series[Any], sizes: FloatArray, weights: FloatArray | None, share: float
) -> Iterator[tuple[str, float, int]]:
    """Yield value, reach and rows of each value with enough rows, in the order of their names."""
    for value in sorted(values.dropna().unique()):
        inside = (values == value).to_numpy(bool, na_value=False)
        own = conformal_reach(sizes[inside], share, None if weights is None else weights[inside])
        if inside.sum() >= FEWEST_ROWS and math.isfinite(own):
            yield str(value), own, int(inside.sum())


def conformal_reach(sizes: FloatArray, share: float, weights: FloatArray | None = None) -> float:
    """Return the least size that a share of the sizes, and of one to come, do not exceed; infinite with too few.

    Parameters
    ----------
    sizes : array, shape (n,)
        Sizes of residuals.
    share : float
        Between 0 and 1.
    weights : array, shape (n,), optional
        How much each row counts; the one to come counts as the mean.

    Examples
    --------
    Of nine sizes and one to come, nine tenths are nine: the ninth. Of eight it would take 8.1.

    >>> conformal_reach(np.arange(9.0, 0, -1), 0.9), conformal_reach(np.arange(8.0), 0.9)
    (9.0, inf)
    """
    if not len(sizes):
        return math.inf
    order = np.argsort(sizes, kind="stable")
    counted = np.ones(len(sizes)) if weights is None else weights / weights.mean()
    reached = np.cumsum(counted[order])
    needed = share * (len(sizes) + 1) * (1 - 1e-12)  # .9 x 10 is nine rows, whatever the last bit is
    place = int(np.searchsorted(reached, needed))
    return float(sizes[order][place]) if place < len(sizes) else math.inf


def _residual_sizes(fits: Sequence[tuple[FittedRecipe, TrainingTable]]) -> FloatArray:
    return np.concatenate([np.abs(scored.target - fitted.score(scored)) for fitted, scored in fits])


def _weights(scored: Sequence[TrainingTable]) -> FloatArray | None:
    known = [rows.weights for rows in scored if rows.weights is not None]
    return np.concatenate(known) if known else None
