"""Columns of text read by what they hold: plain numbers by Arrow, and what repeats itself once for all its rows.

Each value is read as `tasks.spec.cells.cell_types` reads it, which is asked for every value that is not plain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.spec.cells import cell_types as cells
from tasks.spec.cells.cell_types import Read

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
LOOKED_AT = 1_000
REPEATING = 4  # rows a value, on average, from which on looking for values pays


def numbers(column: pd.Series, decimal: Literal[".", ","] = ".") -> Read:
    """Return a column as float64; see `tasks.spec.cells.cell_types.numbers`.

    Examples
    --------
    >>> read = numbers(pd.Series(["1.5", "", " 2", "two", "inf"], dtype="str"))
    >>> read.column.tolist(), {code: mask.tolist() for code, mask in read.faults.items()}["not_a_number"]
    ([1.5, nan, 2.0, nan, nan], [False, False, False, True, False])
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return cells.numbers(column, decimal)
    texts = _arrow(column)
    nothing = pc.fill_null(pc.equal(pc.binary_length(texts), 0), True)  # noqa: FBT003 - Arrow takes it by position
    values = _plain_numbers(_with_point(texts) if decimal == "," else texts, nothing)
    left = ~(np.isfinite(values) | nothing.to_numpy(zero_copy_only=False))
    if not left.any():
        return Read(pd.Series(values, index=column.index), {})
    rest = cells.numbers(column[left], decimal)
    values[left] = rest.column.to_numpy()
    faults = {code: np.zeros(len(column), dtype=bool) for code in rest.faults}
    for code, rows in rest.faults.items():
        faults[code][left] = rows
    return Read(pd.Series(values, index=column.index), faults)


def by_value(read: Callable[[pd.Series], Read], column: pd.Series) -> Read:
    """Return what a function that reads each value by itself makes of a column; a text that repeats is read once.

    Examples
    --------
    >>> by_value(cells.booleans, pd.Series(["yes", "no", None, "yes", "no"] * 9, dtype="str")).column.tolist()[:3]
    [True, False, <NA>]
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return read(column)
    head = column.iloc[:LOOKED_AT]
    if head.nunique() * REPEATING > len(head):
        return read(column)
    encoded = _arrow(column).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    if len(texts) * REPEATING > len(column):
        return read(column)
    found = read(pd.Series([*texts, None], dtype="str"))
    places = encoded.indices.fill_null(len(texts)).to_numpy()
    values = found.column.take(places).set_axis(column.index)
    faults = {code: rows[places] for code, rows in found.faults.items()}
    return Read(values, {code: rows for code, rows in faults.items() if rows.any()})


def _plain_numbers(texts: pa.Array, nothing: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the numbers that Arrow reads; NaN for the rest, which may be numbers all the same."""
    try:
        found = pc.if_else(nothing, None, texts).cast(pa.float64())
    except pa.ArrowInvalid:
        found = pc.if_else(pc.match_substring_regex(texts, PLAIN), texts, None).cast(pa.float64())
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = found.to_numpy(zero_copy_only=False)
    return values if values.flags.writeable else values.copy()


def _with_point(texts: pa.Array) -> pa.Array:
    """Return texts with a decimal comma with a point; a point in one becomes what no number has."""
    return pc.replace_substring(pc.replace_substring(texts, ".", "'"), ",", ".")


def _arrow(column: pd.Series) -> pa.Array:
    found = pa.array(column)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
