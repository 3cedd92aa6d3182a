"""Logged answers are compared with those of the batch bit by bit, and the first step that differs is named."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from tasks.model.input_matrix import input_matrix
from tasks.prove import batch_answers, compared
from tasks.records import ServedProof, SkewedRow
from tasks.serving_store.logged_rows import LoggedAnswer, bits_of, inputs_digest
from tests.unit.serve.packages import rows_of_flats, schema_of

SCHEMA = schema_of()
ROWS = rows_of_flats(3, seed=2).assign(row_id=["a", "b", "c"])
SCORED = pd.DataFrame(
    {
        "row_id": ["a", "b", "c"],
        "score": [0.1, 0.2, math.nan],
        "prediction": [1.0, 0.0, math.nan],
        "confidence": [-1.0, -2.0, -3.0],
        "deferred": [False, True, False],
    }
)


def answer(place: int, **changes: Any) -> LoggedAnswer:
    """Return the answer to a row as it is in the batch, but for changes."""
    row = SCORED.iloc[place].to_dict() | changes
    return LoggedAnswer(
        protocol=1,
        row_id=row["row_id"],
        request="r",
        time="",
        version=2,
        digest="",
        inputs=row.get("inputs", inputs_digest(input_matrix(ROWS, SCHEMA)[place])),
        bits=bits_of(row["score"], row["prediction"], row["confidence"]),
        unsure=row["deferred"],
        latency_ms=1.0,
        worker=0,
        number=place,
    )


def proof(*logged: LoggedAnswer, refused: int = 0) -> ServedProof:
    return compared(logged, batch_answers(SCORED), ROWS, SCHEMA, refused)


def test_equal_bits_are_proven_and_a_missing_number_equals_another() -> None:
    assert proof(*map(answer, range(3))) == ServedProof(3, versions=(2,))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"inputs": "0", "score": 0.3, "prediction": 2.0}, "inputs"),
        ({"score": math.nextafter(0.1, 1), "prediction": 2.0}, "score"),
        ({"prediction": math.nextafter(1.0, 2)}, "prediction"),
        ({"confidence": 1.0}, "confidence"),
        ({"deferred": True}, "unsure"),
    ],
)
def test_the_first_step_that_differs_is_named(changes: dict[str, Any], step: Any) -> None:
    assert proof(answer(0, **changes), answer(1)) == ServedProof(2, 1, (SkewedRow("a", 2, step),), versions=(2,))


def test_a_zero_of_the_other_sign_is_another_number() -> None:
    assert proof(answer(1, prediction=-0.0)).skewed == (SkewedRow("b", 2, "prediction"),)


def test_a_row_that_the_contract_of_the_batch_refuses_differs_from_the_first_step_on() -> None:
    refused = answer(0, row_id="z")
    assert proof(refused, answer(1), refused=1) == ServedProof(2, 1, (SkewedRow("z", 2, "contract"),), versions=(2,))


def test_a_row_in_another_delivery_is_compared_there() -> None:
    assert proof(answer(0, row_id="z"), answer(1)) == ServedProof(1, versions=(2,))


def test_proofs_add_up() -> None:
    few = ServedProof(2, 1, (SkewedRow("a", 1, "score"),), versions=(1,))
    rest = ServedProof(3, unproven=4, why="gone", versions=(2,))
    assert few + rest == ServedProof(5, 1, (SkewedRow("a", 1, "score"),), 4, "gone", (1, 2))
