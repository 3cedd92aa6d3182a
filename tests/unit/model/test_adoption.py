"""A pipeline that was fitted on a frame elsewhere answers as a model of the project, or is refused with the columns."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from skops.io import dumps

from tasks.errors import DataError
from tasks.model import AdoptedPipeline, ModelSchema, adopted_pipeline, export_model, foreign_estimator, prove_parity
from tasks.spec import ProjectSpec
from tests.unit.model.adopted_rows import flats, one_hot

SPEC = {
    "project": "flats",
    "scope": {"owner": "ann", "objective": "Rents.", "metric": "mean_absolute_error", "baseline": "median"},
    "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "rent"}},
    "features": {"numbers": ["rooms", "age"], "booleans": ["lift"], "categories": ["city", "plan"], "dates": ["built"]},
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return flats()


def spec_of(task: str = "regression", **features: Any) -> ProjectSpec:
    metric = {} if task == "regression" else {"metric": "log_loss", "baseline": "majority"}
    kinds: dict[str, Any] = {**SPEC, "scope": {**SPEC["scope"], **metric}, "training": {"task": task}}  # type: ignore[dict-item]
    return ProjectSpec.model_validate({**kinds, "features": {**kinds["features"], **features}})


def schema_of(adopted: AdoptedPipeline, task: Literal["regression", "binary"] = "regression") -> ModelSchema:
    return ModelSchema(
        *("flats", task, "mean_absolute_error" if task == "regression" else "log_loss", "day"),
        numbers=adopted.numbers,
        booleans=adopted.booleans,
        categories=adopted.categories,
    )


def pipeline_of(final: Any, categories: Any, numbers: Any = None) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaled = numbers or make_pipeline(SimpleImputer(), StandardScaler())
    parts = [("texts", categories, ["plan", "city"]), ("numbers", scaled, ["rooms", "age"])]
    return make_pipeline(ColumnTransformer(parts, remainder=SimpleImputer()), final)


def ordinal(number: float) -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=number)


def filled(encoder: Any, **options: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SimpleImputer(**options), encoder)


def pipelines() -> dict[str, Any]:
    """Pipelines as people fit them, by what is special about each."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, PolynomialFeatures, StandardScaler

    boosting = HistGradientBoostingRegressor(max_iter=5, categorical_features=[0, 1], random_state=0)
    constant = {"strategy": "constant", "fill_value": "none"}
    return {
        "one-hot": pipeline_of(Ridge(), one_hot()),
        "one-hot without the first": pipeline_of(Ridge(), one_hot(drop="first")),
        "filled with the most frequent": pipeline_of(Ridge(), filled(one_hot(), strategy="most_frequent")),
        "filled with a new text": pipeline_of(Ridge(), filled(one_hot(), **constant)),
        "filled, and failing at unknown texts": pipeline_of(
            Ridge(), filled(one_hot(handle_unknown="error"), strategy="most_frequent")
        ),
        "rare texts together": pipeline_of(Ridge(), one_hot(handle_unknown="infrequent_if_exist", min_frequency=90)),
        "numbered, -1 for unknown": pipeline_of(RandomForestRegressor(5, random_state=0), ordinal(-1)),
        "numbered, filled": pipeline_of(RandomForestRegressor(5, random_state=0), filled(ordinal(-1), **constant)),
        "numbered, missing as it is": pipeline_of(boosting, ordinal(np.nan), "passthrough"),
        "boosting on texts": HistGradientBoostingRegressor(
            max_iter=5, categorical_features=["plan", "city"], random_state=0
        ),
        "a search": GridSearchCV(pipeline_of(Ridge(), one_hot()), {"ridge__alpha": [0.1, 1.0]}, cv=2),
        "a search of trees": GridSearchCV(
            pipeline_of(HistGradientBoostingRegressor(max_iter=3, random_state=0), ordinal(-1)),
            {"histgradientboostingregressor__max_iter": [2, 3]},
            cv=KFold(2),
        ),
        "logarithms and powers": pipeline_of(
            TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
            one_hot(),
            make_pipeline(SimpleImputer(), FunctionTransformer(np.square), PolynomialFeatures(2), StandardScaler()),
        ),
        "bins": pipeline_of(
            Ridge(),
            one_hot(),
            make_pipeline(SimpleImputer(), KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")),
        ),
        "without an exporter": pipeline_of(KNeighborsRegressor(algorithm="brute"), one_hot()),
    }


WITHOUT_EXPORTER = {"without an exporter", "rare texts together", "logarithms and powers", "bins"}


@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
@pytest.mark.parametrize("name", list(pipelines()))
def test_the_model_of_a_pipeline_answers_every_row_as_the_pipeline_does(name: str, rows: pd.DataFrame) -> None:
    features = rows.drop(columns="rent").astype({"plan": object, "city": object})
    fitted = pipelines()[name].fit(features, rows["rent"])
    read = foreign_estimator("model.skops", dumps(fitted))
    assert not read.made_with
    adopted = adopted_pipeline(read.fitted, spec_of())
    adopted.require_answers(rows)
    model = export_model(adopted.on_matrix, schema_of(adopted))
    assert model.schema.format == ("skops" if name in WITHOUT_EXPORTER else "onnx")
    assert prove_parity(model, adopted.scores, rows).difference < 1e-9
    answers = model.predict(rows)
    assert np.abs(answers - fitted.predict(features)).max() < 1e-9
    unknown = rows.assign(plan="never seen")
    assert np.array_equal(model.predict(unknown), model.predict(rows.assign(plan=None)))


def test_a_classifier_keeps_its_classes(rows: pd.DataFrame) -> None:
    from sklearn.linear_model import LogisticRegression

    features, dear = rows.drop(columns="rent"), (rows["rent"] > 300) * 1
    fitted = pipeline_of(LogisticRegression(), one_hot()).fit(features, dear)
    adopted = adopted_pipeline(fitted, spec_of("binary"))
    model = export_model(adopted.on_matrix, schema_of(adopted, "binary"))
    assert np.abs(model.predict(rows) - fitted.predict_proba(features)[:, 1]).max() < 1e-12


def refused(fitted: Any, spec: ProjectSpec, rows: pd.DataFrame) -> str:
    with pytest.raises(DataError) as raised:
        adopted_pipeline(fitted, spec).require_answers(rows)
    return str(raised.value)


def test_what_does_not_fit_the_spec_is_refused_with_the_names_of_the_columns(rows: pd.DataFrame) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import TargetEncoder

    features, rent = rows.drop(columns="rent"), rows["rent"]
    ridge = pipeline_of(Ridge(), one_hot()).fit(features, rent)
    assert "plan: no features of the spec" in refused(ridge, spec_of(categories=["city"]), rows)
    numbers: dict[str, Any] = {"numbers": ["rooms", "age", "plan"], "categories": ["city"]}
    assert "plan, city are of kind number in the spec" not in refused(ridge, spec_of(**numbers), rows)
    assert "of kind number in the spec, and the encoder knows texts ('a')" in refused(ridge, spec_of(**numbers), rows)
    dated: dict[str, Any] = {"numbers": ["rooms"], "dates": ["age", "built"]}
    assert "age: dates, which are read as numbers only" in refused(ridge, spec_of(**dated), rows)
    grouped = spec_of(numbers=["age"], categories=["city", "plan", "rooms"])
    assert "rooms are categories, and meet neither a OneHotEncoder" in refused(ridge, grouped, rows)
    targets = pipeline_of(Ridge(), TargetEncoder()).fit(features, rent)
    assert "plan, city are categories, and meet neither" in refused(targets, spec_of(), rows)
    assert "it has no classes, and training.task is 'binary'" in refused(ridge, spec_of("binary"), rows)
    named = pipeline_of(LogisticRegression(), one_hot()).fit(features, np.where(rent > 300, "dear", "cheap"))
    assert "its classes are ['cheap', 'dear']" in refused(named, spec_of("binary"), rows)
    bare = Ridge().fit(rows[["rooms"]].to_numpy(), rent)
    assert "found Ridge without the names of its columns" in refused(bare, spec_of(), rows)


def test_a_pipeline_that_fails_on_a_missing_value_is_refused_with_the_columns(rows: pd.DataFrame) -> None:
    from sklearn.linear_model import Ridge

    complete, rent = rows.dropna().drop(columns="rent"), rows.dropna()["rent"]
    plain = pipeline_of(Ridge(), one_hot(), "passthrough").fit(complete, rent)
    assert "fails where age, rooms is missing" in refused(plain, spec_of(), rows)
    strict = pipeline_of(Ridge(), one_hot(handle_unknown="error")).fit(complete, rent)
    assert "plan, city meet a OneHotEncoder that fails at a missing value" in refused(strict, spec_of(), rows)
