"""Logged answers are compared with those of the batch bit by bit, and the first step that differs is named."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from tasks.model.input_matrix import input_matrix
from tasks.prove import BatchAnswer, batch_answers, compared
from tasks.prove.compare_answers import OTHER_CONTRACT
from tasks.records import ServedProof, SkewedRow
from tasks.serving_store.logged_rows import LoggedAnswer, bits_of, inputs_digest
from tests.unit.serve.packages import rows_of_flats, schema_of

SCHEMA = schema_of()
INPUTS = input_matrix(rows_of_flats(3, seed=2), SCHEMA)
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
        protocol=2,
        row_id=row["row_id"],
        request="r",
        time="",
        version=2,
        digest="",
        inputs=row.get("inputs", inputs_digest(INPUTS[place])),
        bits=bits_of(row["score"], row["prediction"], row["confidence"]),
        unsure=row["deferred"],
        latency_ms=1.0,
        worker=0,
        number=place,
        contract=row.get("contract", "now"),
        rounding=row.get("rounding", 0.0),
    )


BATCH = batch_answers(SCORED, INPUTS)


def proof(*logged: tuple[LoggedAnswer, BatchAnswer | None], named: bool = True) -> ServedProof:
    return compared([one for one, _ in logged], [again for _, again in logged], "now", named=named)


def test_equal_bits_are_proven_and_a_missing_number_equals_another() -> None:
    assert proof(*((answer(place), BATCH[place]) for place in range(3))) == ServedProof(3, versions=(2,))


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
    found = proof((answer(0, **changes), BATCH[0]), (answer(1), BATCH[1]))
    assert found == ServedProof(2, 1, (SkewedRow("a", 2, step),), versions=(2,))


def test_the_numbers_of_a_bundle_are_proven_to_its_rounding_and_who_decides_exactly() -> None:
    near = {"prediction": 1 + 1e-13, "confidence": -1 - 1e-13, "rounding": 1e-12}
    assert proof((answer(0, **near), BATCH[0])) == ServedProof(1, versions=(2,))
    far = proof((answer(0, **near | {"prediction": 1 + 1e-11}), BATCH[0]))
    assert far.skewed == (SkewedRow("a", 2, "prediction"),)
    other = proof((answer(0, **near, deferred=True), BATCH[0]))
    assert other.skewed == (SkewedRow("a", 2, "unsure"),)


def test_a_zero_of_the_other_sign_is_another_number() -> None:
    assert proof((answer(1, prediction=-0.0), BATCH[1])).skewed == (SkewedRow("b", 2, "prediction"),)


def test_a_row_that_the_contract_of_the_batch_refuses_differs_from_the_first_step_on() -> None:
    found = proof((answer(0), None), (answer(1), BATCH[1]))
    assert found == ServedProof(2, 1, (SkewedRow("a", 2, "contract"),), versions=(2,))


def test_each_line_of_a_row_that_was_asked_for_again_is_compared_with_its_own_answer() -> None:
    again = answer(1, row_id="a")
    found = proof((answer(0), BATCH[0]), (again, BATCH[1]), (answer(0, prediction=5.0), BATCH[0]))
    assert found == ServedProof(3, 1, (SkewedRow("a", 2, "prediction"),), versions=(2,))


def test_an_answer_under_another_contract_is_proven_or_counted_as_not_proven() -> None:
    before = {"contract": "before"}
    found = proof(
        (answer(0, **before), BATCH[0]),
        (answer(1, **before), None),
        (answer(1, **before, prediction=5.0), BATCH[1]),
        (answer(2), BATCH[2]),
    )
    assert found == ServedProof(2, unproven=2, why=OTHER_CONTRACT, versions=(2,))
    # An earlier Leeway did not say under which contract it answered.
    assert proof((answer(0, contract=""), None)).differing == 1


def test_no_id_is_named_where_ids_are_hidden() -> None:
    assert proof((answer(1), None), named=False).skewed == (SkewedRow("number 1 of worker 0", 2, "contract"),)


def test_proofs_add_up() -> None:
    few = ServedProof(2, 1, (SkewedRow("a", 1, "score"),), versions=(1,))
    rest = ServedProof(3, unproven=4, why="gone", versions=(2,))
    assert few + rest == ServedProof(5, 1, (SkewedRow("a", 1, "score"),), 4, "gone", (1, 2))
