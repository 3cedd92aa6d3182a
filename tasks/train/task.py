"""Tasks of training: choose and fit a recipe, and refit it for release with its reference and importances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from tasks.arrays import FloatArray
from tasks.drift import Reference, build_reference
from tasks.features import Parts
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, fit_ruler, profile, with_dates
from tasks.spec import ProjectSpec
from tasks.train.adopted.adopted_fit import holdout_evidence
from tasks.train.assessment.cross_fitting import CrossFit, ReleaseEvidence, release_evidence
from tasks.train.assessment.importances import importances
from tasks.train.assessment.learning_curve import LearningCurve, learning_curve
from tasks.train.fit.deferral_rule import release_deferral
from tasks.train.fit.portable_fit import FittedModel, fit_on_all_rows, replace_schema
from tasks.train.fit.sklearn_pipeline import without_values
from tasks.train.model_search.search_options import LeaderboardLine, ParallelMap, SearchOptions, TrialResult
from tasks.train.training import TrainingResult, train, train_in_regime


@dataclass(frozen=True)
class ReleaseCandidate:
    """The chosen recipe, refitted on all labelled rows, with its reference and importances.

    `importances` are shares of the summed rise of loss, 0 to 1, measured on the hold-out with the model that did not
    learn from it. `evidence` is what the release may be expected to do, by cross-fitting.
    """

    fitted: FittedModel
    reference: Reference
    importances: dict[str, float]
    evidence: ReleaseEvidence | None = None


def choose_and_fit(
    rows: pd.DataFrame, spec: ProjectSpec, as_of: date, spread: ParallelMap = map, search: SearchOptions | None = None
) -> TrainingResult:
    """Choose a recipe by forward validation and fit it to the rows; `spread` runs the candidates."""
    options = search or SearchOptions()
    if empty := without_values(rows[[name for name in spec.features.learned if name in rows]]):
        logger().warning(line("columns_without_values", columns=empty, rows=len(rows)))

    def on_trial(trial: TrialResult) -> None:
        logger().info(line("trial_ended", loss=trial.loss, recipe=trial.recipe.name, status=trial.status))
        options.on_trial(trial)

    def progress(tried: LeaderboardLine) -> None:
        logger().info(line("recipe_tried", loss=tried["loss"], recipe=tried["recipe"]))
        options.progress(tried)

    trained = train(rows, spec, as_of, spread=spread, search=replace(options, on_trial=on_trial, progress=progress))
    logger().info(line("recipe_chosen", recipe=trained.fitted.recipe.name, seconds=trained.seconds))
    return trained


choose_and_fit_task = leeway_task("train")(choose_and_fit)


def fit_after_change(
    rows: pd.DataFrame, spec: ProjectSpec, as_of: date, start: date
) -> tuple[TrainingResult, CrossFit] | None:
    """Choose and fit a recipe by its cross-fitted answers to the days since a change; None with too few of them."""
    found = train_in_regime(rows, spec, as_of, start)
    if found is None:
        return None
    trained, crossed = found
    logger().info(line("recipe_chosen", recipe=trained.fitted.recipe.name, seconds=trained.seconds, since=start))
    return trained, crossed


fit_after_change_task = leeway_task("train")(fit_after_change)


def refit(
    trained: TrainingResult,
    known: pd.DataFrame,
    holdout: pd.DataFrame,
    spec: ProjectSpec,
    ruler: Ruler | None,
    crossed: FloatArray | None = None,
) -> ReleaseCandidate:
    """Refit the chosen recipe on all labelled rows, for release.

    If the spec sets a target error, the release defers rows for which the evaluated model was not confident enough.

    Parameters
    ----------
    known : DataFrame
        All labelled rows, with the hold-out.
    ruler : Ruler or None
        Ruler of the champion, kept so that profiles of different nights can be added; None for the first model.
    crossed : array, optional
        The prediction of each row of the hold-out by a fit that left it out, where the evaluated model learned from it.
    """
    fitted = fit_on_all_rows(trained.recipe, trained.fitted_calibration, known, spec)
    weights = importances(trained.fitted.portable, holdout, spec, spec.training.seed)
    rule = release_deferral(trained.fitted.portable, fitted.portable, holdout, spec, weights, crossed)
    if rule is not None:
        fitted = replace(fitted, portable=replace_schema(fitted.portable, deferral=rule))
        logger().info(line("deferral_found", bound=rule.error_bound, rows=rule.rows, share=rule.share))
    total = sum(weights.values()) or 1.0
    return ReleaseCandidate(
        fitted=fitted,
        reference=_reference(known, spec, ruler),
        importances={name: weight / total for name, weight in weights.items()},
        evidence=release_evidence(trained.recipe, trained.fitted_calibration, known, spec),
    )


refit_task = leeway_task("release")(refit)


def _reference(known: pd.DataFrame, spec: ProjectSpec, ruler: Ruler | None) -> Reference:
    features = spec.features
    if ruler is None or set(ruler.columns) != set(features.learned):
        ruler = fit_ruler(known, numbers=features.numbers, categories=features.categories, booleans=features.booleans)
        ruler = with_dates(ruler, known, features.dates)
    # Periods are not longer than a window, because a week hides the differences of its days.
    origin, days = min(known["event_date"]), min(spec.monitoring.period_days, spec.monitoring.window_days)
    starts = known["event_date"].map(lambda day: origin + timedelta(days=(day - origin).days // days * days))
    return build_reference(
        [(start.isoformat(), profile(part, ruler)) for start, part in known.groupby(starts, sort=True)]
    )


def would_more_help(trained: TrainingResult, rows: pd.DataFrame, spec: ProjectSpec, as_of: date) -> LearningCurve:
    """Return the loss of the chosen recipe by number of training rows; it takes six more fits."""
    curve = learning_curve(trained.recipe, rows, spec, as_of)
    logger().info(line("learning_curve_drawn", gain=curve.gain, rows=curve.rows[-1] if curve.rows else 0))
    return curve


would_more_help_task = leeway_task("learning curve")(would_more_help)


def release_adopted(fitted: FittedModel, parts: Parts, spec: ProjectSpec, ruler: Ruler | None) -> ReleaseCandidate:
    """Return a model that was trained elsewhere, for release as it is.

    Its reference is from the rows of the lake up to its last training day, its importances, its promise and, if the
    spec sets a target error, the rule of what it defers are from the hold-out, of which it has learned nothing.
    """
    weights = importances(fitted.portable, parts.holdout, spec, spec.training.seed)
    rule = release_deferral(fitted.portable, fitted.portable, parts.holdout, spec, weights)
    deferring = fitted if rule is None else replace(fitted, portable=replace_schema(fitted.portable, deferral=rule))
    total = sum(weights.values()) or 1.0
    return ReleaseCandidate(
        fitted=deferring,
        reference=_reference(parts.past, spec, ruler),
        importances={name: weight / total for name, weight in weights.items()},
        evidence=holdout_evidence(fitted, parts.holdout, spec),
    )


release_adopted_task = leeway_task("release")(release_adopted)
