"""Each fault of serving changes what it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.arrays import FloatArray
from tasks.fault_scenarios.serving_faults import (
    ANSWER_FAULTS,
    INPUT_FAULTS,
    ServedInputs,
    answer_faults,
    input_faults,
)

DRAWS = np.random.default_rng(1)
INPUTS = np.column_stack(
    [DRAWS.normal(50, 10, 300), DRAWS.normal(2, 1, 300), DRAWS.integers(0, 4, 300), DRAWS.integers(0, 24, 300)]
).astype(float)
SHARES = DRAWS.dirichlet([2, 1, 1], 300)


def served() -> ServedInputs:
    return ServedInputs(INPUTS.copy(), (0, 1), (2,), (3,), np.random.default_rng(0))


@pytest.mark.parametrize("name", INPUT_FAULTS)
def test_an_input_fault_changes_its_columns_and_leaves_the_given_inputs(name: str) -> None:
    given = served()
    faulty = input_faults(given)[name](given)
    assert np.array_equal(given.inputs, INPUTS)
    moved = [column for column in range(4) if not np.array_equal(faulty[:, column], INPUTS[:, column], equal_nan=True)]
    expected = {"category lost": [2], "two numbers swapped": [0, 1], "all numbers lost": [0, 1]}
    needs = {"number": [0], "two numbers": [0, 1], "category": [2], "date": [3]}[INPUT_FAULTS[name][0]]
    assert moved == expected.get(name, needs)


def test_hand_made_cells() -> None:
    found = input_faults(served())
    assert np.array_equal(found["codes of a category shifted by one"](served())[:, 2], (INPUTS[:, 2] + 1) % 4)
    assert np.array_equal(found["another unit, a thousand times as large"](served())[:, 0], 1000 * INPUTS[:, 0])
    values, counts = np.unique(INPUTS[:, 2], return_counts=True)
    lost = np.isnan(found["number lost in one slice"](served())[:, 0])
    assert np.array_equal(lost, INPUTS[:, 2] == values[counts.argmax()])


def test_faults_that_need_what_a_model_does_not_read_are_left_out() -> None:
    bare = ServedInputs(INPUTS[:, 3:], (), (), (0,), np.random.default_rng(0))
    assert list(input_faults(bare)) == ["dates of another row (wrong zone, late clock)"]


@pytest.mark.parametrize("name", ANSWER_FAULTS)
@pytest.mark.parametrize("answers", [INPUTS[:, 0], SHARES], ids=["numbers", "classes"])
def test_an_answer_fault_gives_as_many_other_answers(name: str, answers: FloatArray) -> None:
    faults, before = answer_faults(answers), answers.copy()
    if name not in faults:
        assert (name, answers.ndim) in {("answers a tenth lower", 2), ("classes in another order", 1)}
        return
    other = faults[name](answers, draws=np.random.default_rng(0))
    assert other.shape == answers.shape
    assert not np.array_equal(other, answers)
    assert np.array_equal(answers, before)
    if answers.ndim > 1:
        known = other[np.isfinite(other).all(axis=1)]
        assert np.allclose(known.sum(axis=1), 1.0)  # still the probabilities of all classes
