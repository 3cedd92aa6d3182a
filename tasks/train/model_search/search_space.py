"""The search space: estimators and their parameters, and time treatments, narrowed by the kind of drift."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from tasks.spec.project_spec import Estimator, ProjectSpec
from tasks.train.model_search.recipes import BOOSTING, Recipe, Treatment, Value, allowed_estimators

SHORTEST_DAYS, LONGEST_DAYS = 7, 730
RECENT_DAYS = 180
IMBALANCED = 0.2  # share of the rarest class below which class weights are searched


class Suggester(Protocol):
    """The interface of an optuna trial that is used."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Return one of the choices."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """Return a whole number."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Return a number."""
        ...


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The possible suggestions.

    Attributes
    ----------
    histories : tuple
        Treatments of old rows, of which one is chosen.
    extras : tuple
        Treatments that may be added, independently.
    longest_days : int
        Longest window, and longest half-life.
    """

    spec: ProjectSpec
    histories: tuple[Treatment, ...]
    extras: tuple[Treatment, ...]
    longest_days: int
    imbalanced: bool = False

    def recipe(self, trial: Suggester) -> Recipe:
        """Return the recipe of a trial; equal suggestions give equal recipes."""
        estimators = allowed_estimators(self.spec.training)
        index = trial.suggest_categorical("estimator", list(range(len(estimators)))) if len(estimators) > 1 else 0
        recipe = _estimator(trial, estimators[index], index, self.spec)
        return self._class_weight(trial, self._time(trial, recipe))

    def _time(self, trial: Suggester, recipe: Recipe) -> Recipe:
        history: Treatment = (
            trial.suggest_categorical("history", list(self.histories)) if len(self.histories) > 1 else self.histories[0]
        )
        parts: list[Treatment] = [] if history == "all_history" else [history]
        if history == "recency":
            days = trial.suggest_float("half_life_days", SHORTEST_DAYS, self.longest_days, log=True)
            recipe = replace(recipe, half_life_days=round(days, 1))
        if history == "window":
            days = trial.suggest_int("window_days", 4 * SHORTEST_DAYS, self.longest_days, log=True)
            recipe = replace(recipe, window_days=int(days))
        parts += [part for part in self.extras if trial.suggest_categorical(part, [False, True])]
        if "level" in parts or history == "reweighted":
            recipe = replace(recipe, level_days=trial.suggest_int("level_days", SHORTEST_DAYS, 56, log=True))
        return replace(recipe, treatments=tuple(parts) or ("all_history",))

    def _class_weight(self, trial: Suggester, recipe: Recipe) -> Recipe:
        if self.imbalanced and trial.suggest_categorical("balanced", [False, True]):
            return replace(recipe, class_weight="balanced")
        return recipe


def search_space(spec: ProjectSpec, kind: str, history_days: int, rarest_share: float = 1.0) -> SearchSpace:
    """Return the search space for a kind of drift.

    Only `training.time_treatments` of the spec are searched: "recency" also allows windows, "all_history" reweighting.
    After concept drift only treatments that prefer new rows are searched; after covariate drift only those that keep
    all rows, because the relation to the label has not changed.

    Parameters
    ----------
    kind : str
        As `SearchOptions.kind`.
    history_days : int
        Days from the first to the newest row.
    rarest_share : float
        Share of the rarest class; 1 for numbers.

    Examples
    --------
    >>> from tasks.spec import parse_spec
    >>> spec = parse_spec('''
    ... project: demo
    ... scope: {owner: ann, objective: price, metric: mean_absolute_error}
    ... source: {uri: in, id: [id], event_time: day, label: {column: price}}
    ... features: {numbers: [area]}
    ... ''', "demo.yaml")
    >>> search_space(spec, "concept", 400).histories, search_space(spec, "concept", 400).longest_days
    (('window', 'recency'), 180)
    >>> search_space(spec, "covariate", 400).histories, search_space(spec, "covariate", 400).extras
    (('all_history', 'reweighted'), ())
    """
    allowed = set(spec.training.time_treatments)
    means: dict[str, tuple[Treatment, ...]] = {
        "all_history": ("all_history", "reweighted"),
        "recency": ("window", "recency"),
    }
    histories = [part for name, parts in means.items() if name in allowed for part in parts]
    candidates: tuple[Treatment, ...] = ("event_time", "level")
    extras = [part for part in candidates if part in allowed]
    if kind == "concept":
        histories = [part for part in histories if part in means["recency"]]
    if kind == "covariate":
        histories = [part for part in histories if part in means["all_history"]]
        extras = []
    if kind not in {"covariate", "both"}:
        histories = [part for part in histories if part != "reweighted"]
    longest = min(
        LONGEST_DAYS, RECENT_DAYS if kind == "concept" else LONGEST_DAYS, max(history_days, 8 * SHORTEST_DAYS)
    )
    return SearchSpace(spec, tuple(histories) or ("all_history",), tuple(extras), longest, rarest_share < IMBALANCED)


def _estimator(trial: Suggester, estimator: Estimator, index: int, spec: ProjectSpec) -> Recipe:
    """Return a recipe with the estimator and its parameters; their names in the study have its index."""
    training = spec.training
    recipe = Recipe(level_days=training.level_days, iterations=training.iterations[0], estimator=estimator.use)
    parameters = _searched(trial, estimator.use, index, regression=training.task == "regression")
    if estimator.use == BOOSTING:
        recipe = replace(
            recipe,
            iterations=trial.suggest_int(f"{index}:iterations", 50, max(400, *training.iterations), log=True),
            learning_rate=_short(trial.suggest_float(f"{index}:learning_rate", 0.02, 0.3, log=True)),
        )
    for name, value in estimator.parameters.items():
        parameters[name] = trial.suggest_categorical(f"{index}:{name}", value) if isinstance(value, list) else value
    return replace(recipe, parameters=tuple(sorted(parameters.items())))


def _searched(trial: Suggester, use: str, index: int, *, regression: bool) -> dict[str, Value]:
    if use == BOOSTING:
        return {
            "max_leaf_nodes": trial.suggest_int(f"{index}:max_leaf_nodes", 7, 63, log=True),
            "min_samples_leaf": trial.suggest_int(f"{index}:min_samples_leaf", 5, 100, log=True),
            "l2_regularization": _short(trial.suggest_float(f"{index}:l2_regularization", 1e-3, 10.0, log=True)),
        }
    if use in {"random_forest", "extra_trees"}:
        return {
            "min_samples_leaf": trial.suggest_int(f"{index}:min_samples_leaf", 1, 50, log=True),
            "max_features": _short(trial.suggest_float(f"{index}:max_features", 0.2, 1.0)),
        }
    if use == "linear":
        strength = _short(trial.suggest_float(f"{index}:strength", 1e-3, 1e3, log=True))
        return {"alpha": strength} if regression else {"C": strength}
    return {}


def _short(value: float) -> float:
    """Return a number with three digits, so that the name of a recipe shows the exact value."""
    return float(f"{value:.3g}")
