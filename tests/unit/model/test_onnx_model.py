"""The portable model answers from its two files alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EvidenceError
from tasks.model import ModelSchema, OnnxModel

FROZEN = Path(__file__).parent / "frozen"
MODEL = OnnxModel(
    ModelSchema.from_json((FROZEN / "schema_1.json").read_bytes()), (FROZEN / "model_1.onnx").read_bytes()
)
# trees: 10 below area 50 and 20 from there on, and 1 more in 98178; 0.5 is the schema's offset
FRAME = pd.DataFrame(
    {
        "area": [40.0, 60.0, 60.0],
        "garden": [True, False, None],
        "zip": ["98103", "98103", "98178"],
        "day": pd.to_datetime(["2024-02-01", "2024-03-01", "2025-01-01"]),
    }
)


def test_a_model_frozen_by_protocol_1_still_answers() -> None:
    assert MODEL.score(FRAME) == pytest.approx([10.5, 20.5, 21.5])


def test_predictions_come_through_the_link() -> None:
    scores = MODEL.score(FRAME)
    assert MODEL.predict(FRAME) == pytest.approx(np.exp(scores))
    assert MODEL.from_score(np.array([1e4])).tolist() == [np.inf]
    plain = replace(MODEL, schema=replace(MODEL.schema, link="identity"))
    assert plain.predict(FRAME).tolist() == scores.tolist()
    odds = replace(MODEL, schema=replace(MODEL.schema, link="logistic"))
    assert odds.from_score(np.array([0.0, np.log(3), 1e4, -1e4])) == pytest.approx([0.5, 0.75, 1, 0])


def test_blocks_of_rows_answer_as_the_whole() -> None:
    blocks = replace(MODEL, schema=replace(MODEL.schema, block_rows=2))
    assert blocks.score(FRAME).tolist() == MODEL.score(FRAME).tolist()


def test_no_rows_get_no_answers() -> None:
    assert MODEL.predict(FRAME.iloc[:0]).shape == (0,)


def test_a_model_travels_to_another_process_without_its_session() -> None:
    MODEL.score(FRAME)
    again = pickle.loads(pickle.dumps(MODEL))  # noqa: S301 - our own bytes
    assert again == MODEL
    assert again.score(FRAME).tolist() == MODEL.score(FRAME).tolist()


def test_a_damaged_graph_is_refused() -> None:
    with pytest.raises(EvidenceError, match="cannot load the model"):
        replace(MODEL, onnx_bytes=MODEL.onnx_bytes[:-20]).score(FRAME)


def test_answering_needs_neither_scikit_learn_nor_onnx_itself() -> None:
    code = (
        "import sys, pandas as pd; from pathlib import Path; from tasks.model import ModelSchema, OnnxModel; "
        f"folder = Path({str(FROZEN)!r}); "
        "files = [(folder / name).read_bytes() for name in ('schema_1.json', 'model_1.onnx')]; "
        "row = {'area': 1, 'garden': True, 'zip': '1', 'day': pd.Timestamp('2024-01-01')}; "
        "OnnxModel(ModelSchema.from_json(files[0]), files[1]).predict(pd.DataFrame([row])); "
        "print({'sklearn', 'scipy', 'onnx', 'mlflow', 'prefect'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")
