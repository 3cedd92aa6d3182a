"""The columns that a function of the project makes of a row: read in their kinds, as `tasks.features` reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks.row_contract.cell_values import CellFaultError, boolean, category, number, time_reader
from tasks.row_contract.compiled_contract import ServedFunction
from tasks.row_contract.row_reader import Fault, TypedRow
from tasks.row_contract.table_values import kinds_of

FUNCTION_FAILED = "feature_function"
"""The reason code of a row that the function fails on; it is that of the nightly batch."""
FAILED = Fault(FUNCTION_FAILED, "", "a row that features.function can be applied to")
Made = Mapping[str, Any] | None


class OwnRowFunction:
    """A function of the project for one row, from its source: called in this process.

    Examples
    --------
    >>> source = "def add(row): return {'rooms_of': row['area'] / row['rooms']}"
    >>> function = OwnRowFunction(ServedFunction(path="online:add", source=source, numbers=("rooms_of",)))
    >>> function.made([TypedRow("a", {"area": 60.0, "rooms": 3.0}), TypedRow("b", {"area": 60.0, "rooms": 0.0})])
    [{'rooms_of': 20.0}, None]
    """

    def __init__(self, function: ServedFunction) -> None:
        module, _, name = function.path.partition(":")
        names: dict[str, Any] = {"__name__": module}
        exec(compile(function.source, f"{module}.py", "exec"), names)  # noqa: S102 - it comes with the signed contract
        self._call: Callable[[dict[str, Any]], Any] = names[name]

    def made(self, rows: Sequence[TypedRow]) -> list[Made]:
        """Return the columns that are made of each row; None where the function raises an error, or makes no dict."""
        return [self._made(dict(row.values)) for row in rows]

    def _made(self, values: dict[str, Any]) -> Made:
        try:
            made = self._call(values)
        except Exception:  # noqa: BLE001 - a user's function may raise anything; the text may have values
            return None
        return made if isinstance(made, dict) else None


class MadeColumns:
    """Adds what a function makes to rows.

    Parameters
    ----------
    function : ServedFunction
        The columns that it makes.
    time_zone : str
        The zone of the wall-clock times.

    Examples
    --------
    >>> columns = MadeColumns(ServedFunction(path="f:f", numbers=("x",), categories=("zone",)), "UTC")
    >>> columns.added(TypedRow("a", {}), {"x": 1.5, "zone": 7}).values
    {'x': 1.5, 'zone': '7'}
    >>> columns.added(TypedRow("a", {}), {"x": "many"}) is None
    True
    """

    def __init__(self, function: ServedFunction, time_zone: str) -> None:
        self.refuses = function.refuses
        read_time = time_reader(time_zone)

        def time(value: Any) -> datetime | None:
            return value.replace(tzinfo=None) if isinstance(value, datetime) else read_time(value)

        readers: dict[str, Callable[[Any], Any]] = {
            "number": _number,
            "boolean": boolean,
            "category": category,
            "time": time,
        }
        self._readers = {name: readers[kind] for name, kind in kinds_of(function).items()}

    def added(self, row: TypedRow, made: Made) -> TypedRow | None:
        """Return a row with the made columns; None if the function failed on it, or made a value of another kind.

        Where such a row breaks no contract, its columns are missing instead; after a value of another kind, that one.
        """
        if made is None and self.refuses:
            return None
        values = dict(row.values)
        for name, read in self._readers.items():
            try:
                values[name] = None if made is None else read(made.get(name))
            except CellFaultError:
                if self.refuses:
                    return None
                values[name] = None
        return row._replace(values=values)


def _number(value: Any) -> float | None:
    """Return a number; infinite is missing, as it is for a model.

    >>> _number(2**60), _number(math.inf), _number("1.5")
    (1.152921504606847e+18, None, 1.5)
    """
    if type(value) in {int, float}:
        return float(value) if math.isfinite(value) else None
    return number(float(value) if isinstance(value, bool) else value)
