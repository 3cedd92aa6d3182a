"""Reads profiles of PROTOCOL 1: numbers, booleans and categories; histograms in the order of the columns' names."""

from __future__ import annotations

import json
import struct

from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.formats.histogram_bytes import ArrayReader
from tasks.profiles.number_profile import NumberProfile
from tasks.profiles.ruler import Ruler
from tasks.profiles.table_profile import TableProfile

LENGTH = struct.Struct("<I")


def read_1(body: bytes) -> TableProfile:
    """Return the profile of a decompressed body."""
    (length,) = LENGTH.unpack_from(body)
    header = json.loads(body[LENGTH.size : LENGTH.size + length])
    numbers = {name: Axis(center, scale) for name, center, scale in header["numbers"]}
    ruler = Ruler(numbers, tuple(header["categories"]), tuple(header["booleans"]))
    reader = ArrayReader(body, LENGTH.size + length)
    columns = {}
    for name, axis in numbers.items():
        scalars = header["columns"][name]
        bins, counts = reader.histogram(scalars.pop("bins"), scalars.pop("widths"))
        columns[name] = NumberProfile(axis=axis, bins=bins, counts=counts, **scalars)
    reader.finish()
    others = {name: CategoryProfile(**header["columns"][name]) for name in (*ruler.booleans, *ruler.categories)}
    return TableProfile(ruler, header["rows"], {**columns, **others})
