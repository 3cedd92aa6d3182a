"""Calibration of the probabilities of a recipe, and its decision threshold, from forward validation.

All scores are from fits that had not seen the rows, as in service.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.answer_scale import LINKS, calibrate, calibrate_classes, log_odds
from tasks.model import Calibration
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import LOSSES, weighted_values
from tasks.train.assessment.forward_validation import fit_before_cohort, fold_ends
from tasks.train.fit.conformal_reach import FittedReach, fit_reach
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.recipes import Recipe

FEWEST_ROWS, FEWEST_OF_A_CLASS = 200, 20
NOISE = 2.0  # standard errors by which a calibration must improve the loss
HALF = 0.5
SURE = 1e-3  # probabilities are at least this far from 0 and 1: no finite history proves certainty
Kind = Literal["sigmoid", "isotonic"]


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """Calibration tables (none: the link is used), the threshold of P(class 1) (None: one half), and intervals.

    Of several classes, `classes` are the names of those with a table, in their order.
    """

    calibration: tuple[Calibration, ...] = ()
    threshold: float | None = None
    reach: FittedReach | None = None
    classes: tuple[str, ...] = ()

    def tables_for(self, classes: Sequence[str]) -> tuple[Calibration, ...]:
        """Return the tables of the classes of a fit; one that was not validated yet keeps its probability.

        A fit on all rows may have learned a class that came with the newest of them.

        Examples
        --------
        >>> fitted = FittedCalibration((Calibration("sigmoid", 0.5), Calibration("sigmoid", 0.7)), classes=("b", "c"))
        >>> [table.slope for table in fitted.tables_for(("a", "b", "c"))]
        [1.0, 0.5, 0.7]
        """
        if not self.calibration or not self.classes:
            return self.calibration
        known = dict(zip(self.classes, self.calibration, strict=True))
        return tuple(known.get(name, Calibration("sigmoid")) for name in classes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, stored with the provenance of a training."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FittedCalibration:
        """Return the calibration that `to_dict` wrote.

        Examples
        --------
        >>> import json
        >>> table = Calibration("isotonic", scores=(0.0, 1.0), probabilities=(0.2, 0.9))
        >>> fitted = FittedCalibration((table,), threshold=0.4)
        >>> FittedCalibration.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
        True
        """
        tables = tuple(
            Calibration(**table | {name: tuple(table[name]) for name in ("scores", "probabilities")})
            for table in content["calibration"]
        )
        reach = content.get("reach")
        fitted_reach = None if reach is None else FittedReach.from_dict(reach)
        return cls(tables, content["threshold"], fitted_reach, tuple(content.get("classes", ())))


@dataclass(frozen=True, slots=True)
class ValidationScores:
    """Scores, on the scale of the model, truth and weights of one cohort that the fit had not seen."""

    scores: FloatArray
    truth: FloatArray
    weights: FloatArray | None = None


def fit_calibration(cache: FitCache, recipe: Recipe, as_of: date) -> FittedCalibration:
    """Fit the calibration and the threshold of a recipe; of a regression, the reach of its intervals.

    A calibration is fitted to all cohorts if, fitted to the older ones, it improves the newest one by two standard
    errors, or if the spec names it. The threshold has the lowest cost over all cohorts: by the costs of the spec, or by
    wrong decisions if the metric counts those. With several classes the most probable one is chosen.
    """
    spec = cache.spec
    if spec.training.task == "regression":
        return FittedCalibration(reach=fit_reach(cache, recipe, as_of))
    cohorts = validation_scores(cache, recipe, as_of)
    if not cohorts or sum(len(cohort.truth) for cohort in cohorts) < FEWEST_ROWS:
        return FittedCalibration()
    kind = _kind(cohorts, spec)
    rows = _joined(cohorts)
    if _rarest(rows) < FEWEST_OF_A_CLASS:
        return FittedCalibration()
    tables = () if kind is None else fit_calibration_tables(rows.scores, rows.truth, kind, rows.weights)
    if spec.training.task == "multiclass":
        return FittedCalibration(tables, classes=cache.rows.classes if tables else ())
    return FittedCalibration(tables, _threshold(calibrated_probabilities(rows.scores, tables), rows, spec))


def fit_calibration_tables(
    scores: FloatArray, truth: FloatArray, kind: Kind, weights: FloatArray | None = None
) -> tuple[Calibration, ...]:
    """Fit the table of class 1, or one for each of several classes: each against all others, on its log odds.

    Notes
    -----
    B. Zadrozny and C. Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates, KDD.
    """
    if scores.ndim == 1:
        return (fit_calibration_table(scores, truth, kind, weights),)
    odds = log_odds(LINKS["softmax"](scores))
    return tuple(
        fit_calibration_table(odds[:, k], (truth == k).astype(np.float64), kind, weights) for k in range(odds.shape[1])
    )


def calibrated_probabilities(scores: FloatArray, tables: Sequence[Calibration]) -> FloatArray:
    """Return P(class 1), or the probability of each of several classes, by the tables or, without any, by the link."""
    if scores.ndim == 1:
        return calibrate(scores, tables[0]) if tables else LINKS["logistic"](scores)
    probability = LINKS["softmax"](scores)
    return calibrate_classes(probability, tables) if tables else probability


def validation_scores(cache: FitCache, recipe: Recipe, as_of: date) -> list[ValidationScores]:
    """Return the scores of each cohort by a fit that had not seen it, oldest first."""
    fits = [fit_before_cohort(cache, recipe, end) for end in fold_ends(cache, as_of)]
    return [
        ValidationScores(fitted.score(scored), scored.truth, scored.weights) for fitted, scored in filter(None, fits)
    ]


def fit_calibration_table(
    scores: FloatArray, truth: FloatArray, kind: Kind, weights: FloatArray | None = None
) -> Calibration:
    """Fit a table from scores to probabilities.

    Notes
    -----
    "sigmoid": J. Platt (1999), Probabilistic outputs for support vector machines, by a logistic regression on the
    score. "isotonic": B. Zadrozny and C. Elkan (2002), Transforming classifier scores into accurate multiclass
    probability estimates, KDD.

    Examples
    --------
    Of the rows scored -1 a quarter are ones, of those scored 1 three quarters.

    >>> scores, truth = np.repeat([-1.0, 1.0], 4), np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    >>> table = fit_calibration_table(scores, truth, "isotonic")
    >>> table.scores, table.probabilities
    ((-1.0, 1.0), (0.25, 0.75))
    >>> round(fit_calibration_table(scores, truth, "sigmoid").slope, 3)  # log 3 = 1.099
    1.099
    """
    if kind == "sigmoid":
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=math.inf, tol=1e-8).fit(scores[:, None], truth, weights)
        return Calibration("sigmoid", slope=float(fitted.coef_[0, 0]), intercept=float(fitted.intercept_[0]))
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(y_min=SURE, y_max=1 - SURE, out_of_bounds="clip").fit(scores, truth, weights)
    return Calibration(
        "isotonic",
        scores=tuple(float(value) for value in steps.X_thresholds_),
        probabilities=tuple(float(value) for value in steps.y_thresholds_),
    )


def least_costly_threshold(
    probability: FloatArray, truth: FloatArray, costs: tuple[float, float], weights: FloatArray | None = None
) -> float:
    """Return the threshold with the lowest cost, halfway between two observed probabilities.

    Parameters
    ----------
    costs : (false positive, false negative)
        Cost of each wrong decision.

    Examples
    --------
    A threshold of 0.35 (between 0.3 and 0.4) has one false positive, cost 1; a higher one has a false negative, cost 5.

    >>> least_costly_threshold(np.array([0.2, 0.3, 0.4, 0.6, 0.9]), np.array([0, 0, 1.0, 0, 1]), (1.0, 5.0))
    0.35
    """
    order = np.argsort(probability, kind="stable")
    ordered, ones = probability[order], truth[order]
    zeros = 1 - ones
    if weights is not None:
        ones, zeros = ones * weights[order], zeros * weights[order]
    missed = np.concatenate([[0.0], np.cumsum(ones)])  # ones below the cut
    alarmed = zeros.sum() - np.concatenate([[0.0], np.cumsum(zeros)])  # zeros above it
    cost = costs[0] * alarmed + costs[1] * missed
    edges = np.concatenate([[ordered[0]], (ordered[:-1] + ordered[1:]) / 2, [min(1.0, ordered[-1] + 1e-9)]])
    cuts = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    cheapest = np.flatnonzero(cuts & (cost == cost[cuts].min()))
    best = cheapest[np.argmin(np.abs(edges[cheapest] - HALF))]
    return round(float(edges[best]), 9)


def _kind(cohorts: list[ValidationScores], spec: ProjectSpec) -> Kind | None:
    """Return the kind of calibration, or None for none."""
    wanted = spec.training.calibration
    if wanted == "none":
        return None
    if wanted != "auto":
        return wanted
    if spec.scope.metric == "error_rate" and spec.scope.false_positive_cost is None:
        return None
    *older, newest = cohorts
    if not older:
        return None
    known = _joined(older)
    if len(known.truth) < FEWEST_ROWS or _rarest(known) < FEWEST_OF_A_CLASS:
        return None
    metric = "log_loss" if spec.scope.metric == "error_rate" else spec.scope.metric
    uncalibrated = LOSSES[metric](newest.truth, calibrated_probabilities(newest.scores, ()))
    gains: dict[Kind, float] = {}
    kinds: tuple[Kind, ...] = ("sigmoid", "isotonic")
    for kind in kinds:
        tables = fit_calibration_tables(known.scores, known.truth, kind, known.weights)
        saved = uncalibrated - LOSSES[metric](newest.truth, calibrated_probabilities(newest.scores, tables))
        saved = weighted_values(saved, newest.weights)
        error = float(saved.std(ddof=1)) / math.sqrt(len(saved))
        if float(saved.mean()) > NOISE * error:
            gains[kind] = float(saved.mean())
    best = sorted(gains, key=gains.__getitem__)
    return best[-1] if best else None


def _rarest(rows: ValidationScores) -> int:
    """Return the rows of the rarest class."""
    classes = 2 if rows.scores.ndim == 1 else rows.scores.shape[1]
    return int(np.bincount(rows.truth.astype(np.int64), minlength=classes).min())


def _threshold(probability: FloatArray, rows: ValidationScores, spec: ProjectSpec) -> float | None:
    """Return the threshold by costs; or by wrong decisions, if it is significantly better than one half."""
    false_positive, false_negative = spec.scope.false_positive_cost, spec.scope.false_negative_cost
    if false_positive is not None and false_negative is not None:
        return least_costly_threshold(probability, rows.truth, (false_positive, false_negative), rows.weights)
    if spec.scope.metric != "error_rate":
        return None
    best = least_costly_threshold(probability, rows.truth, (1.0, 1.0), rows.weights)
    saved = ((probability >= HALF) != rows.truth).astype(np.float64) - ((probability >= best) != rows.truth)
    saved = weighted_values(saved, rows.weights)
    return best if float(saved.mean()) > NOISE * float(saved.std(ddof=1)) / math.sqrt(len(saved)) else None


def _joined(cohorts: list[ValidationScores]) -> ValidationScores:
    weights = [cohort.weights for cohort in cohorts if cohort.weights is not None]
    return ValidationScores(
        np.concatenate([cohort.scores for cohort in cohorts]),
        np.concatenate([cohort.truth for cohort in cohorts]),
        np.concatenate(weights) if weights else None,
    )
