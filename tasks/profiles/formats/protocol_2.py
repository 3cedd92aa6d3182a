"""Writes and reads profiles of PROTOCOL 2 and 3: times, texts, pinned values, distinct counts, buckets of categories.

3 has dates and their ages beside that, and is otherwise 2; a profile without dates is a 2 to the last byte.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.distinct_count import REGISTERS
from tasks.profiles.formats.histogram_bytes import Reader, histogram_bytes, widths_of
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


def written(profile: TableProfile) -> bytes:
    """Return a profile as bytes, not yet compressed."""
    header = {
        "ruler": ruler_header(profile.ruler),
        "rows": profile.rows,
        "columns": {name: _scalars(column) for name, column in profile.columns.items()},
        "times": {name: _scalars(column) for name, column in profile.times.items()},
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    arrays = [_arrays(column) for _, column in _numbers(profile)]
    return b"".join([LENGTH.pack(len(text)), text, *arrays, *(profile.texts[name] for name in sorted(profile.texts))])


def ruler_header(ruler: Ruler) -> dict[str, Any]:
    """Return a ruler as JSON holds it."""
    axes = {"numbers": ruler.numbers, "times": ruler.times, "texts": ruler.texts}
    if ruler.dates:
        axes |= {"dates": ruler.dates, "ages": ruler.ages}
    return {
        **{kind: [[name, *_axis(axis)] for name, axis in sorted(named.items())] for kind, named in axes.items()},
        "booleans": list(ruler.booleans),
        "categories": list(ruler.categories),
    }


def read_2(body: bytes) -> TableProfile:
    """Return the profile that a decompressed body holds."""
    (length,) = LENGTH.unpack_from(body)
    header = json.loads(body[LENGTH.size : LENGTH.size + length])
    ruler = _ruler(header["ruler"])
    reader, kept = Reader(body, LENGTH.size + length), header["columns"]
    numbers = {name: _number(axis, kept[name], reader) for name, axis in ruler.numbers.items()}
    lengths = {name: _number(axis, kept[name], reader) for name, axis in ruler.lengths.items()}
    ages = {name: _number(axis, kept[name], reader) for name, axis in ruler.ages.items()}
    instants = sorted([*ruler.times.items(), *ruler.dates.items()], key=lambda item: item[0])
    times = {name: _number(axis, header["times"][name], reader) for name, axis in instants}
    texts = {name: reader.taken(REGISTERS) for name in ruler.texts}
    reader.ended()
    categories = {name: _category(kept[name]) for name in (*ruler.booleans, *ruler.categories, *ruler.cycles)}
    return TableProfile(ruler, header["rows"], {**numbers, **categories, **lengths, **ages}, times, texts)


def _axis(axis: Axis) -> list[Any]:
    return [float(axis.center), float(axis.scale), list(axis.pins)]


def _ruler(header: Mapping[str, Any]) -> Ruler:
    axes = {
        kind: {name: Axis(center, scale, tuple(pins)) for name, center, scale, pins in header.get(kind, ())}
        for kind in ("numbers", "times", "texts", "dates", "ages")
    }
    return Ruler(**axes, categories=tuple(header["categories"]), booleans=tuple(header["booleans"]))


def _numbers(profile: TableProfile) -> Iterator[tuple[str, NumberProfile]]:
    """Yield the number columns in the order their arrays are written in."""
    for name in (*sorted(profile.ruler.numbers), *sorted(profile.ruler.lengths), *sorted(profile.ruler.ages)):
        column = profile.columns[name]
        if isinstance(column, NumberProfile):
            yield name, column
    yield from ((name, profile.times[name]) for name in sorted(profile.times))


def _scalars(column: NumberProfile | CategoryProfile) -> dict[str, Any]:
    if isinstance(column, CategoryProfile):
        rest = sorted(column.rest.items())
        return {"rows": column.rows, "nulls": column.nulls, "counts": dict(column.counts), "rest": rest}
    held = column.held
    return {
        **{name: getattr(column, name) for name in SCALARS},
        "bins": len(column.bins),
        "widths": widths_of(column),
        "values": None if held is None else sorted(held.counts.items()),
        "many": bool(held and not held.complete),
    }


def _arrays(column: NumberProfile) -> bytes:
    registers = column.held.registers if column.held else None
    return histogram_bytes(column) + (registers or b"")


def _category(kept: dict[str, Any]) -> CategoryProfile:
    return CategoryProfile(kept["rows"], kept["nulls"], kept["counts"], dict(kept["rest"]))


def _number(axis: Axis, kept: dict[str, Any], reader: Reader) -> NumberProfile:
    bins, counts = reader.histogram(kept["bins"], kept["widths"])
    registers = reader.taken(REGISTERS) if kept["many"] else None
    held = None if kept["values"] is None else ValueCounts(dict(kept["values"]), registers)
    return NumberProfile(axis=axis, bins=bins, counts=counts, held=held, **{name: kept[name] for name in SCALARS})
