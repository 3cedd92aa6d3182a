"""Recipes: the ways to train a model, with readable names, from simple to complex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from tasks.errors import EvidenceError
from tasks.spec.project_spec import Estimator, Training

Treatment = Literal["all_history", "window", "recency", "reweighted", "event_time", "level"]
Value = bool | int | float | str

BOOSTING = "hist_gradient_boosting"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train.

    Attributes
    ----------
    treatments : tuple
        How time is treated; several treatments are combined. Empty for a model that was trained elsewhere.
    half_life_days : float or None
        With "recency": age at which the weight of a row is one half.
    level_days : int
        With "level": the newest matured days, which correct the level.
    iterations, learning_rate
        Of gradient boosting; other estimators ignore them.
    estimator : str
        As `training.estimators` names it.
    window_days : int or None
        With "window": older rows are not used.
    parameters : tuple of (name, value)
        Further parameters of the estimator, by their scikit-learn names, sorted.
    class_weight : {"balanced"} or None
        "balanced" gives every class the same total weight.
    features : tuple of str or None
        The kept columns of the spec; None keeps all.
    """

    treatments: tuple[Treatment, ...] = ("all_history",)
    half_life_days: float | None = None
    level_days: int = 28
    iterations: int = 200
    learning_rate: float = 0.1
    estimator: str = BOOSTING
    window_days: int | None = None
    parameters: tuple[tuple[str, Value], ...] = ()
    class_weight: Literal["balanced"] | None = None
    features: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The name of the recipe.

        Examples
        --------
        >>> Recipe(("recency", "level"), half_life_days=90).name
        'recency 90 d + level 28 d, 200 rounds'
        >>> Recipe(("window",), window_days=60, estimator="linear", parameters=(("alpha", 0.5),)).name
        'window 60 d, linear, alpha 0.5'
        """
        days = {
            "recency": f" {self.half_life_days:g} d" if self.half_life_days else "",
            "window": f" {self.window_days} d",
            "level": f" {self.level_days} d",
        }
        time = " + ".join(f"{part}{days.get(part, '')}" for part in self.treatments)
        kind = f"{self.iterations} rounds" if self.estimator == BOOSTING else self.estimator
        details = [f"{name} {f'{value:.3g}' if isinstance(value, float) else value}" for name, value in self.parameters]
        if self.estimator == BOOSTING and self.learning_rate != Recipe().learning_rate:
            details.insert(0, f"rate {self.learning_rate:.3g}")
        if self.class_weight:
            details.append(f"classes {self.class_weight}")
        if self.features is not None:
            details.append(f"{len(self.features)} features")
        return ", ".join([*([time] if time else []), kind, *details])

    @property
    def corrections(self) -> int:
        """Number of time treatments: fewer is simpler."""
        return sum(part != "all_history" for part in self.treatments)

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the model's schema and the leaderboard."""
        values = {
            "treatments": list(self.treatments),
            "parameters": dict(self.parameters),
            "features": None if self.features is None else list(self.features),
        }
        return {"name": self.name} | asdict(self) | values

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Recipe:
        """Return the recipe that `described` wrote, so that a training can be repeated.

        Raises
        ------
        EvidenceError
            It has unknown parts, or lacks some.

        Examples
        --------
        >>> recipe = Recipe(("window",), window_days=60, estimator="linear", parameters=(("alpha", 0.5),))
        >>> Recipe.from_dict(recipe.described()) == recipe
        True
        """
        try:
            features = content["features"]
            values = {
                "treatments": tuple(content["treatments"]),
                "parameters": tuple(sorted(content["parameters"].items())),
                "features": None if features is None else tuple(features),
            }
            return cls(**{name: value for name, value in content.items() if name != "name"} | values)
        except (AttributeError, KeyError, TypeError) as error:
            raise EvidenceError(
                f"found a recipe that this Leeway cannot repeat ({error!r}); expected the parts of its own recipes. "
                "Install the version that wrote it."
            ) from error


def candidate_recipes(training: Training) -> list[Recipe]:
    """Return the candidate recipes, simplest first.

    For each estimator: each treatment of the spec alone, recency once per half-life; and, if both are allowed, the
    slowest recency combined with the level, because recency reduces the weight of old structure and the level follows
    the newest rows.

    Examples
    --------
    >>> for recipe in candidate_recipes(Training()):
    ...     print(recipe.name)
    all_history, 200 rounds
    level 28 d, 200 rounds
    event_time, 200 rounds
    recency 90 d, 200 rounds
    recency 30 d, 200 rounds
    recency 90 d + level 28 d, 200 rounds
    """
    recipes = [
        Recipe(
            treatments,
            half_life,
            training.level_days,
            iterations,
            training.learning_rate,
            estimator.use,
            None,
            first_parameters(estimator),
        )
        for estimator in allowed_estimators(training)
        for iterations in (sorted(set(training.iterations)) if estimator.use == BOOSTING else training.iterations[:1])
        for treatments, half_life in _ways(training)
    ]
    return list(dict.fromkeys(recipes))


def without_window(recipe: Recipe) -> Recipe:
    """Return the recipe that may use older rows too.

    >>> without_window(Recipe(("window",), window_days=60)).name
    'all_history, 200 rounds'
    """
    rest = tuple(part for part in recipe.treatments if part != "window")
    return replace(recipe, treatments=rest or ("all_history",), window_days=None)


def allowed_estimators(training: Training) -> list[Estimator]:
    """Return the estimators of the spec, or gradient boosting alone."""
    return training.estimators or [Estimator(use=BOOSTING)]


def first_parameters(estimator: Estimator) -> tuple[tuple[str, Value], ...]:
    """Return the parameters of an estimator without a search: the first of each choice.

    >>> first_parameters(Estimator(use="linear", parameters={"alpha": [1.0, 10.0]}))
    (('alpha', 1.0),)
    """
    first = {name: value[0] if isinstance(value, list) else value for name, value in estimator.parameters.items()}
    return tuple(sorted(first.items()))


def _ways(training: Training) -> Iterator[tuple[tuple[Treatment, ...], float | None]]:
    allowed = set(training.time_treatments)
    single: tuple[Treatment, ...] = ("all_history", "level", "event_time")
    yield from (((part,), None) for part in single if part in allowed)
    if "recency" in allowed:
        half_lives = sorted(set(training.half_lives_days), reverse=True)
        yield from ((("recency",), half_life) for half_life in half_lives)
        if "level" in allowed:
            yield ("recency", "level"), half_lives[0]
