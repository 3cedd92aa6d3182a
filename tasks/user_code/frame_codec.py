"""A frame as JSON and Arrow: what is read is exactly what was written, and to read it no code of the sender is run.

Pickle would be shorter, but what is unpickled can run any code. Sparse columns arrive as dense ones, an index without
its frequency, and Python objects of other kinds than those in `cell_codec` as their texts.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from tasks.user_code.cell_codec import as_json, from_json
from tasks.user_code.column_codec import Arrays, Json, labels, values_of, written
from tasks.user_code.confined.framing import EncodedFrame


def encoded(frame: pd.DataFrame) -> EncodedFrame:
    """Return a frame as it is sent."""
    arrays: Arrays = []
    layout = {
        "rows": len(frame),
        "index": _written_index(frame.index, arrays),
        "names": _written_index(frame.columns, arrays),
        "columns": [written(frame.iloc[:, place].array, arrays) for place in range(frame.shape[1])],
    }
    return EncodedFrame(layout, _stream(arrays))


def decoded(sent: EncodedFrame) -> pd.DataFrame:
    """Return the frame that was sent.

    Raises
    ------
    Exception
        Of any kind, when it is not what `encoded` returns.

    Examples
    --------
    >>> frame = pd.DataFrame({"area": [50.0, None], "sold": pd.to_datetime(["2026-01-02", None])}, index=[7, 9])
    >>> decoded(encoded(frame)).equals(frame)
    True
    """
    layout, arrays = sent.layout, _arrays(sent.content)
    names, index = _index(layout["names"], arrays), _index(layout["index"], arrays)
    columns = [values_of(part, arrays) for part in layout["columns"]]
    if len(names) != len(columns) or any(len(values) != layout["rows"] for values in (index, *columns)):
        raise ValueError("found columns of different lengths; expected one value for each row")
    series = {place: pd.Series(each, index, dtype=each.dtype, copy=False) for place, each in enumerate(columns)}
    return pd.DataFrame(series, index=index, copy=False).set_axis(names, axis=1)


def _written_index(index: pd.Index, arrays: Arrays) -> Json:
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "name": as_json(index.name)}
    if isinstance(index, pd.MultiIndex):
        levels = [written(index.get_level_values(place).array, arrays) for place in range(index.nlevels)]
        return {"levels": levels, "names": [as_json(name) for name in index.names]}
    return {"values": written(index.array, arrays), "name": as_json(index.name)}


def _index(part: Json, arrays: Arrays) -> pd.Index:
    if "range" in part:
        return pd.RangeIndex(range(*part["range"]), name=from_json(part["name"]))
    if "levels" in part:
        levels = [values_of(level, arrays) for level in part["levels"]]
        return pd.MultiIndex.from_arrays(levels, names=[from_json(name) for name in part["names"]])
    return labels(part["values"], arrays, from_json(part["name"]))


def _stream(arrays: Arrays) -> memoryview:
    """Return arrays as an Arrow stream; each is one list, because they differ in length."""
    lists = [pa.LargeListArray.from_arrays(pa.array([0, len(array)], pa.int64()), array) for array in arrays]
    batch = pa.RecordBatch.from_arrays(lists, names=[str(place) for place in range(len(lists))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _arrays(content: bytes | bytearray | memoryview) -> Arrays:
    with pa.ipc.open_stream(pa.py_buffer(content)) as reader:
        batch = reader.read_next_batch()
    batch.validate(full=True)  # else offsets may point outside of the buffers
    return [column.flatten() for column in batch.columns]
