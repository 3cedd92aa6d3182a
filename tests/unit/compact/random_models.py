"""Trees of any shape, and rows that fall on all sides of their splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.arrays import FloatArray
from tasks.compact import GrownTree, trees_file

NO_CHILD = -1


@dataclass(frozen=True)
class Shape:
    """How large the trees are."""

    trees: int = 5
    leaves: int = 12
    columns: int = 4
    outputs: int = 1
    whole_leaves: bool = False
    codes: int = 40
    thresholds: int = 30
    finish: Literal["none", "mean", "exp"] = "none"
    is_single: bool = False


def random_file(shape: Shape, seed: int) -> bytes:
    """Every second column has categories."""
    rng = np.random.default_rng(seed)
    tables = [_table(shape, column, rng) for column in range(shape.columns)]
    codes = [table if column % 2 else None for column, table in enumerate(tables)]
    trees = [_tree(shape, tables, rng) for _ in range(shape.trees)]
    start = rng.normal(size=shape.outputs)
    start = start.astype(np.float32).astype(float) if shape.is_single else start
    return trees_file(trees, codes, start, shape.finish, is_single=shape.is_single)


def random_rows(shape: Shape, seed: int, count: int) -> FloatArray:
    """At, next to and between thresholds; known and unknown codes; missing and infinite values."""
    rng = np.random.default_rng(seed)
    rows = np.empty((count, shape.columns))
    tables_rng = np.random.default_rng(seed)
    for column in range(shape.columns):
        table = _table(shape, column, tables_rng)
        drawn = rng.choice(table, count)
        near = [drawn, np.nextafter(drawn, -np.inf), np.nextafter(drawn, np.inf), drawn + 0.5, -drawn]
        rows[:, column] = np.choose(rng.integers(0, len(near), count), near)
    hard = rng.choice([np.nan, np.inf, -np.inf, 0.0], rows.shape)
    return np.where(rng.random(rows.shape) < 0.1, hard, rows)


def _table(shape: Shape, column: int, rng: np.random.Generator) -> FloatArray:
    if column % 2:
        return np.unique(rng.integers(-5, 3 * shape.codes, shape.codes)).astype(float)
    table = np.unique(rng.normal(size=shape.thresholds))
    table[-1] = np.inf if column % 4 else table[-1]
    return table


def _tree(shape: Shape, tables: list[FloatArray], rng: np.random.Generator) -> GrownTree:
    """Grow a tree by splitting a leaf again and again; its nodes are in no order."""
    left, right = [NO_CHILD], [NO_CHILD]
    count = int(rng.integers(1, shape.leaves + 1))
    while len(left) < 2 * count - 1:
        leaf = int(rng.choice(np.flatnonzero(np.array(left) == NO_CHILD)))
        left[leaf], right[leaf] = len(left), len(left) + 1
        left += [NO_CHILD, NO_CHILD]
        right += [NO_CHILD, NO_CHILD]
    nodes = len(left)
    column = rng.integers(0, shape.columns, nodes)
    inner = [node for node in range(nodes) if left[node] != NO_CHILD]
    left_codes: dict[int, Any] = {
        node: rng.random(len(tables[column[node]])) < 0.5 for node in inner if column[node] % 2
    }
    return GrownTree(
        left=np.array(left),
        right=np.array(right),
        column=column,
        threshold=np.array([rng.choice(tables[number]) for number in column]),
        missing_left=rng.random(nodes) < 0.5,
        leaves=rng.normal(size=(nodes, shape.outputs if shape.whole_leaves else 1)),
        left_codes=left_codes,
    )
