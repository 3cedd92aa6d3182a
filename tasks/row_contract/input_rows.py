"""The inputs of a model from typed values, bit for bit as `tasks.model.input_matrix` makes them from a frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a bundle has this module without numpy
    from tasks.inference.schema import ModelSchema
    from tasks.inference.schema_parts import DatePart, TimeFeature

NAN = math.nan
_MICROSECONDS_A_DAY = 86_400_000_000.0
_MICROSECOND = timedelta(microseconds=1)
Input = Callable[[Any], float]


class InputRows:
    """Makes rows of model inputs from typed values.

    Examples
    --------
    "paid" has code 1 in the table ("free", "paid"); "gold" is unknown to the model.

    >>> from tasks.inference.schema import ModelSchema
    >>> schema = ModelSchema("demo", "binary", "log_loss", "day", ("age",), (), {"plan": ("free", "paid")})
    >>> rows = InputRows(schema)
    >>> rows.of({"age": 30.0, "plan": "paid"}), rows.of({"age": None, "plan": "gold"})
    ([30.0, 1.0], [nan, nan])
    """

    def __init__(self, schema: ModelSchema) -> None:
        columns: list[tuple[str, Input]] = [(name, _number) for name in (*schema.numbers, *schema.booleans)]
        columns += [(name, _codes(table)) for name, table in schema.categories.items()]
        columns += [(part.column, date_input(part)) for part in schema.dates]
        if schema.time is not None:
            columns.append((schema.event_time, _capped(schema.time)))
        self._columns = columns

    def of(self, values: Mapping[str, Any]) -> list[float]:
        """Return the inputs of one row, in the order of the schema; missing and unknown values are NaN."""
        return [NAN if (value := values[name]) is None else make(value) for name, make in self._columns]


def days_after(moment: datetime, origin: datetime) -> float:
    """Return days, with their fraction, from midnight of `origin`.

    >>> days_after(datetime(2024, 3, 1, 12), datetime(2024, 2, 28))
    2.5
    """
    return float((moment - origin) // _MICROSECOND) / _MICROSECONDS_A_DAY


def date_input(part: DatePart) -> Input:
    """Return the function from a time to one part of it, as a number.

    >>> from tasks.inference.schema_parts import DatePart
    >>> date_input(DatePart("sold", "day_of_year"))(datetime(2024, 3, 1, 12))
    61.0
    """
    if part.kind == "days":
        origin = datetime.fromisoformat(part.origin)
        return lambda moment: days_after(moment, origin)
    return _PARTS[part.kind]


def _number(value: Any) -> float:
    return float(value)


def _codes(table: tuple[str, ...]) -> Input:
    codes = {name: float(code) for code, name in reversed(list(enumerate(table)))}
    return lambda value: codes.get(value, NAN)


def _capped(time: TimeFeature) -> Input:
    origin = datetime.fromisoformat(time.origin)
    return lambda moment: min(days_after(moment, origin), time.held_at_days)


_PARTS: dict[str, Input] = {
    "year": lambda moment: float(moment.year),
    "month": lambda moment: float(moment.month),
    "day_of_year": lambda moment: float(moment.timetuple().tm_yday),
    "weekday": lambda moment: float(moment.weekday()),
    "hour": lambda moment: float(moment.hour),
}
