"""Evaluates a compact model with the standard library; `tasks.compact.compact_file` describes its file."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

HEADER = struct.Struct("<8sIBBBB8I")
HEADER_BYTES = 64
TREES = 1
MEAN = 1
ROUNDED_AT = 48
MISSING_LEFT = 0x8000
TYPES = {1: "B", 2: "H", 4: "I", 8: "d"}
LEAF_TYPES = {"f8": "d", "f4": "f", "i2": "h"}


class CompactModel:
    """Trees or a linear model, one row at a time.

    Parameters
    ----------
    content : bytes
        A file of `tasks.compact`; it is trusted, because its digest was compared.
    leaf, step : str and float
        The type of its leaves, and what they are multiplied by; see `tasks.bundle.packed_model`.

    Examples
    --------
    1 + 2 x 10 + 3 x 100 = 321.

    >>> import numpy as np
    >>> from tasks.compact import linear_file
    >>> CompactModel(linear_file(np.array([[2.0, 3.0]]), np.array([1.0]), "none")).sums([10.0, 100.0])
    [321.0]
    """

    def __init__(self, content: bytes, leaf: str = "f8", step: float = 1.0) -> None:
        _, _, self._kind, self._finish, split_width, left_width, *counts = HEADER.unpack_from(content)
        columns, outputs, trees, splits, leaves, self._leaf_width, points, words = counts
        self._content, self._at, self._step = content, HEADER_BYTES, step
        self._is_single = content[ROUNDED_AT] == 1
        self._start = self._section(8, outputs)
        if self._kind != TREES:
            weights = self._section(8, outputs * columns)
            self._weights = [weights[first : first + columns] for first in range(0, len(weights), columns)]
            return
        all_points = self._section(8, points)
        self._leaf = self._numbers(LEAF_TYPES[leaf], leaves * self._leaf_width)
        ends, set_ends = [0, *self._section(4, columns)], [0, *self._section(4, columns)]
        self._leaf_counts = self._section(4, trees)
        self._set = self._section(4, words)
        flagged = self._section(2, splits)
        self._split, self._left = self._section(split_width, splits), self._section(left_width, splits)
        self._is_category = self._section(1, columns)
        self._points = [all_points[first:last] for first, last in pairwise(ends)]
        self._set_start = set_ends
        self._column = [flag % MISSING_LEFT for flag in flagged]
        self._missing_left = [flag >= MISSING_LEFT for flag in flagged]

    def sums(self, row: Sequence[float]) -> list[float]:
        """Return the output of each class, or the only one, for the columns of a row; a missing value is NaN."""
        if self._kind != TREES:
            return [_product(row, weights) + first for weights, first in zip(self._weights, self._start, strict=True)]
        codes = [
            bisect_left(points, value) if value == value else -1  # noqa: PLR0124 - only NaN differs from itself
            for points, value in zip(self._points, row, strict=True)
        ]
        for column, is_category in enumerate(self._is_category):
            points, code = self._points[column], codes[column]
            if is_category and not (0 <= code < len(points) and points[code] == row[column]):
                codes[column] = -1
        sums = list(self._start)
        split = leaf = 0
        for number, count in enumerate(self._leaf_counts):
            self._add(sums, number, leaf + self._walk(codes, split, count))
            if self._is_single:
                sums = array("f", sums).tolist()
            split, leaf = split + count - 1, leaf + count
        return [total / len(self._leaf_counts) for total in sums] if self._finish == MEAN else sums

    def _add(self, sums: list[float], number: int, leaf: int) -> None:
        if self._leaf_width == 1:
            sums[number % len(sums)] += self._leaf[leaf] * self._step
            return
        for output in range(self._leaf_width):
            sums[output] += self._leaf[leaf * self._leaf_width + output] * self._step

    def _walk(self, codes: Sequence[int], split: int, count: int) -> int:
        """Return the leaf of a row in a tree with so many leaves and its splits from `split` on."""
        leaf = 0
        while count > 1:
            left = self._left[split]
            if self._goes_left(codes[self._column[split]], split):
                split, count = split + 1, left
            else:
                split, leaf, count = split + left, leaf + left, count - left
        return leaf

    def _goes_left(self, code: int, split: int) -> bool:
        if code < 0:
            return bool(self._missing_left[split])
        column = self._column[split]
        if not self._is_category[column]:
            return bool(code <= self._split[split])
        words = -(-len(self._points[column]) // 32)
        word = self._set_start[column] + self._split[split] * words + code // 32
        return bool(self._set[word] >> code % 32 & 1)

    def _section(self, width: int, count: int) -> Any:
        return self._numbers(TYPES[width], count)

    def _numbers(self, kind: str, count: int) -> Any:
        numbers: array[Any] = array(kind)
        size = numbers.itemsize * count
        numbers.frombytes(self._content[self._at : self._at + size])
        if sys.byteorder == "big":
            numbers.byteswap()
        self._at += -(-size // 8) * 8
        return numbers


def _product(row: Sequence[float], weights: Sequence[float]) -> float:
    total = 0.0
    for value, weight in zip(row, weights, strict=True):
        total += value * weight
    return total
