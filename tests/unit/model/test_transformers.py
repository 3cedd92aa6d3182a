"""What transformers learned is read as tables, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.inference.preprocessing import preprocess
from tasks.model import ModelSchema, PreprocessingStep
from tasks.model.export.transformers import preprocessing_steps

INPUTS = ["a", "b"]
ROWS = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, np.nan], [np.nan, 1.0]])


def schema_with(steps: tuple[PreprocessingStep, ...]) -> ModelSchema:
    return ModelSchema("demo", "regression", "mean_absolute_error", "day", numbers=("a", "b"), steps=steps)


def of(name: str, **options: Any) -> Any:
    import sklearn.impute
    import sklearn.preprocessing

    where = sklearn.impute if "Imputer" in name else sklearn.preprocessing
    return getattr(where, name)(**options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SimpleImputer", {}),
        ("SimpleImputer", {"strategy": "median", "add_indicator": True}),
        ("SimpleImputer", {"strategy": "constant", "fill_value": -1.0}),
        ("StandardScaler", {}),
        ("StandardScaler", {"with_mean": False}),
        ("StandardScaler", {"with_std": False}),
        ("RobustScaler", {}),
        ("MaxAbsScaler", {}),
        ("OneHotEncoder", {"handle_unknown": "ignore", "sparse_output": False}),
        ("OneHotEncoder", {"handle_unknown": "ignore", "sparse_output": False, "drop": "if_binary"}),
    ],
)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_a_transformer_read_as_steps_gives_the_same_doubles(name: str, options: dict[str, Any]) -> None:
    fitted = of(name, **options).fit(ROWS)
    steps = preprocessing_steps([fitted], INPUTS)
    assert steps
    unseen = np.array([[9.0, np.nan], [np.nan, 7.0], [2.0, 1.0]])
    for rows in (ROWS, unseen):
        assert np.array_equal(preprocess(rows, schema_with(steps)), fitted.transform(rows), equal_nan=True)


def test_the_tables_are_those_a_person_would_write() -> None:
    from sklearn.pipeline import make_pipeline

    fitted = make_pipeline(of("SimpleImputer"), of("StandardScaler")).fit(np.array([[1.0], [3.0], [np.nan]]))
    deviation = np.sqrt(2 / 3)  # of 1, 3 and the mean 2
    assert preprocessing_steps([fitted], ["a"]) == (
        PreprocessingStep("a", fill=2.0, shift=2.0, scale=float(deviation)),
    )
    spread = of("OneHotEncoder", handle_unknown="ignore").fit(np.array([[0.0], [1.0], [np.nan]]))
    assert preprocessing_steps([spread], ["a"]) == (PreprocessingStep("a", "one_hot", values=(0.0, 1.0, None)),)


def test_columns_stand_in_the_order_their_transformers_put_them() -> None:
    from sklearn.compose import ColumnTransformer

    parts = [("b", of("SimpleImputer"), [1]), ("gone", "drop", [0])]
    fitted = ColumnTransformer(parts, remainder="passthrough").fit(np.column_stack([ROWS, ROWS[:, 0]]))
    assert preprocessing_steps([fitted], ["a", "b", "c"]) == (
        PreprocessingStep("b", fill=2 / 3),
        PreprocessingStep("c"),
    )


def test_what_changes_nothing_has_no_steps() -> None:
    assert preprocessing_steps([], INPUTS) == ()
    assert preprocessing_steps(["passthrough"], INPUTS) == ()


@pytest.mark.parametrize(
    "transformers",
    [
        [("SimpleImputer", {}), ("PolynomialFeatures", {})],
        [("FunctionTransformer", {"func": np.sqrt})],
        [("MinMaxScaler", {})],
        [("KNNImputer", {})],
        [("OneHotEncoder", {"handle_unknown": "error"})],
        [("OneHotEncoder", {"handle_unknown": "ignore", "max_categories": 2})],
        [("StandardScaler", {}), ("SimpleImputer", {})],
        [("StandardScaler", {}), ("StandardScaler", {})],
        [("OneHotEncoder", {"handle_unknown": "ignore", "sparse_output": False}), ("StandardScaler", {})],
    ],
)
def test_what_steps_cannot_say_is_not_read(transformers: list[tuple[str, dict[str, Any]]]) -> None:
    from sklearn.pipeline import make_pipeline

    made = make_pipeline(*(of(name, **options) for name, options in transformers)).fit(ROWS)
    assert preprocessing_steps([made], INPUTS) is None


def test_a_foreign_transformer_is_not_read() -> None:
    from sklearn.preprocessing import StandardScaler

    class Scaler(StandardScaler):  # type: ignore[misc]  # scikit-learn has no types
        def transform(self, rows: Any) -> Any:
            return super().transform(rows) ** 2

    Scaler.__name__ = "StandardScaler"
    assert preprocessing_steps([Scaler().fit(ROWS)], INPUTS) is None
