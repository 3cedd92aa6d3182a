"""A compact file is used only if it is proven; without the evaluator, the graph answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tasks.arrays import FloatArray
from tasks.compact import CompactEvaluator
from tasks.model import OnnxModel, export_model, prove_parity, raw_scores
from tasks.model.export.boosted_trees import boosting_graph
from tasks.model.export.compact_forms import compact_boosting, compact_forest
from tasks.model.export.onnx_graph import split_points

if TYPE_CHECKING:
    from tests.unit.model.conftest import Flats

ROOT = Path(__file__).parents[3]
ROWS = 600


def boosting(flats: Flats, **options: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    frame = flats.frame(ROWS)
    estimator = HistGradientBoostingRegressor(max_iter=20, categorical_features=[3], **options)
    return estimator.fit(flats.inputs(frame), flats.target(frame, "regression") + 500)


def bits(values: FloatArray) -> list[int]:
    found: list[int] = np.ascontiguousarray(values).view(np.int64).ravel().tolist()
    return found


def proven(model: OnnxModel, fitted: Any, flats: Flats) -> OnnxModel:
    proof = prove_parity(model, lambda rows: raw_scores(fitted, flats.inputs(rows)), flats.frame(ROWS))
    assert isinstance(proof.model, OnnxModel)
    return proof.model


def test_the_compact_form_of_other_trees_is_dropped_and_the_graph_answers(flats: Flats) -> None:
    fitted, other = boosting(flats), boosting(flats, max_leaf_nodes=7)
    model = export_model(fitted, flats.schema("regression"))
    assert isinstance(model, OnnxModel)
    assert proven(model, fitted, flats) == model
    wrong = replace(model, compact_bytes=compact_boosting(other))
    assert proven(wrong, fitted, flats) == replace(model, compact_bytes=None)
    assert proven(replace(model, compact_bytes=b"damaged"), fitted, flats).compact_bytes is None


def test_a_threshold_that_is_one_double_off_is_found(flats: Flats) -> None:
    fitted = boosting(flats)
    model = export_model(fitted, flats.schema("regression"))
    assert isinstance(model, OnnxModel)
    assert model.compact_bytes is not None
    (first, *_), content = split_points(model.onnx_bytes)[0], model.compact_bytes
    moved = content.replace(np.float64(first).tobytes(), np.nextafter(first, np.inf).tobytes(), 1)
    assert moved != content
    assert proven(replace(model, compact_bytes=moved), fitted, flats).compact_bytes is None


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_trees_answer_as_scikit_learn_in_every_bit_and_batch(loss: str, flats: Flats) -> None:
    """onnxruntime's exp has other last bits than NumPy's, even for the same row in a larger batch."""
    fitted, inputs = boosting(flats, loss=loss), flats.inputs(flats.frame(2_000, seed=9, missing=0.3))
    model, expected = CompactEvaluator(compact_boosting(fitted), "demo"), bits(fitted.predict(inputs))
    for size in (1, 10, 100, 2_000):
        parts = [model.run(inputs[start : start + size]) for start in range(0, len(inputs), size)]
        assert bits(np.concatenate(parts)) == expected


def test_a_forest_rounds_its_inputs_as_scikit_learn_does(flats: Flats) -> None:
    from sklearn.ensemble import RandomForestRegressor

    frame = flats.frame(300)
    fitted = RandomForestRegressor(10, random_state=0).fit(flats.inputs(frame), flats.target(frame, "regression"))
    model, rows = CompactEvaluator(compact_forest(fitted), "demo"), flats.inputs(frame)
    near = np.concatenate([tree.tree_.threshold[tree.tree_.feature == 0] for tree in fitted.estimators_])
    near = near[np.isfinite(near)]
    hard = rows[np.arange(len(near) * 3) % len(rows)]
    hard[:, 0] = np.concatenate([np.nextafter(near, -np.inf), near, np.nextafter(near, np.inf)])
    assert bits(model.run(hard)) == bits(fitted.predict(hard))


def test_the_same_trees_give_the_same_file(flats: Flats) -> None:
    assert compact_boosting(boosting(flats)) == compact_boosting(boosting(flats))


def test_an_installation_without_the_evaluator_answers_with_onnxruntime(tmp_path: Path, flats: Flats) -> None:
    """The packages are copied without the library that a compiler would have built."""
    fitted = boosting(flats)
    shutil.copytree(ROOT / "tasks", tmp_path / "tasks", ignore=shutil.ignore_patterns("*.so", "__pycache__", "native"))
    files = {"model.onnx": boosting_graph(fitted), "model.compact": compact_boosting(fitted)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    inputs = flats.inputs(flats.frame(50))
    np.save(tmp_path / "inputs.npy", inputs)
    code = (
        "import sys, numpy as np; from pathlib import Path; from tasks.compact import is_built; "
        "from tasks.inference import model_runner; "
        "files = [Path(name).read_bytes() for name in ('model.onnx', 'model.compact')]; "
        "np.save('scores.npy', model_runner(*files, 'demo')(np.load('inputs.npy'))); print(is_built())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")
    assert bits(np.load(tmp_path / "scores.npy")) == bits(fitted.predict(inputs))
