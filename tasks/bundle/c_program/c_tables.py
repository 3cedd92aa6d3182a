"""The tables of a compact model as constants of C, and the hash by which the selftest knows each of their bits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.bundle.bundle_plan import FNV_BITS, FNV_FACTORS, FNV_START
from tasks.bundle.c_program.c_values import c_array, c_number
from tasks.bundle.packed_model import LEAF_TYPES, PackedModel
from tasks.compact.compact_file import HEADER, HEADER_BYTES, MEAN, has_single_sums, kind_of

KINDS = {"<f8": "double", "<f4": "float", "<i2": "int16_t", "<u4": "uint32_t", "<u2": "uint16_t", "<u1": "uint8_t"}


@dataclass(frozen=True)
class CTables:
    """Tables of a model as C.

    Attributes
    ----------
    text : str
        The definitions of its numbers and arrays.
    hashes : str
        The statements that hash each array.
    columns, outputs : int
        How many numbers the model receives and returns.
    needs : set of str
        The parts of the runtime that evaluate it.
    """

    text: str
    hashes: str
    columns: int
    outputs: int
    needs: frozenset[str]


class _Sections:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, HEADER_BYTES
        self.arrays: list[tuple[str, Any]] = []

    def take(self, name: str, kind: str, count: int, *, starts: bool = False) -> None:
        """Add a section as an array; the ends of something get a leading 0, with which they are starts too."""
        found = np.frombuffer(self._content, kind, count, self._at)
        self._at += -(-found.nbytes // 8) * 8
        self.arrays.append((name, np.concatenate([np.zeros(1, kind), found]) if starts else found))


def c_tables(packed: PackedModel) -> CTables:
    """Return the tables of a compact model."""
    model = packed.content
    _, _, _, finish, split_bytes, left_bytes, *counts = struct.unpack_from(HEADER, model)
    columns, outputs, trees, splits, leaves, width, points, words = counts
    sections = _Sections(model)
    if kind_of(model) == "linear":
        sections.take("linear_start", "<f8", outputs)
        sections.take("linear_weight", "<f8", outputs * columns)
        return _shown(sections, columns, outputs, "", {"linear"})
    sections.take("tree_start", "<f8", outputs)
    sections.take("tree_point", "<f8", points)
    sections.take("tree_leaf", LEAF_TYPES[packed.leaf], leaves * width)
    sections.take("tree_point_end", "<u4", columns, starts=True)
    sections.take("tree_set_end", "<u4", columns, starts=True)
    sections.take("tree_leaf_count", "<u4", trees)
    sections.take("tree_set", "<u4", words)
    sections.take("tree_column", "<u2", splits)
    sections.take("tree_split", f"<u{split_bytes}", splits)
    sections.take("tree_left", f"<u{left_bytes}", splits)
    sections.take("tree_is_category", "<u1", columns)
    sizes = f"#define TREES {trees}\n#define LEAF_WIDTH {width}u\n#define LEAF_STEP {c_number(packed.step)}\n"
    needs = {"mean": finish == MEAN, "single": has_single_sums(model)}
    return _shown(sections, columns, outputs, sizes, {"trees", "below", *(name for name in needs if needs[name])})


def _shown(sections: _Sections, columns: int, outputs: int, sizes: str, needs: set[str]) -> CTables:
    value, statements = FNV_START, []
    for name, array in sections.arrays:
        for byte in (array.astype("<f8") if array.dtype.kind == "f" else array).tobytes():
            value = (value ^ byte) * FNV_FACTORS[0] & FNV_BITS
        if len(array):
            statements.append(_hash(name, array))
    defined = f"#define COLUMNS {columns}\n#define OUTPUTS {outputs}\n{sizes}#define TABLE_HASH {value}u\n\n"
    arrays = [
        c_array(KINDS[array.dtype.newbyteorder("<").str.replace("|", "<")], name, array)
        for name, array in sections.arrays
    ]
    return CTables(defined + "\n".join(arrays), "\n".join(statements), columns, outputs, frozenset(needs))


def _hash(name: str, array: Any) -> str:
    count = len(array)
    if array.dtype.str == "<f4":
        return (
            f"    for (size_t i = 0; i < {count}; i++) {{\n        double number = {name}[i];\n"
            "        hash = hashed_numbers(hash, &number, 1);\n    }"
        )
    if array.dtype.kind == "f":
        return f"    hash = hashed_numbers(hash, {name}, {count});"
    value = f"(uint16_t){name}[i]" if array.dtype.kind == "i" else f"{name}[i]"
    return f"    for (size_t i = 0; i < {count}; i++)\n        hash = hashed(hash, {value}, {array.dtype.itemsize});"
