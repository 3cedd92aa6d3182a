"""What speaks against the rows of a delivery that comes in pieces, at a bit a row and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray


@dataclass(slots=True)
class Marks:
    """The rows of one piece: where they begin in the delivery, which could be read, and their reasons.

    Examples
    --------
    >>> marks = Marks(start=0, rows=3, readable=np.array([True, False, True]))
    >>> marks.add("not_a_number:rooms", np.array([False, True, False]))
    >>> marks.add("expect_column_max_to_be_between:rooms", np.array([False, False, True]))
    >>> marks.table(["expect_column_max_to_be_between:rooms", "not_a_number:rooms"]).to_numpy().tolist()
    [[False, False], [False, True], [True, False]]
    """

    start: int
    rows: int
    readable: BoolArray
    packed: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def add(self, reason: str, rows: BoolArray) -> None:
        """Add a reason for some rows; one that is there already then holds for both."""
        bits = np.packbits(rows)
        self.packed[reason] = self.packed[reason] | bits if reason in self.packed else bits

    def table(self, order: Sequence[str]) -> pd.DataFrame:
        """Return the reasons that occur, in an order, one boolean column each."""
        columns = {reason: self._rows(reason) for reason in order if reason in self.packed}
        return pd.DataFrame(columns, index=pd.RangeIndex(self.rows))

    def any(self, without: str = "") -> BoolArray:
        """Return the rows with any reason but one."""
        bits = [each for reason, each in self.packed.items() if reason != without]
        if not bits:
            return np.zeros(self.rows, dtype=bool)
        return np.unpackbits(np.bitwise_or.reduce(bits), count=self.rows).astype(bool)

    def _rows(self, reason: str) -> BoolArray:
        return np.unpackbits(self.packed[reason], count=self.rows).astype(bool)
