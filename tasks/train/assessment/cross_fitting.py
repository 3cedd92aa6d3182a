"""Cross-fitted evidence of a recipe that is released: what its model does on rows that it was not fitted on.

The released model is fitted on every labelled row, so no row is left to examine it. Cross-fitting leaves out one block
of days after the other, fits the same recipe on all other rows, and scores the block. Blocks are whole spans of days
because neighbouring days resemble each other. The gate's evidence is of another model, from before the hold-out: after
a change it says what the release has learned to do better.

Notes
-----
P. Burman, E. Chow and D. Nolan (1994), A cross-validatory method for dependent data, Biometrika 81(2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.inference.answer_scale import LINKS
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import (
    LOSSES,
    RESIDUALS,
    DayEvidence,
    DaySums,
    PromiseEvidence,
    joined_days,
    newest_regime,
    weighted_values,
)
from tasks.train.assessment.forward_validation import FEWEST_SCORED, link
from tasks.train.data.training_table import TrainingTable, in_classes, training_table
from tasks.train.fit.calibration import FittedCalibration, calibrated_probabilities
from tasks.train.fit.recipe_fit import FitCache, lacks_a_class
from tasks.train.model_search.recipes import Recipe, without_window


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Rows that were left out: places in the table, days since 1970, answers, losses, residuals, labels, weights.

    `learned` says whether the fit that answered a row knew its class: of several classes, one may have come in a single
    block. Such a row was answered with a probability of 0.
    """

    rows: IntArray
    days: IntArray
    predictions: FloatArray
    losses: FloatArray
    residuals: FloatArray
    truth: FloatArray
    weights: FloatArray
    learned: BoolArray

    def where(self, kept: BoolArray) -> CrossFit:
        """Return some of the rows."""
        return CrossFit(*(getattr(self, name)[kept] for name in CrossFit.__dataclass_fields__))

    def since(self, day: int) -> CrossFit:
        """Return the rows from a day on."""
        return self.where(self.days >= day)

    def until(self, day: int) -> CrossFit:
        """Return the rows before a day."""
        return self.where(self.days < day)

    def sums(self, values: FloatArray, chosen: BoolArray) -> DaySums:
        """Return some of the values, weighted, added up by day."""
        chosen = chosen & np.isfinite(values)
        return DaySums.of(weighted_values(values[chosen], self.weights[chosen]), self.days[chosen])

    def mean(self, values: FloatArray) -> float:
        """Return the weighted mean of values of the rows."""
        return float(np.average(values, weights=self.weights))


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseEvidence:
    """What a release promises, and its rows: those of the newest regime, each answered by a fit that left it out."""

    promise: PromiseEvidence
    rows: CrossFit


def release_evidence(
    recipe: Recipe, calibration: FittedCalibration, known: pd.DataFrame, spec: ProjectSpec
) -> ReleaseEvidence | None:
    """Return what a recipe that is fitted on all known rows may be expected to do next.

    The promise rests on the days since the newest lasting change of loss or residual, which are cross-fitted again in
    blocks of their own: left out as one block, nothing of their regime would be known to the fit. Days before the
    change tell how days differ from each other, and no more; they are cross-fitted among themselves, because the fits
    of another regime differ from each other by more than days do. A recipe that learns from the newest days alone is
    examined by the same fit on the days that it may use. A class that came in one block alone is known to the release,
    but to no fit without the block: its rows promise nothing.

    Returns
    -------
    ReleaseEvidence or None
        None where no block could be left out: there are too few rows, or one of two classes would be missing.
    """
    rows, blocks = training_table(known, spec), spec.split.folds + 1
    plain, end, everything = without_window(recipe), _last(rows) + 1, np.ones(len(known), dtype=bool)

    def crossed(how: Recipe, used: BoolArray, first: int, last: int) -> CrossFit | None:
        edges = first + np.arange(blocks + 1) * (last - first) / blocks
        found = cross_fit_among(how, calibration, (rows, used), spec, edges)
        return found.where(found.learned) if found is not None and found.learned.any() else None

    whole = crossed(plain, everything, 0, end)
    if whole is None:
        return None
    start = max(_regime_start(whole, values) for values in (whole.losses, whole.residuals))
    before, newest = whole.until(start), whole
    if start > whole.days[0]:
        first = start - _epoch_day(rows)
        since = rows.days >= first
        alone = recipe.window_days is not None and recipe.window_days <= end - first
        newest = crossed(plain if alone else recipe, since if alone else everything, first, end) or whole
        before = crossed(plain, ~since, 0, first) or before
    loss = _day_evidence(before, newest, (before.losses, newest.losses), start)
    bias = _day_evidence(before, newest, (before.residuals, newest.residuals), start)
    return ReleaseEvidence(PromiseEvidence(loss, bias, bias_unit(newest, spec)), newest.since(start))


