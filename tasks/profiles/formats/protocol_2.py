"""Writes and reads profiles of PROTOCOL 2 and 3: pinned values, distinct counts, buckets of categories.

3 adds dates and their ages; a profile without dates is written as 2. Both may have columns of times and texts, which an
earlier release could count; they are skipped.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.distinct_count import REGISTERS
from tasks.profiles.formats.histogram_bytes import ArrayReader, byte_widths, histogram_bytes
from tasks.profiles.number_profile import NumberProfile
from tasks.profiles.ruler import Ruler
from tasks.profiles.table_profile import TableProfile
from tasks.profiles.value_counts import ValueCounts

LENGTH = struct.Struct("<I")
SCALARS = (
    "rows",
    "nulls",
    "positive_infinities",
    "negative_infinities",
    "minimum",
    "maximum",
    "total",
    "total_squares",
)


def write_2(profile: TableProfile) -> bytes:
    """Return a profile as bytes, not yet compressed."""
    header = {
        "ruler": ruler_header(profile.ruler),
        "rows": profile.rows,
        "columns": {name: _scalars(column) for name, column in profile.columns.items()},
        "times": {name: _scalars(column) for name, column in profile.dates.items()},
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    arrays = [_arrays(column) for _, column in _numbers(profile)]
    return b"".join([LENGTH.pack(len(text)), text, *arrays])


def ruler_header(ruler: Ruler) -> dict[str, Any]:
    """Return a ruler as stored in JSON; the kinds "times" and "texts" are no longer counted and stay empty."""
    axes: dict[str, Mapping[str, Axis]] = {"numbers": ruler.numbers, "times": {}, "texts": {}}
    if ruler.dates:
        axes |= {"dates": ruler.dates, "ages": ruler.ages}
    return {
        **{kind: [[name, *_axis(axis)] for name, axis in sorted(named.items())] for kind, named in axes.items()},
        "booleans": list(ruler.booleans),
        "categories": list(ruler.categories),
    }


def read_2(body: bytes) -> TableProfile:
    """Return the profile of a decompressed body; columns of times and texts are skipped."""
    (length,) = LENGTH.unpack_from(body)
    header = json.loads(body[LENGTH.size : LENGTH.size + length])
    axes, columns = _axes(header["ruler"]), header["columns"]
    ruler = _ruler(header["ruler"], axes)
    reader = ArrayReader(body, LENGTH.size + length)
    numbers = {name: _number(axis, columns[name], reader) for name, axis in ruler.numbers.items()}
    for name, axis in axes["texts"].items():
        _number(axis, columns[f"{name}.length"], reader)
    ages = {name: _number(axis, columns[name], reader) for name, axis in ruler.ages.items()}
    instants = sorted([*axes["times"].items(), *ruler.dates.items()], key=lambda item: item[0])
    dates = {name: _number(axis, header["times"][name], reader) for name, axis in instants}
    reader.take(REGISTERS * len(axes["texts"]))
    reader.finish()
    categories = {name: _category(columns[name]) for name in (*ruler.booleans, *ruler.categories)}
    return TableProfile(
        ruler, header["rows"], {**numbers, **categories, **ages}, {name: dates[name] for name in ruler.dates}
    )


def _axis(axis: Axis) -> list[Any]:
    return [float(axis.center), float(axis.scale), list(axis.pins)]


def _axes(header: Mapping[str, Any]) -> dict[str, dict[str, Axis]]:
    return {
        kind: {name: Axis(center, scale, tuple(pins)) for name, center, scale, pins in header.get(kind, ())}
        for kind in ("numbers", "times", "texts", "dates", "ages")
    }


def _ruler(header: Mapping[str, Any], axes: Mapping[str, Mapping[str, Axis]]) -> Ruler:
    return Ruler(
        axes["numbers"],
        tuple(header["categories"]),
        tuple(header["booleans"]),
        dates=axes["dates"],
        ages=axes["ages"],
    )


def _numbers(profile: TableProfile) -> Iterator[tuple[str, NumberProfile]]:
    """Yield the number columns in the order of their arrays."""
    for name in (*sorted(profile.ruler.numbers), *sorted(profile.ruler.ages)):
        column = profile.columns[name]
        if isinstance(column, NumberProfile):
            yield name, column
    yield from ((name, profile.dates[name]) for name in sorted(profile.dates))


def _scalars(column: NumberProfile | CategoryProfile) -> dict[str, Any]:
    if isinstance(column, CategoryProfile):
        rest = sorted(column.rest.items())
        return {"rows": column.rows, "nulls": column.nulls, "counts": dict(column.counts), "rest": rest}
    value_counts = column.value_counts
    return {
        **{name: getattr(column, name) for name in SCALARS},
        "bins": len(column.bins),
        "widths": byte_widths(column),
        "values": None if value_counts is None else sorted(value_counts.counts.items()),
        "many": bool(value_counts and not value_counts.complete),
    }


def _arrays(column: NumberProfile) -> bytes:
    registers = column.value_counts.registers if column.value_counts else None
    return histogram_bytes(column) + (registers or b"")


def _category(stored: dict[str, Any]) -> CategoryProfile:
    return CategoryProfile(stored["rows"], stored["nulls"], stored["counts"], dict(stored["rest"]))


def _number(axis: Axis, stored: dict[str, Any], reader: ArrayReader) -> NumberProfile:
    bins, counts = reader.histogram(stored["bins"], stored["widths"])
    registers = reader.take(REGISTERS) if stored["many"] else None
    value_counts = None if stored["values"] is None else ValueCounts(dict(stored["values"]), registers)
    return NumberProfile(
        axis=axis, bins=bins, counts=counts, value_counts=value_counts, **{name: stored[name] for name in SCALARS}
    )
