"""The values of a column or an index as JSON and Arrow arrays, each kind of values in its own way; see `frame_codec`.

JSON says what the values are, and at which position of the arrays they are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.user_code.cell_codec import cells_as_json, cells_from_json, zone_as_json, zone_from_json

Json: TypeAlias = dict[str, Any]
Arrays: TypeAlias = list[pa.Array]
MASKED = frozenset(
    ["boolean", "Float32", "Float64", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))]
)
PLAIN_KINDS = "biufMm"


def written(values: Any, arrays: Arrays) -> Json:
    """Return what the values of a column are; their arrays are appended.

    Parameters
    ----------
    values : numpy or pandas array
        The column, or the labels of an index.

    Examples
    --------
    >>> written(np.array([1.5, 2.5]), [])
    {'kind': 'plain', 'dtype': '<f8', 'at': 0}
    """
    for dtype, write in WRITERS.items():
        if isinstance(values.dtype, dtype) and (part := write(values, arrays)) is not None:
            return part
    if str(values.dtype) in MASKED:
        return {"kind": "masked", "dtype": str(values.dtype), "at": _added(values, arrays)}
    plain = np.asarray(values)
    if plain.dtype.kind in PLAIN_KINDS and plain.dtype.isnative:
        return {"kind": "plain", "dtype": plain.dtype.str, "at": _added(plain, arrays)}
    return _written_objects(list(values), arrays)


def values_of(part: Json, arrays: Arrays) -> Any:
    """Return the values of a column, as an array of their type.

    Raises
    ------
    Exception
        Of any kind, when it is not what `written` returns.

    Examples
    --------
    >>> values_of({"kind": "cells", "at": 0}, [pa.array(['["a", 1]'])]).tolist()
    ['a', 1]
    """
    return READERS[part["kind"]](part, arrays)


def labels(part: Json, arrays: Arrays, name: Any = None) -> pd.Index:
    """Return the values of a column as an index."""
    values = values_of(part, arrays)
    index: pd.Index = pd.Index(values, dtype=values.dtype, name=name)
    return index


def _added(values: Any, arrays: Arrays) -> int:
    arrays.append(values if isinstance(values, pa.Array) else pa.array(values))
    return len(arrays) - 1


def _written_category(values: Any, arrays: Arrays) -> Json:
    inner = written(values.categories.array, arrays)
    codes = _added(values.codes, arrays)
    return {"kind": "category", "ordered": values.dtype.ordered, "codes": codes, "categories": inner}


def _written_interval(values: Any, arrays: Arrays) -> Json:
    sides = {"left": written(values.left.array, arrays), "right": written(values.right.array, arrays)}
    return {"kind": "interval", "closed": values.dtype.closed, **sides}


def _written_period(values: Any, arrays: Arrays) -> Json:
    return {"kind": "period", "dtype": str(values.dtype), "at": _added(values.asi8, arrays)}


def _written_zoned(values: Any, arrays: Arrays) -> Json | None:
    zone = zone_as_json(values.dtype.tz)
    if zone is None:
        return None
    return {"kind": "zoned", "unit": values.dtype.unit, "zone": zone, "at": _added(values.asi8, arrays)}


def _written_text(values: Any, arrays: Arrays) -> Json:
    text = pa.array(values, pa.large_string(), from_pandas=True)
    missing = "NA" if values.dtype.na_value is pd.NA else "nan"
    return {"kind": "text", "storage": values.dtype.storage, "missing": missing, "at": _added(text, arrays)}


def _written_arrow(values: Any, arrays: Arrays) -> Json:
    return {"kind": "arrow", "at": _added(pa.array(values), arrays)}


def _written_sparse(values: Any, arrays: Arrays) -> Json:
    return written(values.to_dense(), arrays)


def _written_objects(cells: list[Any], arrays: Arrays) -> Json:
    """Return a column of Python objects; the common ones are quicker as arrays than as JSON."""
    kinds = set(map(type, cells)) - {type(None)}
    if kinds == {date}:
        return {"kind": "dates", "at": _added(pa.array(cells, pa.date32()), arrays)}
    if kinds == {str}:
        try:
            return {"kind": "strings", "at": _added(pa.array(cells, pa.large_string()), arrays)}
        except UnicodeEncodeError:  # half of a surrogate pair: JSON has it
            pass
    if kinds == {bytes}:
        return {"kind": "bytes", "at": _added(pa.array(cells, pa.large_binary()), arrays)}
    return {"kind": "cells", "at": _added([cells_as_json(cells)], arrays)}


def _whole(place: int, arrays: Arrays) -> Any:
    return arrays[place].to_numpy(zero_copy_only=False)


def _category(part: Json, arrays: Arrays) -> Any:
    dtype = pd.CategoricalDtype(labels(part["categories"], arrays), part["ordered"])
    return pd.Categorical.from_codes(_whole(part["codes"], arrays), dtype=dtype)


def _interval(part: Json, arrays: Arrays) -> Any:
    left, right = values_of(part["left"], arrays), values_of(part["right"], arrays)
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=part["closed"])


def _period(part: Json, arrays: Arrays) -> Any:
    dtype: Any = pd.PeriodDtype.construct_from_string(part["dtype"])
    return pd.arrays.PeriodArray(_whole(part["at"], arrays), dtype=dtype)


def _zoned(part: Json, arrays: Arrays) -> Any:
    utc = pd.DatetimeIndex(_whole(part["at"], arrays).view(f"M8[{part['unit']}]")).tz_localize("UTC")
    return utc.tz_convert(zone_from_json(part["zone"])).array


def _text(part: Json, arrays: Arrays) -> Any:
    dtype: Any = pd.StringDtype(part["storage"], na_value=pd.NA if part["missing"] == "NA" else np.nan)
    return dtype.__from_arrow__(arrays[part["at"]])


def _arrow(part: Json, arrays: Arrays) -> Any:
    array = arrays[part["at"]]
    return pd.array(array, dtype=pd.ArrowDtype(array.type))


def _masked(part: Json, arrays: Arrays) -> Any:
    if part["dtype"] not in MASKED:
        raise ValueError(f"found the type {part['dtype']!r}; expected one of pandas' types with a mask")
    dtype: Any = pd.array([], dtype=part["dtype"]).dtype
    return dtype.__from_arrow__(arrays[part["at"]])


def _plain(part: Json, arrays: Arrays) -> Any:
    dtype = np.dtype(part["dtype"])
    if dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"found the type {part['dtype']!r}; expected numbers, booleans or times")
    return _whole(part["at"], arrays).astype(dtype)


def _dates(part: Json, arrays: Arrays) -> Any:
    return arrays[part["at"]].to_pandas(date_as_object=True).to_numpy(dtype=object)


def _strings(part: Json, arrays: Arrays) -> Any:
    return _whole(part["at"], arrays).astype(object)


def _cells(part: Json, arrays: Arrays) -> Any:
    return pd.Series(cells_from_json(arrays[part["at"]][0].as_py()), dtype=object).to_numpy()


WRITERS: dict[type, Callable[[Any, Arrays], Json | None]] = {
    pd.SparseDtype: _written_sparse,
    pd.CategoricalDtype: _written_category,
    pd.IntervalDtype: _written_interval,
    pd.PeriodDtype: _written_period,
    pd.DatetimeTZDtype: _written_zoned,
    pd.StringDtype: _written_text,
    pd.ArrowDtype: _written_arrow,
}
READERS: dict[str, Callable[[Json, Arrays], Any]] = {
    "category": _category,
    "interval": _interval,
    "period": _period,
    "zoned": _zoned,
    "text": _text,
    "arrow": _arrow,
    "masked": _masked,
    "plain": _plain,
    "dates": _dates,
    "strings": _strings,
    "bytes": _strings,
    "cells": _cells,
}
