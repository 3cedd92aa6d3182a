"""The model of a bundle: its compact file, with the bytes that each leaf needs."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from tasks.compact.compact_file import HEADER, HEADER_BYTES, kind_of, with_sums_only
from tasks.compact.smaller_trees import LeafKind, leaf_step

LEAF_TYPES: dict[LeafKind, str] = {"f8": "<f8", "f4": "<f4", "i2": "<i2"}


class PackedModel(NamedTuple):
    """A compact file, of trees with the values of leaves as whole numbers of `step`, in the type of `leaf`."""

    content: bytes
    leaf: LeafKind
    step: float


def packed_model(content: bytes, leaf: LeafKind) -> PackedModel:
    """Return a compact file, without an exponential of its sums, with narrow leaves.

    Parameters
    ----------
    leaf : {"f8", "f4", "i2"}
        Every leaf is exactly a number of this type, of "i2" times `leaf_step`; see `with_leaves`.
    """
    content = with_sums_only(content)
    if kind_of(content) == "linear" or leaf == "f8":
        return PackedModel(content, "f8", 1.0)
    *_, outputs, _, _, leaves, width, points, _ = struct.unpack_from(HEADER, content)
    first, count = HEADER_BYTES + 8 * (outputs + points), leaves * width
    values = np.frombuffer(content, "<f8", count, first)
    step = leaf_step(values) if leaf == "i2" else 1.0
    narrow = (values / step).astype(LEAF_TYPES[leaf]).tobytes()
    padded = narrow + bytes(-len(narrow) % 8)
    return PackedModel(content[:first] + padded + content[first + 8 * count :], leaf, step)
