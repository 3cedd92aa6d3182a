"""Texts of Parquet that are stored once and repeated, in a column or anywhere inside lists, records and maps.

Parquet stores them as a dictionary, and readers keep it: so a megabyte can be in a thousand rows. Their sizes are known
before any text is decoded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrays import IntArray

LISTS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Field, pa.DataType], pa.DataType]], ...] = (
    (pa.types.is_list, lambda field, _kind: pa.list_(field)),
    (pa.types.is_large_list, lambda field, _kind: pa.large_list(field)),
    (pa.types.is_fixed_size_list, lambda field, kind: pa.list_(field, kind.list_size)),
)
LIST_ARRAYS = (
    (pa.types.is_list, pa.ListArray),
    (pa.types.is_large_list, pa.LargeListArray),
    (pa.types.is_fixed_size_list, pa.FixedSizeListArray),
)


def text_bytes(array: pa.Array) -> IntArray:
    """Return how many bytes the repeated texts of each row have once they are decoded.

    Examples
    --------
    >>> texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, None]), pa.array(["a", "long"]))
    >>> text_bytes(texts).tolist(), text_bytes(pa.ListArray.from_arrays([0, 1, 4], texts)).tolist()
    ([1, 4, 4, 0], [1, 8])
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(array)
    if pa.types.is_struct(kind):
        return _summed([text_bytes(part) for part in array.flatten()], len(array))
    if pa.types.is_map(kind):
        parts = [text_bytes(array.keys), text_bytes(array.items)]
        return _between(_summed(parts, len(array.keys)), array.offsets)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _between(text_bytes(array.values), array.offsets)
    if pa.types.is_fixed_size_list(kind):
        values = text_bytes(array.values)[array.offset * kind.list_size :][: len(array) * kind.list_size]
        return np.asarray(values.reshape(len(array), kind.list_size).sum(axis=1), dtype=np.int64)
    return np.zeros(len(array), dtype=np.int64)


def decoded_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with its repeated texts decoded; of a slice, no more than its own rows are."""
    kind = plain_type(column.type)
    if kind == column.type:
        return column
    own = column.take(pa.array(np.arange(len(column)))) if column.type.num_fields else column
    return pa.chunked_array([_decoded(chunk) for chunk in own.chunks], kind)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return a type without dictionaries.

    >>> plain_type(pa.list_(pa.dictionary(pa.int32(), pa.string())))
    ListType(list<item: string>)
    """
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(plain_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        key, item = (field.with_type(plain_type(field.type)) for field in (kind.key_field, kind.item_field))
        return pa.map_(key, item, keys_sorted=kind.keys_sorted)
    for is_list, list_of in LISTS:
        if is_list(kind):
            return list_of(kind.value_field.with_type(plain_type(kind.value_type)), kind)
    return kind


def _decoded(array: pa.Array) -> pa.Array:
    """Return an array, which is no slice if it is nested, with its repeated texts decoded.

    Arrow cannot cast records that are all missing and require a text: their dictionary is empty, and each refers
    to its first text.
    """
    kind = plain_type(array.type)
    if kind == array.type:
        return array
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode() if len(array.dictionary) else pa.nulls(len(array), kind)
    missing = array.is_null()
    if pa.types.is_struct(kind):
        parts = [_decoded(array.field(number)) for number in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=missing)
    if pa.types.is_map(kind):
        return pa.MapArray.from_arrays(array.offsets, _decoded(array.keys), _decoded(array.items), kind, mask=missing)
    made = next(array_class for is_list, array_class in LIST_ARRAYS if is_list(kind))
    own = () if pa.types.is_fixed_size_list(kind) else (array.offsets,)
    return made.from_arrays(*own, _decoded(array.values), type=kind, mask=missing)


def _of_dictionary(array: pa.DictionaryArray) -> IntArray:
    values, kind = array.dictionary, array.type.value_type
    if pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind):
        lengths = np.full(len(values), kind.bit_width // 8)
    else:
        lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    places = pc.fill_null(array.indices.cast(pa.int64()), len(lengths)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(lengths, 0)[places], dtype=np.int64)


def _between(values: IntArray, offsets: pa.Array) -> IntArray:
    ends = np.append(0, values.cumsum())[offsets.to_numpy(zero_copy_only=False).astype(np.int64)]
    return np.asarray(np.diff(ends), dtype=np.int64)


def _summed(parts: list[IntArray], length: int) -> IntArray:
    return np.sum(parts, axis=0, dtype=np.int64) if parts else np.zeros(length, dtype=np.int64)
