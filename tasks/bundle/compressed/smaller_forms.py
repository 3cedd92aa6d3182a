"""The smaller forms of a model that are tried: leaves of 4 and 2 bytes, fewer trees, and students of the model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.arrays import FloatArray
from tasks.bundle.compressed.student import STUDENT_SHAPES, student_of
from tasks.bundle.raw_limits import LARGEST, limits_of
from tasks.compact.compact_file import is_exponential, kind_of
from tasks.compact.smaller_trees import LeafKind, OpenedTrees, first_trees, opened_trees, sum_bound, with_leaves
from tasks.inference.schema import ModelSchema

DIVISORS = (2, 4, 8)
LEAF_NAMES: dict[LeafKind, str] = {"f8": "leaves of 8 bytes", "f4": "leaves of 4 bytes", "i2": "leaves of 2 bytes"}


@dataclass(frozen=True)
class SmallerForm:
    """A form of a model.

    Attributes
    ----------
    name : str
        What it is; empty for the model itself.
    content : bytes
        Its compact file.
    leaf : {"f8", "f4", "i2"}
        The type that its leaves need.
    bound : float
        How far a sum may be from that of the model, for any row; infinite where nothing is known beforehand.
    """

    name: str
    content: bytes
    leaf: LeafKind
    bound: float


def smaller_forms(content: bytes, schema: ModelSchema, columns: FloatArray) -> Iterator[SmallerForm]:
    """Yield the forms of a compact model, itself first.

    Leaves of 2 bytes are tried where no sure decision can change with them: see `deferral_margin`.

    Parameters
    ----------
    columns : array, shape (n, columns)
        What the model received of the rows that it learned from; students learn its answers to them.
    """
    yield SmallerForm("", content, "f8", 0.0)
    if kind_of(content) == "linear":
        return
    model, margin = opened_trees(content), deferral_margin(content, schema)
    yield _form("all trees", model, model, "f4")
    narrowest: LeafKind = "i2" if sum_bound(model, with_leaves(model, "i2")) < margin else "f4"
    if narrowest == "i2":
        yield _form("all trees", model, model, "i2")
    trees, outputs = len(model.tables.leaf_counts), len(model.start)
    one_value = model.tables.leaf.shape[1] == 1
    for divisor in DIVISORS:
        count = trees // divisor // (outputs if one_value else 1) * (outputs if one_value else 1)
        if count:
            yield _form(f"the first {count} of {trees} trees", model, first_trees(model, count), narrowest)
    if outputs > 1 or schema.output == "probability":
        return
    for shape in STUDENT_SHAPES:
        if shape.trees * shape.leaves < len(model.tables.leaf):
            made = with_leaves(student_of(content, columns, shape), narrowest)
            name = f"a student of {shape.trees} x {shape.leaves} leaves, {LEAF_NAMES[narrowest]}"
            yield SmallerForm(name, made.file, narrowest, math.inf)


def _form(name: str, model: OpenedTrees, smaller: OpenedTrees, leaf: LeafKind) -> SmallerForm:
    made = with_leaves(smaller, leaf)
    return SmallerForm(f"{name}, {LEAF_NAMES[leaf]}", made.file, leaf, sum_bound(model, made))


def deferral_margin(content: bytes, schema: ModelSchema) -> float:
    """Return how far a sum that is sure is at least from one that is decided otherwise; infinite where no rule defers.

    A sum that is wrong by less does not change the decision of a row that the model is sure of.
    """
    if schema.task != "binary":
        return math.inf
    limits = limits_of(schema, exponential=is_exponential(content))
    if limits["sure"] is None:
        return math.inf
    above, below, decided = limits["sure"]["above"], limits["sure"]["below"], limits["decide_from"]
    distances = [above - decided, decided - below]
    return float(min((distance for distance in distances if abs(distance) < LARGEST / 2), default=math.inf))
