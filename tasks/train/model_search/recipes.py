"""Recipes: what may be tried, in words a person can read and in an order from simple to involved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
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
        How time is treated; more than one are applied together.
    half_life_days : float or None
        With "recency": a row this much older than the newest one weighs half.
    level_days : int
        With "level": newest matured days from which the level is corrected.
    iterations, learning_rate
        Of gradient boosting; other estimators do not look at them.
    estimator : str
        As `training.estimators` names it.
    window_days : int or None
        With "window": older rows are not learned from.
    parameters : tuple of (name, value)
        What else the estimator is given, by scikit-learn's names, sorted.
    class_weight : {"balanced"} or None
        Rows of rare classes weigh as much, all together, as those of common ones.
    features : tuple of str or None
        The columns of the spec that are kept; None keeps all.
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
        """The recipe in words.

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
        return ", ".join([time, kind, *details])

    @property
    def corrections(self) -> int:
        """How many things are done about time: the fewer, the simpler."""
        return sum(part != "all_history" for part in self.treatments)

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the model's schema and the leaderboard."""
        plain = {
            "treatments": list(self.treatments),
            "parameters": dict(self.parameters),
            "features": None if self.features is None else list(self.features),
        }
        return {"name": self.name} | asdict(self) | plain

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Recipe:
        """Return the recipe that `described` told of, so that a training can be repeated.

        Raises
        ------
        EvidenceError
            It names parts that no recipe of this version has, or lacks some.

        Examples
        --------
        >>> recipe = Recipe(("window",), window_days=60, estimator="linear", parameters=(("alpha", 0.5),))
        >>> Recipe.from_dict(recipe.described()) == recipe
        True
        """
        try:
            features = content["features"]
            plain = {
                "treatments": tuple(content["treatments"]),
                "parameters": tuple(sorted(content["parameters"].items())),
                "features": None if features is None else tuple(features),
            }
            return cls(**{name: value for name, value in content.items() if name != "name"} | plain)
        except (AttributeError, KeyError, TypeError) as error:
            raise EvidenceError(
                f"found a recipe that this Leeway cannot repeat ({error!r}); expected the parts of its own recipes. "
                "Install the version that wrote it."
            ) from error


def candidate_recipes(training: Training) -> list[Recipe]:
    """Return the recipes to try, simplest first.

    For each estimator, each treatment of the spec alone, recency once per half-life; and, where both are allowed, the
    slowest recency together with the level, since it forgets old structure while the level answers for what is newest.

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
            each.use,
            None,
            first_parameters(each),
        )
        for each in allowed_estimators(training)
        for iterations in (sorted(set(training.iterations)) if each.use == BOOSTING else training.iterations[:1])
        for treatments, half_life in _ways(training)
    ]
    return list(dict.fromkeys(recipes))


def allowed_estimators(training: Training) -> list[Estimator]:
    """Return the kinds of model to try: the spec's, or gradient boosting alone."""
    return training.estimators or [Estimator(use=BOOSTING)]


def first_parameters(estimator: Estimator) -> tuple[tuple[str, Value], ...]:
    """Return an estimator's parameters without a search: of a choice the first.

    >>> first_parameters(Estimator(use="linear", parameters={"alpha": [1.0, 10.0]}))
    (('alpha', 1.0),)
    """
    first = {name: value[0] if isinstance(value, list) else value for name, value in estimator.parameters.items()}
    return tuple(sorted(first.items()))


def _ways(training: Training) -> Iterator[tuple[tuple[Treatment, ...], float | None]]:
    allowed = set(training.time_treatments)
    plain: tuple[Treatment, ...] = ("all_history", "level", "event_time")
    yield from (((part,), None) for part in plain if part in allowed)
    if "recency" in allowed:
        half_lives = sorted(set(training.half_lives_days), reverse=True)
        yield from ((("recency",), half_life) for half_life in half_lives)
        if "level" in allowed:
            yield ("recency", "level"), half_lives[0]
