"""Parity is proven on rows chosen to break it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.arrays import FloatArray
from tasks.errors import ParityError
from tasks.model import ModelSchema, OnnxModel, prove_parity
from tasks.model.export.parity import hard_rows
from tasks.model.input_matrix import as_numbers

FROZEN = Path(__file__).parent / "frozen"
MODEL = OnnxModel(
    ModelSchema.from_json((FROZEN / "schema_1.json").read_bytes()), (FROZEN / "model_1.onnx").read_bytes()
)
THRESHOLD = 49.5  # of the frozen model's trees
FRAME = pd.DataFrame(
    {
        "area": [40, 60],
        "garden": [True, False],
        "zip": ["98103", "98178"],
        "day": pd.to_datetime(["2024-02-01", "2024-03-01"]),
    }
)


def test_a_model_agrees_with_itself() -> None:
    assert prove_parity(MODEL, MODEL.score, FRAME).difference == 0


def test_a_difference_of_a_billionth_is_too_much() -> None:
    with pytest.raises(ParityError, match="differs from the trained one by 2e-09"):
        prove_parity(MODEL, lambda frame: MODEL.score(frame) + 2e-9, FRAME)


def test_a_reference_that_differs_only_where_values_are_missing_is_found_out() -> None:
    with pytest.raises(ParityError):
        prove_parity(MODEL, lambda frame: MODEL.score(frame) + frame["area"].isna().to_numpy(), FRAME)


def test_a_reference_that_moves_a_threshold_by_one_double_is_found_out() -> None:
    def moved(frame: pd.DataFrame) -> FloatArray:
        return MODEL.score(frame) + as_numbers(frame["area"] == np.nextafter(THRESHOLD, np.inf))

    with pytest.raises(ParityError):
        prove_parity(MODEL, moved, FRAME)


def test_an_answer_that_is_not_a_number_never_agrees() -> None:
    with pytest.raises(ParityError, match="nan"):
        prove_parity(MODEL, lambda frame: np.full(len(frame), np.nan), FRAME)
    with pytest.raises(ParityError):
        prove_parity(MODEL, MODEL.score, FRAME.iloc[:0])


def test_hard_rows_hold_what_models_disagree_about() -> None:
    rows = hard_rows(FRAME, MODEL)
    assert rows["area"].isna().any()
    assert {np.nextafter(THRESHOLD, 0), THRESHOLD, np.nextafter(THRESHOLD, 99)} <= set(rows["area"])
    assert rows["zip"].isna().any()
    assert "a category that no row has" in set(rows["zip"])


def test_at_least_ten_thousand_rows_are_compared_and_infinities_are_missing_to_the_trained_model() -> None:
    seen: list[pd.DataFrame] = []

    def trained(frame: pd.DataFrame) -> FloatArray:
        seen.append(frame)
        return MODEL.score(frame)

    prove_parity(MODEL, trained, FRAME)
    (rows,) = seen
    assert len(rows) >= 10_000
    assert not np.isinf(rows["area"]).any()
    assert rows["area"].abs().max() == 1e38
    assert len(rows[["area", "garden", "zip", "day"]].drop_duplicates()) > 8  # values of several rows meet in one


def test_a_model_that_takes_infinity_for_anything_but_missing_is_found_out() -> None:
    class Infinite(OnnxModel):
        def score(self, frame: pd.DataFrame) -> FloatArray:
            infinite = np.isinf(frame["area"].to_numpy(dtype=np.float64))
            return np.asarray(super().score(frame) + infinite, dtype=np.float64)

    with pytest.raises(ParityError):
        prove_parity(Infinite(MODEL.schema, MODEL.onnx_bytes), MODEL.score, FRAME)


def test_a_large_score_is_judged_by_its_digits() -> None:
    """At 2e6 + 20 a double's last digit is 2e-10, and sums of hundreds of trees lose a few of them."""
    offset = 2e6

    def trained(frame: pd.DataFrame) -> FloatArray:
        return MODEL.score(frame) + offset

    shifted = OnnxModel(replace(MODEL.schema, offset=0.5 + offset), MODEL.onnx_bytes)
    assert prove_parity(shifted, trained, FRAME).difference <= 1e-9
    with pytest.raises(ParityError):
        prove_parity(shifted, lambda frame: trained(frame) + 1e-5, FRAME)
