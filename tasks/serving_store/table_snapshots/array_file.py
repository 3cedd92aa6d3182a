r"""Arrays in one file, which is mapped into memory: all workers of a machine share it, and only what is read is loaded.

The file has the length of a header in 8 bytes, little-endian, the header in JSON, and the arrays; each begins at a
multiple of 64 bytes. The header has the type, the shape and the first byte of each array by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tasks.errors import EvidenceError

ALIGNED = 64
LENGTH_BYTES = 8
Layout = dict[str, tuple[str, tuple[int, ...], int]]


def array_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays as the content of a file; equal arrays give equal bytes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "a")
    ...     _ = path.write_bytes(array_bytes({"x": np.array([1.5, 2.5])}))
    ...     mapped_arrays(path)["x"].tolist()
    [1.5, 2.5]
    """
    layout: Layout = {}
    parts: list[bytes] = []
    size = 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        layout[name] = (array.dtype.str, array.shape, size)
        padded = -len(content) % ALIGNED
        parts += [content, bytes(padded)]
        size += len(content) + padded
    header = msgspec.json.encode(layout)
    header += b" " * (-(len(header) + LENGTH_BYTES) % ALIGNED)
    return b"".join([len(header).to_bytes(LENGTH_BYTES, "little"), header, *parts])


def mapped_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a file, mapped into memory to be read only.

    Raises
    ------
    EvidenceError
        When the file is none of `array_bytes`.
    """
    try:
        content = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        begin = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES].tobytes(), "little")
        layout = msgspec.json.decode(content[LENGTH_BYTES:begin].tobytes(), type=Layout)
        return {name: _array(content, begin + first, kind, shape) for name, (kind, shape, first) in layout.items()}
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise EvidenceError(
            f"{path.name} has no arrays ({error}); it is written again at the next publication."
        ) from error


def _array(content: npt.NDArray[np.uint8], first: int, kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    dtype = np.dtype(kind)
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    return content[first : first + size].view(dtype).reshape(shape)
