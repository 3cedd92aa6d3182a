"""Files that are adopted, made to do harm: each is refused in words, and none is followed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skops.io import dumps

from tasks.errors import DataError
from tasks.model import foreign_estimator
from tasks.model.adoption.foreign_file import MOST_ADOPTED_BYTES
from tests.unit.model.adopted_rows import flats, one_hot


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return flats()


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
        ("model.skops", dumps(np.load)): "it has numpy.*load, and load is not among the classes",
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
    few_columns = RandomForestRegressor(3).fit(rows[three], rows["rent"])
    few_columns.n_features_in_ = 1
    for damaged in (
        few_columns,
        boosting,
        forest,
        lost,
        narrow,
        stages,
        reaching,
        by_set,
        few_words,
        no_category,
    ):
        with pytest.raises(DataError, match="a split of a tree points to no node or column of it"):
            foreign_estimator("model.skops", dumps(damaged))


def changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """A file with another schema."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            whole = before.read(name)
            if name == "schema.json":
                schema = json.loads(whole)
                change(schema)
                whole = json.dumps(schema).encode()
            after.writestr(name, whole)
    return packed.getvalue()


def test_encoders_and_neighbours_that_say_other_shapes_than_they_have_are_not_read(rows: pd.DataFrame) -> None:
    from sklearn.neighbors import KNeighborsRegressor

    texts, numbers = rows[["plan", "city"]], rows[["rooms", "lift"]]
    narrow, far = one_hot().fit(texts), one_hot(max_categories=2, handle_unknown="infrequent_if_exist").fit(texts)
    narrow._n_features_outs = [1, 1]  # it would write beyond the columns
    far._default_to_infrequent_mappings[0][1] = 10**9
    flat, more, other = (KNeighborsRegressor(algorithm="brute").fit(numbers, rows["rent"]) for _ in range(3))
    flat._fit_X = flat._fit_X[:, :1].copy()
    more.n_samples_fit_ = 10**9
    other.effective_metric_params_ = {"w": np.ones(1)}
    for damaged, said in (
        (narrow, "codes of no column"),
        (far, "codes of no column"),
        (flat, "another shape than they say"),
        (more, "another shape than they say"),
        (other, "the distance of neighbours is none of"),
        (KNeighborsRegressor(algorithm="kd_tree").fit(numbers, rows["rent"]), "KDTree"),
    ):
        with pytest.raises(DataError, match=rf"model.skops is not adopted: .*{said}"):
            foreign_estimator("model.skops", dumps(damaged))


def unusual() -> dict[str, tuple[Any, str]]:
    """What reads files, calls a function, has native code that nothing here has checked, or makes ever more columns."""
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, SplineTransformer
    from sklearn.svm import SVR

    texts = ["a b", "b c"] * 20
    wide = np.arange(300.0).reshape(3, 100)
    few = np.arange(40.0).reshape(20, 2)
    return {
        "file names in rows": (CountVectorizer(input="filename", vocabulary=["a"]), "CountVectorizer is not among"),
        "files in rows": (CountVectorizer(input="file", vocabulary=["a"]), "CountVectorizer is not among"),
        "texts": (TfidfVectorizer(analyzer="char").fit(texts), "TfidfVectorizer is not among"),
        "hashes": (HashingVectorizer(n_features=2**30), "HashingVectorizer is not among"),
        "a function with arguments": (FunctionTransformer(np.exp, kw_args={"where": False}), "has kw_args"),
        "a function of files": (FunctionTransformer(np.fromfile), "fromfile is not among"),
        "a function of two columns": (FunctionTransformer(np.add), "add is not among"),
        "a million columns": (PolynomialFeatures(3).fit(wide), "makes more than 10,000 columns"),
        "support vectors": (SVR().fit(few, few[:, 0]), "SVR is not among.*there are LinearSVC, LinearSVR"),
        "splines": (SplineTransformer().fit(few), "SplineTransformer is not among"),
        "a process": (GaussianProcessRegressor().fit(few, few[:, 0]), "is not among"),
        "sparse numbers": (sparse_ridge(Ridge().fit(few, few[:, 0])), "building it calls .*csr_matrix"),
    }


def sparse_ridge(ridge: Any) -> Any:
    from scipy.sparse import csr_matrix

    ridge.coef_ = csr_matrix(ridge.coef_)
    return ridge


@pytest.mark.parametrize("name", list(unusual()))
def test_a_class_that_is_not_known_to_compute_from_its_row_alone_is_not_read(name: str) -> None:
    fitted, said = unusual()[name]
    with pytest.raises(DataError, match=rf"model.skops is not adopted: .*{said}"):
        foreign_estimator("model.skops", dumps(fitted))


def test_an_array_that_many_nodes_share_counts_for_each_of_them() -> None:
    def change(schema: Any) -> None:
        array = {name: schema.pop(name) for name in ("__class__", "__module__", "__loader__", "type", "file", "__id__")}
        copies = [{**array, "__id__": number} for number in range(1, 201)]
        schema |= {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": copies}

    small = changed(dumps(np.zeros(10**6)), change)
    assert len(small) < 50_000
    with pytest.raises(DataError, match=r"its arrays have 1,600,025,600 bytes, some several times"):
        foreign_estimator("model.skops", small)


def test_calls_of_an_estimator_have_one_thread(rows: pd.DataFrame) -> None:
    from sklearn.ensemble import RandomForestRegressor

    numbers = rows[["rooms", "age"]]
    forest = RandomForestRegressor(3, n_jobs=10_000).set_params(n_jobs=1).fit(numbers, rows["rent"])
    assert foreign_estimator("model.skops", dumps(forest.set_params(n_jobs=10_000))).fitted.n_jobs is None


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
        archive.infolist()[0].file_size = MOST_ADOPTED_BYTES + 1
    with pytest.raises(DataError, match="unpacked it has 1,000,000,001 bytes"):
        foreign_estimator("model.skops", packed.getvalue())


@pytest.mark.parametrize("schema", ["[1]", "[" * 100_000, '{"protocol": 2, "__loader__": "JsonNode", "content": 3}'])
def test_a_damaged_file_is_refused_in_words(schema: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(DataError, match=r"model\.skops is not adopted: "):
        foreign_estimator("model.skops", packed.getvalue())
