"""What is kept with skops is read by our list of types, never by the file's."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tasks.errors import EvidenceError
from tasks.model import SkopsModel, export_model
from tasks.model.skops_model import is_allowed, read_skops, skops_bytes

if TYPE_CHECKING:
    from tests.unit.model.conftest import Flats

ROWS, TARGET = np.arange(40.0).reshape(-1, 2), np.arange(20.0)


def shouting(values: Any) -> Any:
    return values * 2


@pytest.mark.parametrize(
    "name",
    [
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.utils._bunch.Bunch",
        "scipy.sparse._csr.csr_matrix",
        "numpy.dtype",
    ],
)
def test_parts_of_estimators_are_allowed(name: str) -> None:
    assert is_allowed(name)


@pytest.mark.parametrize(
    "name",
    [
        "builtins.eval",
        "os.system",
        "posix.system",
        "numpy.load",
        "numpy.memmap",
        "operator.methodcaller",
        "functools.partial",
        "sklearn.base.clone",
        "sklearn.datasets._base.load_files",
        "sklearn.utils.os",
        "sklearn.no_such_module.Thing",
        "sklearnish.tree.Tree",
        "sklearn.tests.test_base.MyEstimator",
        "scipy.optimize.OptimizeResult",
    ],
)
def test_anything_else_is_not(name: str) -> None:
    assert not is_allowed(name)


def test_an_estimator_with_a_foreign_function_is_refused_before_it_is_stored() -> None:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import Ridge

    fitted = TransformedTargetRegressor(Ridge(), func=shouting, inverse_func=shouting, check_inverse=False)
    with pytest.raises(EvidenceError, match=r"has the types \['.*shouting'\]"):
        skops_bytes(fitted.fit(ROWS, TARGET))


def test_a_file_that_names_a_stranger_is_refused_before_anything_is_built() -> None:
    from sklearn.neighbors import KNeighborsRegressor

    content = skops_bytes(KNeighborsRegressor(2).fit(ROWS, TARGET))
    assert read_skops(content, "demo").predict(ROWS[:1]).tolist() == [0.5]
    with pytest.raises(EvidenceError, match=r"has the types \['os.system'\]"):
        read_skops(renamed(content, "EuclideanDistance64", ("os", "system")), "demo")


def renamed(content: bytes, kind: str, other: tuple[str, str]) -> bytes:
    """The same file with every node of one class naming another."""

    def changed(node: Any) -> Any:
        if isinstance(node, dict):
            node = {key: changed(value) for key, value in node.items()}
            if node.get("__class__") == kind:
                node |= {"__module__": other[0], "__class__": other[1]}
        return [changed(each) for each in node] if isinstance(node, list) else node

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w") as made:
        for name in given.namelist():
            read = given.read(name)
            made.writestr(name, json.dumps(changed(json.loads(read))) if name == "schema.json" else read)
    return out.getvalue()


@pytest.mark.parametrize("content", [b"", b"no zip at all", pickle.dumps({"a": 1})])
def test_what_is_no_skops_file_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceError, match="no skops file"):
        read_skops(content, "demo")


def test_a_kept_model_travels_to_another_process(flats: Flats) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline

    frame = flats.frame(60)
    fitted = make_pipeline(SimpleImputer(), RidgeClassifier()).fit(flats.inputs(frame), flats.target(frame, "binary"))
    model = export_model(fitted, flats.schema("binary"))
    assert isinstance(model, SkopsModel)  # its decision function is kept; probabilities need a calibration table
    assert model.schema.output == "score"
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert again.predict(frame).tolist() == model.predict(frame).tolist()


def test_rows_are_scored_in_fewer_at_once_the_more_of_them_a_model_has_learned_or_made_of_one(flats: Flats) -> None:
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures
    from sklearn.svm import SVR

    few, many = np.arange(8.0).reshape(2, 4), np.arange(8_000.0).reshape(2_000, 4)
    near = KNeighborsRegressor(1).fit(many, many[:, 0])
    wide = make_pipeline(PolynomialFeatures(9), SVR()).fit(few, few[:, 0])
    plain = SVR().fit(few, few[:, 0])
    rows = [export_model(fitted, flats.schema("regression")).schema.block_rows for fitted in (near, wide, plain)]
    assert rows == [8_000_000 // 2_004, 8_000_000 // 715, 65_536]