def cross_fit_among(
    recipe: Recipe,
    calibration: FittedCalibration,
    among: tuple[TrainingTable, BoolArray],
    spec: ProjectSpec,
    edges: FloatArray,
) -> CrossFit | None:
    """Return the same as `cross_fit`, of some rows of a table alone; their places are those in the table."""
    rows, used = among
    found = cross_fit(recipe, calibration, rows.where(used), spec, edges) if used.any() else None
    return None if found is None else replace(found, rows=np.flatnonzero(used)[found.rows])


def cross_fit(
    recipe: Recipe, calibration: FittedCalibration, rows: TrainingTable, spec: ProjectSpec, edges: FloatArray
) -> CrossFit | None:
    """Return the rows between the first and the last edge, each scored by a fit without its block.

    Parameters
    ----------
    edges : array
        First day of each block, in days since the table's origin, and the end of the last.
    """
    parts = list(_blocks(recipe, calibration, rows, spec, edges))
    if not parts:
        return None
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in CrossFit.__dataclass_fields__)
    return CrossFit(*columns)


def _blocks(
    recipe: Recipe, calibration: FittedCalibration, rows: TrainingTable, spec: ProjectSpec, edges: FloatArray
) -> Iterator[CrossFit]:
    metric = spec.scope.metric
    for begin, end in pairwise(edges):
        inside = (rows.days >= begin) & (rows.days < end)
        held, rest = rows.where(inside), rows.where(~inside).without_groups_of(rows.where(inside)).of_own_classes()
        if min(len(held), len(rest)) < FEWEST_SCORED or lacks_a_class(rest, spec):
            continue
        prediction = _answered(rest, recipe, calibration, held, spec)
        days = np.floor(held.days).astype(np.int64) + _epoch_day(rows)
        residuals = RESIDUALS[metric](held.truth, prediction)
        losses = LOSSES[metric](held.truth, prediction)
        weights = np.ones(len(days)) if held.weights is None else held.weights
        learned = np.ones(len(days), dtype=bool)
        if held.classes:
            learned = np.isin(np.array(held.classes)[held.truth.astype(np.int64)], rest.classes)
        yield CrossFit(np.flatnonzero(inside), days, prediction, losses, residuals, held.truth, weights, learned)


def _answered(
    rest: TrainingTable, recipe: Recipe, calibration: FittedCalibration, held: TrainingTable, spec: ProjectSpec
) -> FloatArray:
    """Return the answers to rows by a fit to the rest; a class that the rest lacks has a probability of 0."""
    scores = FitCache(rest, spec).fitted_recipe(recipe, _last(rest)).score(held)
    if spec.training.task == "regression":
        return LINKS[link(spec)](scores)
    probabilities = calibrated_probabilities(scores, calibration.tables_for(rest.classes))
    return in_classes(probabilities, rest.classes, held.classes)


def _day_evidence(before: CrossFit, newest: CrossFit, values: tuple[FloatArray, FloatArray], start: int) -> DayEvidence:
    """Return the days that promise a mean, and with them the older days, moved to the same mean."""
    promised = newest.sums(values[1], newest.days >= start)
    older = before.sums(values[0], before.days < start)
    if not len(older.days):
        return DayEvidence(promised, promised)
    return DayEvidence(joined_days([older.moved(promised.mean - older.mean), promised]), promised)


def _regime_start(fitted: CrossFit, values: FloatArray) -> int:
    history = fitted.sums(values, np.ones(len(values), dtype=bool))
    return int(history.days[newest_regime(history)])


def bias_unit(fitted: CrossFit, spec: ProjectSpec) -> float:
    """Return the unit of a bias: the deviation of a residual, or the rate of the rarer of two outcomes.

    Of several classes, the outcomes are that the most probable class was right, and that it was not.
    """
    known = np.isfinite(fitted.residuals)
    residuals, weights = fitted.residuals[known], fitted.weights[known]
    if spec.training.task == "regression":
        return math.sqrt(np.average((residuals - np.average(residuals, weights=weights)) ** 2, weights=weights))
    several = spec.training.task == "multiclass"
    rate = float(np.average(residuals > 0, weights=weights)) if several else fitted.mean(fitted.truth)
    return min(rate, 1 - rate)


def _last(rows: TrainingTable) -> int:
    return int(rows.days.max())


def _epoch_day(rows: TrainingTable) -> int:
    return int(np.datetime64(rows.origin, "D").astype(np.int64))
