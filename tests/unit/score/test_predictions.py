"""What a version answers becomes rows, with what a person needs to decide the unsure ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.arrays import FloatArray
from tasks.model import Deferral, ErrorTable, ModelSchema, Predictor
from tasks.score import predictions

MOMENT = datetime(2026, 1, 2, 3, tzinfo=UTC)
ROWS = pd.DataFrame(
    {
        "row_id": ["a", "b", "c"],
        "batch_id": "one",
        "revision": 2,
        "event_date": date(2026, 1, 1),
        "x": [0.0, 3.0, -0.5],
        "y": [0.0, 1.0, 0.0],
    },
    index=[7, 7, 9],
)
BINARY = ModelSchema("demo", "binary", "log_loss", "day", ("x", "y"), link="logistic", block_rows=2)
RULE = Deferral(0.9, 0.1, 0.5, 0.05, 0.09, 0.95, 400, typical=(0.0, 0.0))


@dataclass(frozen=True)
class Sum(Predictor):
    """Scores x + 2 y; of three classes, x + 2 y, 0 and 1."""

    @property
    def file(self) -> tuple[str, bytes]:
        return "model.onnx", b""

    def run(self, columns: FloatArray) -> FloatArray:
        score = np.asarray(columns @ np.array([1.0, 2.0]), dtype=np.float64)
        if self.schema.task != "multiclass":
            return score
        return np.column_stack([score, np.zeros(len(score)), np.ones(len(score))])


def answers(schema: ModelSchema, rows: pd.DataFrame = ROWS) -> pd.DataFrame:
    return predictions(rows, Sum(schema), 4, "champion", MOMENT)


def columns_of(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(name): frame[name].tolist() for name in frame}


def test_without_a_rule_nothing_is_deferred() -> None:
    made = columns_of(answers(BINARY))
    assert made["row_id"] == ["a", "b", "c"]
    assert made["revision"] == [2, 2, 2]
    assert (made["version"], made["role"]) == ([4, 4, 4], ["champion"] * 3)
    assert made["score"] == [0, 5, -0.5]
    assert made["prediction"] == pytest.approx([0.5, 0.9933, 0.3775], abs=1e-4)
    assert made["confidence"] == pytest.approx([0.5, 0.9933, 0.6225], abs=1e-4)
    assert (made["deferred"], made["reasons"]) == ([False] * 3, [""] * 3)


def test_unsure_rows_are_passed_on_with_what_moved_them() -> None:
    """P(1) of c is 0.3775 and would be 0.5 with a typical x of 0: x moved it by -0.1225."""
    made = columns_of(answers(replace(BINARY, deferral=RULE)))
    assert made["deferred"] == [True, False, True]
    assert made["reasons"] == ["", "", "x=-0.5 (-0.122)"]


def test_where_no_confidence_is_enough_all_rows_are_passed_on() -> None:
    made = columns_of(answers(replace(BINARY, deferral=replace(RULE, threshold=None))))
    assert made["deferred"] == [True, True, True]
    assert made["reasons"][1] == "x=3 (+0.113), y=1 (+0.0407)"  # 0.99331 - 0.88080 and - 0.95257


def test_a_regressions_confidence_is_minus_the_error_to_expect() -> None:
    table = ErrorTable(("y",), ((), (0.5,)), (0.1, 5.0, 9.0))
    rule = replace(RULE, threshold=-1.0, errors=table)
    schema = replace(BINARY, task="regression", metric="mean_absolute_error", link="identity", deferral=rule)
    made = columns_of(answers(schema))
    assert made["confidence"] == [-0.1, -5, -0.1]
    assert made["deferred"] == [False, True, False]


def test_of_several_classes_the_chosen_one_and_all_probabilities_are_kept() -> None:
    schema = replace(BINARY, task="multiclass", link="softmax", classes=("p", "q", "r"))
    made = answers(schema)
    assert made["prediction"].tolist() == [2, 0, 2]
    assert made["score"].tolist() == [1, 5, 1]
    assert made["confidence"].tolist() == pytest.approx([max(each) for each in made["probabilities"]])
    assert [sum(each) for each in made["probabilities"]] == pytest.approx([1, 1, 1])


def test_no_rows_make_no_answers() -> None:
    made = answers(replace(BINARY, deferral=RULE), ROWS.iloc[:0])
    assert len(made) == 0
    assert set(made) >= {"row_id", "prediction", "deferred", "reasons"}
