"""What a column could be read as, judged before there is a spec that says so.

Data is text (csv) or typed (Parquet, JSON lines). Of both, `read_*` makes one typed column and marks the cells that
hold something else; a missing cell is never bad. It is stricter than the reading of deliveries, never looser: what is
clean here is read there to the same values (tests/house/test_one_reading_of_cells.py). Moments are ISO 8601 only, for
03/04/2026 is two days.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
TRUE = frozenset({"true", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "no", "n", "0", "0.0"})
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[-+]\d{2}:?\d{2})?)?|\d{8}(?:T\d{6}Z?)?"
)


@dataclass(frozen=True, slots=True)
class Cells:
    """One column read: typed values, missing where nothing could be read, and which cells held something else."""

    typed: pd.Series
    bad: pd.Series

    @property
    def clean(self) -> bool:
        """Whether every cell that is not missing could be read."""
        return not bool(self.bad.any())


def read_numbers(column: pd.Series) -> Cells:
    """Return a column as float64; texts are decimal with a point, without thousands signs or units.

    >>> cells = read_numbers(pd.Series(["1.5", "", "1,5", "-2e3"]))
    >>> cells.typed.tolist(), cells.bad.tolist()
    ([1.5, nan, nan, -2000.0], [False, False, True, False])
    """
    if _is_text(column):
        text = _stripped(column)
        missing = _missing(text)
        fits = text.str.fullmatch(NUMBER.pattern).fillna(value=False).astype(bool)
        values = pd.to_numeric(text.where(fits), errors="coerce").astype("float64")
    elif pd.api.types.is_numeric_dtype(column.dtype) or _holds(column, "decimal"):
        values = column.astype("float64")
        missing = column.isna()
    else:
        values = pd.Series(np.nan, index=column.index, dtype="float64")
        missing = column.isna()
    finite = pd.Series(np.isfinite(values.to_numpy()), index=column.index)
    return Cells(values.where(finite), ~finite & ~missing)


def read_booleans(column: pd.Series) -> Cells:
    """Return a column as nullable boolean; true, yes, y and 1 are true, in any case.

    >>> cells = read_booleans(pd.Series(["Y", "no", "", "maybe"]))
    >>> cells.typed.tolist(), cells.bad.tolist()
    ([True, False, <NA>, <NA>], [False, False, False, True])
    """
    text = _stripped(column.astype("str")).str.lower()
    missing = column.isna() | _missing(text)
    values = pd.Series(pd.NA, index=column.index, dtype="boolean")
    values = values.mask(text.isin(TRUE), other=True).mask(text.isin(FALSE), other=False)
    return Cells(values.mask(missing), values.isna() & ~missing)


def read_moments(column: pd.Series) -> Cells:
    """Return a column as moments in UTC; texts are ISO 8601, and one without a zone is taken as UTC.

    >>> cells = read_moments(pd.Series(["2026-11-20", "2026-11-20T10:00:00+01:00", "20/11/2026"]))
    >>> cells.typed.astype("str").tolist(), cells.bad.tolist()
    (['2026-11-20 00:00:00+00:00', '2026-11-20 09:00:00+00:00', nan], [False, False, True])
    """
    if _is_text(column):
        text = _stripped(column)
        missing = _missing(text)
        fits = text.str.fullmatch(MOMENT.pattern).fillna(value=False).astype(bool)
        values = pd.to_datetime(text.where(fits), format="ISO8601", utc=True, errors="coerce")
    else:
        missing = column.isna()
        dated = pd.api.types.is_datetime64_any_dtype(column.dtype) or _holds(column, "date", "datetime")
        values = pd.to_datetime(column if dated else column.isna().map({True: pd.NaT, False: pd.NaT}), utc=True)
    return Cells(values.astype("datetime64[us, UTC]"), values.isna() & ~missing)


def read_categories(column: pd.Series) -> Cells:
    """Return a column as text; whole numbers lose a trailing .0, and only an empty cell is missing (NA is Namibia).

    >>> read_categories(pd.Series([98103.0, None])).typed.tolist()
    ['98103', nan]
    """
    if pd.api.types.is_float_dtype(column.dtype):
        text = column.map(_digits, na_action="ignore").astype("str")
    elif pd.api.types.is_bool_dtype(column.dtype) or _holds(column, "boolean"):
        text = column.map(str, na_action="ignore").astype("str").str.lower()
    else:
        text = _stripped(column)
    values = text.mask(column.isna() | (text == ""))
    return Cells(values, pd.Series(data=False, index=column.index))


def _digits(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)


def _is_text(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    return _holds(column, "string", "empty", "mixed", "mixed-integer") or pd.api.types.is_string_dtype(column.dtype)


def _holds(column: pd.Series, *kinds: str) -> bool:
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in kinds


def _stripped(column: pd.Series) -> pd.Series:
    return column.astype("str").str.strip()


def _missing(text: pd.Series) -> pd.Series:
    return text.isna() | text.str.lower().isin(MISSING)
