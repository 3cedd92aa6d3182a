"""How a column is cut into slices: once, by rows that are then no longer needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import IntArray

QUARTERS = 4
MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """A column's slices: the ranges between `edges`, or the categories `names` and all others; last, rows without any.

    A value that is an edge belongs to the range above it.
    """

    column: str
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """How many slices there are."""
        return (len(self.edges) if self.names is None else len(self.names)) + 2

    def places(self, values: pd.Series[Any]) -> IntArray:
        """Return the slice of each value.

        >>> Cut("area", edges=(10.0, 20.0)).places(pd.Series([5.0, 10.0, 99.0, None])).tolist()
        [0, 1, 2, 3]
        >>> Cut("plan", names=("pro",)).places(pd.Series(["pro", "basic", None])).tolist()
        [0, 1, 2]
        """
        return self._among_edges(values) if self.names is None else self._among_names(values, self.names)

    def _among_edges(self, values: pd.Series[Any]) -> IntArray:
        plain = values.to_numpy() if values.dtype == np.float64 else values.to_numpy(np.float64, na_value=np.nan)
        found = np.searchsorted(np.array(self.edges), plain, side="right")
        return np.where(np.isnan(plain), self.size - 1, found).astype(np.int64)

    def _among_names(self, values: pd.Series[Any], names: tuple[str, ...]) -> IntArray:
        codes, met = pd.factorize(values)
        place = {name: at for at, name in enumerate(names)}
        of_code = [*(place.get(str(value), len(names)) for value in met), self.size - 1]  # code -1 is the last of them
        return np.array(of_code, dtype=np.int64)[codes]

    def named(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the slice of each value in words.

        >>> Cut("plan", names=("pro",)).named(pd.Series(["pro", None])).tolist()
        ["plan is 'pro'", 'plan is missing']
        """
        names = np.array([self.name(place) for place in range(self.size)], dtype=object)
        return pd.Series(names[self.places(values)], index=values.index)

    def name(self, place: int) -> str:
        """Return a slice in words.

        >>> cut = Cut("area", edges=(10.0, 20.0))
        >>> [cut.name(place) for place in range(cut.size)]
        ['area below 10', 'area from 10 to 20', 'area from 20', 'area is missing']
        """
        if place == self.size - 1:
            return f"{self.column} is missing"
        if self.names is not None:
            return f"{self.column} is {self.names[place]!r}" if place < len(self.names) else f"{self.column} is another"
        if not self.edges:
            return f"{self.column} is there"
        if place == 0:
            return f"{self.column} below {self.edges[0]:.4g}"
        upto = f" to {self.edges[place]:.4g}" if place < len(self.edges) else ""
        return f"{self.column} from {self.edges[place - 1]:.4g}{upto}"


def cut_of(values: pd.Series[Any], is_number: bool, fewest: int) -> Cut:
    """Return how a column is cut: numbers at their quartiles, categories of at least so many rows by name.

    >>> cut_of(pd.Series([1.0, 2.0, 3.0, 4.0, None], name="rooms"), True, 1)
    Cut(column='rooms', edges=(1.75, 2.5, 3.25), names=None)
    >>> cut_of(pd.Series(["a", "b", "a", None], name="plan"), False, 2)
    Cut(column='plan', edges=(), names=('a',))
    """
    name = str(values.name)
    present = values.dropna()
    if not is_number:
        counts = present.value_counts()
        return Cut(name, names=tuple(sorted(str(value) for value in counts[counts >= fewest].index[:MOST_NAMES])))
    numbers = present.to_numpy(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return Cut(name)
    edges = np.unique(np.quantile(numbers, np.arange(1, QUARTERS) / QUARTERS))
    return Cut(name, edges=tuple(float(edge) for edge in edges if edge > numbers.min()))
