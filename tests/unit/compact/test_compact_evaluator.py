"""The evaluator in C answers as the description of the file says, in every bit and in every way of asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.arrays import FloatArray
from tasks.compact import CompactEvaluator, is_built, linear_file
from tests.unit.compact.random_models import Shape, random_file, random_rows
from tests.unit.compact.reference_evaluator import ReferenceModel

SHAPES = {
    "small trees": Shape(),
    "two words of leaves": Shape(leaves=64),
    "too many leaves for bits": Shape(leaves=90),
    "as many codes as bits allow": Shape(codes=400, thresholds=400),
    "one column": Shape(columns=1, trees=3),
    "several outputs": Shape(trees=9, outputs=3, finish="mean"),
    "leaves for all outputs": Shape(trees=3, outputs=3, whole_leaves=True, finish="mean"),
    "exponential": Shape(trees=2, finish="exp"),
    "leaves only": Shape(leaves=1),
    "sums of floats": Shape(trees=70, is_single=True),
    "sums of floats, of several outputs": Shape(trees=30, leaves=90, outputs=3, is_single=True),
    "sums of floats, with leaves for all outputs": Shape(trees=9, outputs=3, whole_leaves=True, is_single=True),
    "many trees": Shape(trees=70, leaves=31),
}
LARGE = {
    "categories of single rows without blocks": Shape(trees=300, leaves=64, codes=250, thresholds=250),
    "checkpoints of single rows far apart": Shape(trees=2000, leaves=40, codes=5, thresholds=250),
}
BATCHES = (1, 3, 8, 9, 63, 64, 65, 255, 257)


def bits(values: FloatArray) -> list[int]:
    found: list[int] = np.ascontiguousarray(values).view(np.int64).ravel().tolist()
    return found


def test_the_evaluator_is_built_where_there_is_a_compiler() -> None:
    assert is_built()


@pytest.mark.parametrize("name", SHAPES)
def test_every_bit_is_that_of_the_description(name: str) -> None:
    content, rows = random_file(SHAPES[name], 1), random_rows(SHAPES[name], 1, 300)
    assert bits(CompactEvaluator(content, "demo").run(rows)) == bits(ReferenceModel(content).run(rows))


@given(seed=st.integers(0, 2**32), leaves=st.integers(1, 70), columns=st.integers(1, 6), outputs=st.integers(-3, 3))
@settings(max_examples=30, deadline=None)
def test_every_bit_is_that_of_the_description_for_trees_of_any_shape(
    seed: int, leaves: int, columns: int, outputs: int
) -> None:
    shape = Shape(trees=4, leaves=leaves, columns=columns, outputs=abs(outputs) or 1, is_single=outputs < 0)
    content, rows = random_file(shape, seed), random_rows(shape, seed, 70)
    model = CompactEvaluator(content, "demo")
    expected = bits(ReferenceModel(content).run(rows))
    assert bits(model.run(rows)) == expected
    assert bits(np.concatenate([model.run(rows[:5]), model.run(rows[5:])])) == expected


@pytest.mark.parametrize("name", [*SHAPES, *LARGE])
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(name: str) -> None:
    shape = (SHAPES | LARGE)[name]
    model, rows = CompactEvaluator(random_file(shape, 2), "demo"), random_rows(shape, 2, 600)
    whole = bits(model.run(rows))
    for size in BATCHES:
        parts = [model.run(rows[start : start + size]) for start in range(0, len(rows), size)]
        assert bits(np.concatenate(parts)) == whole


def test_a_linear_model_sums_in_the_order_of_its_columns() -> None:
    rng = np.random.default_rng(0)
    content = linear_file(rng.normal(size=(3, 7)), rng.normal(size=3), "none")
    rows = rng.normal(size=(50, 7))
    assert bits(CompactEvaluator(content, "demo").run(rows)) == bits(ReferenceModel(content).run(rows))


def test_calls_from_several_threads_do_not_meet() -> None:
    shape = replace(SHAPES["many trees"], trees=200)
    model, rows = CompactEvaluator(random_file(shape, 3), "demo"), random_rows(shape, 3, 5_000)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: bits(model.run(rows)), range(8)))
    assert all(one == found[0] for one in found)


def test_rows_in_another_layout_are_read_as_they_are() -> None:
    model, rows = CompactEvaluator(random_file(Shape(), 4), "demo"), random_rows(Shape(), 4, 100)
    assert bits(model.run(np.asfortranarray(rows))) == bits(model.run(rows))
    assert bits(model.run(rows[::3])) == bits(model.run(rows)[::3])
    assert model.run(rows[:0]).shape == (0, 1)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected doubles of the shapes \(n, 4\) and \(n, 1\)"):
        CompactEvaluator(random_file(Shape(), 5), "demo").run(np.zeros((2, 5)))
