"""The sections of a spec about training: splits by time, the models to try, and what a challenger must prove."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.spec.field_types import IMPORT_PATH, Column, Share, SpecSection

ESTIMATORS = ("hist_gradient_boosting", "random_forest", "extra_trees", "linear")
LIGHTGBM = ("lightgbm:LGBMRegressor", "lightgbm:LGBMClassifier")
"""Estimators of LightGBM, which can be exported exactly."""
LIGHTGBM_PARAMETERS = frozenset(
    {
        *("boosting_type", "num_leaves", "max_depth", "learning_rate", "n_estimators", "objective", "class_weight"),
        *("min_split_gain", "min_child_weight", "min_child_samples", "subsample", "subsample_freq", "colsample_bytree"),
        *("reg_alpha", "reg_lambda", "alpha", "max_bin", "extra_trees", "path_smooth", "scale_pos_weight"),
        *("feature_fraction_bynode", "min_data_per_group", "max_cat_threshold", "max_cat_to_onehot"),
        *("cat_l2", "cat_smooth", "tweedie_variance_power", "poisson_max_delta_step", "max_delta_step"),
    }
)
"""Its parameters that a spec may set: others name files, other machines or devices."""
XGBOOST = ("xgboost:XGBRegressor", "xgboost:XGBClassifier")
"""Estimators of XGBoost, which can be exported exactly."""
XGBOOST_PARAMETERS = frozenset(
    {
        *("objective", "n_estimators", "learning_rate", "max_depth", "max_leaves", "max_bin", "grow_policy", "gamma"),
        *("min_child_weight", "max_delta_step", "subsample", "colsample_bytree", "colsample_bylevel"),
        *("colsample_bynode", "reg_alpha", "reg_lambda", "scale_pos_weight", "max_cat_to_onehot", "max_cat_threshold"),
        *("base_score", "quantile_alpha", "huber_slope", "tweedie_variance_power"),
    }
)
"""Its parameters that a spec may set."""
PARAMETERS_OF = dict.fromkeys(LIGHTGBM, LIGHTGBM_PARAMETERS) | dict.fromkeys(XGBOOST, XGBOOST_PARAMETERS)
"""By estimator of another package than scikit-learn."""


class Split(SpecSection):
    """How rows are split by time."""

    holdout_days: int = Field(
        28, ge=1, description="The newest days with labels, held out from every candidate and from the champion."
    )
    folds: int = Field(3, ge=1, le=20, description="Forward-validation steps: fit on the past, score the next cohort.")
    fold_days: int = Field(28, ge=1, description="The length of each scored cohort, in days.")
    group: Column | None = Field(
        None,
        description="A column that groups rows, such as a customer or a house. Rows of one group are never in both the "
        "training and the scored rows, and the gate compares whole groups.",
    )


class Estimator(SpecSection):
    """One kind of model to try."""

    use: str = Field(
        min_length=1,
        description="hist_gradient_boosting, random_forest, extra_trees, linear, a scikit-learn estimator as "
        "`sklearn.module:Class`, which gets imputed, scaled and one-hot encoded columns, or `lightgbm:LGBMRegressor`, "
        "`lightgbm:LGBMClassifier`, `xgboost:XGBRegressor` or `xgboost:XGBClassifier` (the extras `lightgbm` and "
        "`xgboost`), which get missing values and categories as they are.",
    )
    parameters: dict[str, bool | int | float | str | list[bool | int | float | str]] = Field(
        {},
        description="Its parameters by their names in scikit-learn. The search chooses from a list; without a search, "
        "the first value counts.",
    )

    @field_validator("use")
    @classmethod
    def _is_known(cls, value: str) -> str:
        is_path = IMPORT_PATH.fullmatch(value) and value.startswith(("sklearn.", "sklearn:"))
        if value not in {*ESTIMATORS, *PARAMETERS_OF} and not is_path:
            # Only models that can be proven are registered, and another class would run with the key that signs them.
            names = ", ".join([*ESTIMATORS, *PARAMETERS_OF])
            raise ValueError(f"found {value!r}; expected {names}, or a class of scikit-learn as 'sklearn.module:Class'")
        return value

    @model_validator(mode="after")
    def _has_known_parameters(self) -> Self:
        known = PARAMETERS_OF.get(self.use, frozenset(self.parameters))
        unknown = sorted(set(self.parameters) - known)
        if unknown:
            raise ValueError(f"found the parameters {unknown} of {self.use}; known are {sorted(known)}")
        return self


class Training(SpecSection):
    """Which models are trained, and how."""

    task: Literal["regression", "binary", "multiclass"] = Field(
        "regression", description="The kind of label: a number, 0 or 1, or the name of one of several classes."
    )
    target_scale: Literal["identity", "log"] = Field(
        "identity", description="The scale of the label on which the model is fitted."
    )
    time_treatments: list[Literal["all_history", "recency", "event_time", "level"]] = Field(
        ["all_history", "recency", "event_time", "level"],
        min_length=1,
        description="How candidates treat time: all rows have equal weight, newer rows have more weight, event time "
        "is a feature kept at its newest value when scoring, or the level is corrected from the newest "
        "labelled rows. Forward validation chooses.",
    )
    half_lives_days: list[Annotated[float, Field(gt=0)]] = Field(
        [30.0, 90.0], description="The half-lives to try for recency, in days."
    )
    level_days: int = Field(
        28, ge=1, description="The newest days with labels from which a level correction is computed."
    )
    iterations: list[Annotated[int, Field(ge=1, le=5000)]] = Field(
        [200], min_length=1, description="The numbers of boosting rounds to try."
    )
    learning_rate: float = Field(0.1, gt=0, le=1, description="The learning rate of boosting.")
    estimators: list[Estimator] = Field([], description="The kinds of model to try; by default gradient-boosted trees.")
    event_time_parts: list[Literal["month", "weekday", "hour"]] = Field(
        [], description="Parts of the event time to use as features: month, day of the week, hour (UTC)."
    )
    trials: int = Field(
        0,
        ge=0,
        le=10_000,
        description="The number of further recipes that a search tries within scope.training_minutes, after the fixed "
        "ones; 0 turns the search off.",
    )
    selection: bool = Field(
        default=False,
        description="Leave out features with a permutation importance within the noise, if the recipe is as good "
        "without them.",
    )
    calibration: Literal["none", "auto", "sigmoid", "isotonic"] = Field(
        "auto",
        description="How the probabilities of a classifier are calibrated, learned in forward validation; with several "
        "classes, one against the rest. auto chooses a method that helps beyond the noise, if the metric uses "
        "probabilities.",
    )
    interval: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="The share of labels that are to be inside the interval of their prediction, such as 0.9; for "
        "numbers. Intervals are learned in forward validation, and their coverage is measured every night.",
    )
    interval_by: Column | None = Field(
        None,
        description="A category among the features: each of its values with enough rows has intervals of its own, so "
        "that they hold in each of them.",
    )
    min_rows: int = Field(500, ge=20, description="The fewest labelled rows for a training.")
    seed: int = Field(0, ge=0, description="The same data and the same seed give the same model.")


class Gate(SpecSection):
    """What a challenger must prove before a person is asked to approve it."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="The confidence level of the paired interval.")
    min_gain: Share = Field(0.0, description="The smallest relative improvement of the metric that counts as better.")
    min_rows: int = Field(200, ge=10, description="The fewest labelled rows that are newer than both models.")
    slices: list[Column] = Field([], description="Columns that define slices; no slice may become clearly worse.")
    max_slice_loss: Share = Field(
        0.1, description="The relative loss of a slice above which the challenger is refused."
    )
    evidence_days: int = Field(30, ge=1, description="Days after which the evidence is stale and approval is refused.")
    max_latency_ms: float = Field(50, gt=0, description="The longest time for a single row, in milliseconds.")
    max_size_mb: float = Field(100, gt=0, description="The largest size of the model file, in megabytes.")
    max_memory_mb: float = Field(
        1000, gt=0, description="The most memory of the loaded model while it predicts, in megabytes."
    )
    min_labelled: Share = Field(
        0.5,
        description="The smallest share of hold-out rows with a label; the labels that arrive first may not be "
        "typical.",
    )
