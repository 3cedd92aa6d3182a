"""Fast readers of text columns: simple numbers are read by Arrow, and each repeated text is read once.

The results are those of `tasks.spec.cells.cell_types`, which reads every value that is not simple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.row_contract.cell_texts import SIMPLE_NUMBER
from tasks.spec.cells import cell_types as cells
from tasks.spec.cells.cell_types import Read

SAMPLED = 1_000
YEAR_1_US = -62_135_596_800_000_000  # earlier, Python has no dates
REPEATING = 4  # rows for each distinct text, on average, from which on reading by text is faster


def numbers(column: pd.Series, decimal: Literal[".", ","] = ".", thousands: str | None = None) -> Read:
    """Return a column as float64; see `tasks.spec.cells.cell_types.numbers`.

    Examples
    --------
    >>> read = numbers(pd.Series(["1.5", "", " 2", "two", "inf"], dtype="str"))
    >>> read.column.tolist(), {code: mask.tolist() for code, mask in read.faults.items()}["not_a_number"]
    ([1.5, nan, 2.0, nan, nan], [False, False, False, True, False])
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return cells.numbers(column, decimal, thousands)
    texts = _arrow(column)
    empty = pc.fill_null(pc.equal(pc.binary_length(texts), 0), True)  # noqa: FBT003 - Arrow takes it by position
    values = _simple_numbers(_with_point(texts) if decimal == "," else texts, empty)
    unread = ~(np.isfinite(values) | empty.to_numpy(zero_copy_only=False))
    if not unread.any():
        return Read(pd.Series(values, index=column.index), {})
    rest = cells.numbers(column[unread], decimal, thousands)
    values[unread] = rest.column.to_numpy()
    faults = {code: np.zeros(len(column), dtype=bool) for code in rest.faults}
    for code, rows in rest.faults.items():
        faults[code][unread] = rows
    return Read(pd.Series(values, index=column.index), faults)


def moments(column: pd.Series, read: Callable[[pd.Series], Read]) -> Read:
    """Return a column of times; those of the form 2026-01-02T08:30:00, without a zone, are read by Arrow.

    Parameters
    ----------
    read : callable
        `tasks.spec.cells.time_cells.times` without a format: what reads a column with times of any other form.

    Examples
    --------
    >>> seconds = pd.Series(["2026-01-02T08:30:00", "", "2026-01-02 08:30:01"], dtype="str")
    >>> [str(time) for time in moments(seconds, None).column]
    ['2026-01-02 08:30:00', 'NaT', '2026-01-02 08:30:01']
    """
    if isinstance(column.dtype, pd.StringDtype) and (parsed := _plain_moments(_arrow(column))) is not None:
        values = pd.Series(parsed.to_numpy(zero_copy_only=False), index=column.index)
        return Read(values, {}, np.zeros(len(column), dtype=bool))
    return by_value(read, column)


def by_value(read: Callable[[pd.Series], Read], column: pd.Series) -> Read:
    """Return a column read by a function that reads each value by itself; each distinct text is read once.

    Examples
    --------
    >>> by_value(cells.booleans, pd.Series(["yes", "no", None, "yes", "no"] * 9, dtype="str")).column.tolist()[:3]
    [True, False, <NA>]
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return read(column)
    head = column.iloc[:SAMPLED]
    if head.nunique() * REPEATING > len(head):
        return read(column)
    encoded = _arrow(column).dictionary_encode()
    if len(encoded.dictionary) * REPEATING > len(column):
        return read(column)
    texts = encoded.dictionary.to_pylist()
    by_text = read(pd.Series([*texts, None], dtype="str"))
    codes = encoded.indices.fill_null(len(texts)).to_numpy()
    values = by_text.column.take(codes).set_axis(column.index)
    faults = {code: rows[codes] for code, rows in by_text.faults.items()}
    second = None if by_text.second is None else by_text.second[codes]
    return Read(values, {code: rows for code, rows in faults.items() if rows.any()}, second)


def _simple_numbers(texts: pa.Array, empty: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the numbers that Arrow can read; NaN for all other texts, some of which may be numbers."""
    try:
        parsed = pc.if_else(empty, None, texts).cast(pa.float64())
    except pa.ArrowInvalid:
        parsed = pc.if_else(pc.match_substring_regex(texts, SIMPLE_NUMBER), texts, None).cast(pa.float64())
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = parsed.to_numpy(zero_copy_only=False)
    return values if values.flags.writeable else values.copy()


def _plain_moments(texts: pa.Array) -> pa.Array | None:
    """Return times to the second, missing where a text is; None when a text is anything else."""
    lengths = pc.fill_null(pc.binary_length(texts), 0)
    plain = pc.equal(lengths, len("2026-01-02T08:30:00"))
    if not pc.all(pc.or_(plain, pc.equal(lengths, 0))).as_py():
        return None
    try:
        parsed = pc.if_else(plain, texts, None).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    earliest_us = pc.min(parsed.cast(pa.int64())).as_py()  # None where all are missing
    return None if earliest_us is not None and earliest_us < YEAR_1_US else parsed


def _with_point(texts: pa.Array) -> pa.Array:
    """Return texts with decimal commas replaced by points; a point in a text becomes an invalid character."""
    return pc.replace_substring(pc.replace_substring(texts, ".", "'"), ",", ".")


def _arrow(column: pd.Series) -> pa.Array:
    array = pa.array(column)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
