"""A pipeline that was fitted on a frame elsewhere answers as a model of the project, or is refused with the columns."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from skops.io import dumps

from tasks.errors import DataError
from tasks.model import AdoptedPipeline, ModelSchema, adopted_pipeline, export_model, foreign_estimator, prove_parity
from tasks.model.adoption.foreign_file import MOST_BYTES
from tasks.spec import ProjectSpec

SPEC = {
    "project": "flats",
    "scope": {"owner": "ann", "objective": "Rents.", "metric": "mean_absolute_error", "baseline": "median"},
    "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "rent"}},
    "features": {"numbers": ["rooms", "age"], "booleans": ["lift"], "categories": ["city", "plan"], "dates": ["built"]},
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Flats with missing values, in another order of columns than the spec's, and of all kinds of values."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": rng.normal(30, 9, 240),
            "plan": rng.choice(["a", "b", "c"], 240),
            "lift": rng.random(240) < 0.5,
            "city": rng.choice(["x", "y"], 240),
            "rooms": rng.integers(1, 6, 240),
        }
    )
    frame.loc[::17, "plan"] = None
    frame.loc[::13, "age"] = np.nan
    return frame.assign(rent=frame["rooms"] * 100.0 + (frame["city"] == "x") * 50 + rng.normal(0, 9, 240))


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


def one_hot(**options: Any) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(**{"handle_unknown": "ignore", **options})


def ordinal(number: float) -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=number)


def filled(encoder: Any, **options: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SimpleImputer(**options), encoder)


def pipelines() -> dict[str, Any]:
    """Pipelines as people fit them, by what is special about each."""
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KNeighborsRegressor

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
        "without an exporter": pipeline_of(KNeighborsRegressor(algorithm="brute"), one_hot()),
    }


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
    assert model.schema.format == ("skops" if name in {"without an exporter", "rare texts together"} else "onnx")
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


class Trap:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("the pickle was read",)


def test_what_would_run_code_or_says_too_little_is_not_read() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", "{}")
    cases = {
        ("model.pkl", pickle.dumps(Trap())): "reading a pickle runs the code in it",
        ("renamed.skops", pickle.dumps(Trap())): "reading a pickle runs the code in it",
        ("model.onnx", b"\x08\x0a"): "ONNX says nothing about the kinds and categories",
        ("notes.txt", b"a note"): "found a file of another kind",
        ("model.skops", packed.getvalue()): "found no skops file for model.skops",
        ("model.skops", dumps(np.load)): "only classes of scikit-learn, numpy and scipy.sparse",
    }
    for (name, content), said in cases.items():
        with pytest.raises(DataError, match=f"{name} is not adopted: .*{said}"):
            foreign_estimator(name, content)


def test_trees_that_point_outside_of_themselves_are_not_read(rows: pd.DataFrame) -> None:
    from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    three = ["rooms", "age", "lift"]
    numbers = rows[["rooms", "age"]]
    boosting = HistGradientBoostingRegressor(max_iter=3).fit(numbers, rows["rent"])
    nodes = boosting._predictors[1][0].nodes
    nodes["left"][0] = len(nodes)
    forest = RandomForestRegressor(3).fit(numbers, rows["rent"])
    forest.estimators_[2].tree_.children_right[0] = 0  # it would go round for ever
    lost = RandomForestRegressor(3).fit(numbers, rows["rent"])
    lost.estimators_[0].tree_.feature[0] = 2
    wide, narrow = (
        DecisionTreeRegressor(max_depth=2).fit(rows[columns], rows["rent"]) for columns in (three, three[:1])
    )
    narrow.tree_ = wide.tree_
    stages = GradientBoostingRegressor(n_estimators=3).fit(numbers.fillna(0), rows["rent"])
    stages.estimators_ = np.repeat(stages.estimators_, 300, axis=1)  # it would write beyond the answers
    reaching = GradientBoostingRegressor(n_estimators=3).fit(numbers.fillna(0), rows["rent"])
    reaching.estimators_[1, 0] = wide
    by_set, few_words, no_category = (
        HistGradientBoostingRegressor(max_iter=3, categorical_features=["rooms"]).fit(numbers, rows["rent"])
        for _ in range(3)
    )
    by_set._predictors[0][0].nodes["bitset_idx"] = 9
    few_words._predictors[0][0].raw_left_cat_bitsets = np.zeros((9, 1), np.uint32)
    no_category._bin_mapper.is_categorical_ = np.zeros(2, np.uint8)
    assert all(
        any((tree.nodes["is_categorical"] != 0).any() for tree, *_ in each._predictors)
        for each in (by_set, no_category)
    )
    for damaged in (boosting, forest, lost, narrow, stages, reaching, by_set, few_words, no_category):
        with pytest.raises(DataError, match="a split of a tree points to no node or column of it"):
            foreign_estimator("model.skops", dumps(damaged))


def test_a_file_that_has_a_function_called_is_not_read() -> None:
    given = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []}
    called = {"__class__": "check_array", "__module__": "sklearn.utils.validation", "content": given}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        schema = {**called, "__loader__": "ConstructorFromReduceNode", "protocol": 2}
        archive.writestr("schema.json", json.dumps({"content": [schema]}))
    with pytest.raises(DataError, match=r"building it calls sklearn\.utils\.validation\.check_array"):
        foreign_estimator("model.skops", packed.getvalue())


def test_a_file_that_unpacks_to_more_than_a_model_has_is_not_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.infolist()[0].file_size = MOST_BYTES + 1
    with pytest.raises(DataError, match="unpacked it has 2,000,000,001 bytes"):
        foreign_estimator("model.skops", packed.getvalue())


@pytest.mark.parametrize("schema", ["[1]", "[" * 100_000, '{"protocol": 2, "__loader__": "JsonNode", "content": 3}'])
def test_a_damaged_file_is_refused_in_words(schema: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(DataError, match=r"model\.skops is not adopted: "):
        foreign_estimator("model.skops", packed.getvalue())
