"""Reads a compact file as its description says, and answers one row at a time: what the evaluator in C must equal."""

from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np

from tasks.arrays import FloatArray

HEADER = "<8sIBBBB8I"
HEADER_BYTES = 64


@dataclass
class Sections:
    content: bytes
    at: int = HEADER_BYTES

    def next(self, kind: str, count: int) -> Any:
        found = np.frombuffer(self.content, kind, count, self.at)
        self.at += -(-found.nbytes // 8) * 8
        return found


@dataclass
class ReferenceModel:
    """Everything that a file says."""

    content: bytes
    kind: int = field(init=False)
    finish: int = field(init=False)
    columns: int = field(init=False)
    outputs: int = field(init=False)

    def __post_init__(self) -> None:
        magic, protocol, self.kind, self.finish, split_bytes, left_bytes, *counts = struct.unpack_from(
            HEADER, self.content
        )
        assert (magic, protocol) == (b"LEEWAYCF", 2 if self.content[48] else 1)
        self.columns, self.outputs, self.trees, splits, leaves, self.width, points, words = counts
        sections = Sections(self.content)
        self.start = sections.next("<f8", self.outputs)
        if self.kind == 2:
            self.weights = sections.next("<f8", self.outputs * self.columns).reshape(self.outputs, self.columns)
        else:
            self.points = sections.next("<f8", points).tolist()
            self.leaf = sections.next("<f8", leaves * self.width).reshape(leaves, self.width)
            self.point_ends = [0, *sections.next("<u4", self.columns).tolist()]
            self.set_ends = [0, *sections.next("<u4", self.columns).tolist()]
            self.leaf_counts = sections.next("<u4", self.trees).tolist()
            self.sets = sections.next("<u4", words).tolist()
            self.split_columns = sections.next("<u2", splits).tolist()
            self.splits = sections.next(f"<u{split_bytes}", splits).tolist()
            self.lefts = sections.next(f"<u{left_bytes}", splits).tolist()
            self.is_category = sections.next("<u1", self.columns).tolist()
        assert sections.at == len(self.content)

    def run(self, rows: FloatArray) -> FloatArray:
        scores = np.array([self._score(row) for row in rows.tolist()]).reshape(len(rows), self.outputs)
        return np.exp(scores) if self.finish == 2 else scores

    def _score(self, row: list[float]) -> list[float]:
        if self.kind == 2:
            sums = [0.0] * self.outputs
            for output, weights in enumerate(self.weights.tolist()):
                for value, weight in zip(row, weights, strict=True):
                    sums[output] += value * weight
            return [total + first for total, first in zip(sums, self.start.tolist(), strict=True)]
        scores = self.start.tolist()
        split = leaf = 0
        for tree, count in enumerate(self.leaf_counts):
            values = self.leaf[leaf + self._walk(row, split, count)].tolist()
            for output, value in enumerate(values, tree % self.outputs if self.width == 1 else 0):
                total = scores[output] + value
                scores[output] = float(np.float32(total)) if self.content[48] else total
            split, leaf = split + count - 1, leaf + count
        return [score / self.trees for score in scores] if self.finish == 1 else scores

    def _walk(self, row: list[float], split: int, count: int) -> int:
        leaf = 0
        while count > 1:
            left = self.lefts[split]
            if self._goes_left(row, split):
                split, count = split + 1, left
            else:
                split, leaf, count = split + left, leaf + left, count - left
        return leaf

    def _goes_left(self, row: list[float], split: int) -> bool:
        missing_left, column = divmod(self.split_columns[split], 0x8000)
        value, points = row[column], self.points[self.point_ends[column] : self.point_ends[column + 1]]
        if isnan(value):
            return bool(missing_left)
        if not self.is_category[column]:
            return bool(value <= points[self.splits[split]])
        code = bisect_left(points, value)
        if code == len(points) or points[code] != value:
            return bool(missing_left)
        word = self.set_ends[column] + self.splits[split] * -(-len(points) // 32) + code // 32
        return bool(self.sets[word] >> code % 32 & 1)
