"""Smaller forms of trees are compact files too, and no row breaks the bound that their tables promise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.compact import CompactEvaluator
from tasks.compact.compact_file import with_sums_only
from tasks.compact.smaller_trees import LeafKind, first_trees, leaf_step, opened_trees, sum_bound, with_leaves
from tests.unit.compact.random_models import Shape, random_file, random_rows
from tests.unit.compact.test_compact_evaluator import SHAPES


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_file_that_is_opened_and_written_again_has_every_byte(shape: Shape) -> None:
    content = random_file(shape, seed=3)
    assert opened_trees(content).file == content


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(SHAPES)),
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["f8", "f4", "i2"]),
    part=st.floats(0.1, 1),
    size=st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_no_row_breaks_the_bound(name: str, seed: int, kind: LeafKind, part: float, size: float) -> None:
    shape = SHAPES[name]
    content = with_sums_only(random_file(shape, seed))
    opened = opened_trees(content)
    model = replace(opened, tables=replace(opened.tables, leaf=opened.tables.leaf * size))
    step = 1 if shape.whole_leaves else shape.outputs
    count = max(1, round(part * shape.trees) // step) * step
    smaller = with_leaves(first_trees(model, count), kind)
    rows = random_rows(shape, seed, 200)
    far = np.abs(CompactEvaluator(smaller.file, "a").run(rows) - CompactEvaluator(model.file, "b").run(rows))
    bound = sum_bound(model, smaller)
    assert far.max() <= bound
    assert math.isfinite(bound) or (shape.finish == "mean" and count < shape.trees)


@pytest.mark.parametrize("name", ["small trees", "several outputs", "leaves for all outputs"])
def test_the_first_trees_answer_as_a_model_that_has_no_others(name: str) -> None:
    shape = replace(SHAPES[name], finish="none")
    content = random_file(shape, seed=5)
    short = first_trees(opened_trees(content), 2 if shape.whole_leaves else 3)
    leaves = opened_trees(content).tables.leaf.copy()
    leaves[len(short.tables.leaf) :] = 0.0  # the others add nothing
    silent = opened_trees(content)
    silent = replace(silent, tables=replace(silent.tables, leaf=leaves))
    rows = random_rows(shape, 5, 300)
    found, wanted = (CompactEvaluator(model.file, "a").run(rows).tolist() for model in (short, silent))
    assert found == wanted
    assert len(short.file) < len(content)


def test_leaves_of_two_bytes_are_whole_numbers_of_a_power_of_two() -> None:
    model = opened_trees(random_file(Shape(), seed=1))
    leaf = with_leaves(model, "i2").tables.leaf
    whole = leaf / leaf_step(model.tables.leaf)
    assert (whole == np.round(whole)).all()
    assert 2**14 <= np.abs(whole).max() <= 2**15 - 1
