"""Row ids of a delivery in chunks: which were in an earlier row, at eight bytes of memory an id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.arrays import BoolArray

Hashes = npt.NDArray[np.uint64]
COLUMN = "row_id"


class SeenIds:
    """The ids of the chunks so far.

    A 64-bit hash of each id is in memory; the ids themselves are on disk, and are read only where a hash occurs again:
    two different ids with the same hash are not confused.

    Parameters
    ----------
    folder : Path
        An existing folder for the ids; the caller removes it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     seen = SeenIds(Path(folder))
    ...     first = seen.repeated(pd.Series(["a", "b", "a", None]))
    ...     second = seen.repeated(pd.Series(["c", "b", None]))
    >>> first.tolist(), second.tolist()
    ([False, False, True, False], [False, True, False])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sorted: Hashes = np.empty(0, dtype=np.uint64)
        self._chunks = 0

    def repeated(self, row_ids: pd.Series) -> BoolArray:
        """Return which ids of the next chunk an earlier row has, in it or in an earlier chunk; a missing id none."""
        present = row_ids.notna().to_numpy(bool)
        hashes = _hashes(row_ids)
        new = np.sort(hashes[present])
        repeated = np.zeros(len(row_ids), dtype=bool)
        if (new[1:] == new[:-1]).any():
            repeated = row_ids.duplicated().to_numpy(bool) & present
        if _contained(new, self._sorted).any():  # sorted values are looked up much faster than others
            candidates = np.flatnonzero(present & ~repeated)
            candidates = candidates[_contained(hashes[candidates], self._sorted)]
            earlier = self._earlier(hashes[candidates])
            repeated[candidates] = row_ids.iloc[candidates].isin(earlier).to_numpy(bool)
        self._write(row_ids[present], new)
        return repeated

    def _earlier(self, hashes: Hashes) -> pd.Series:
        """Return the earlier ids with one of some hashes."""
        wanted = np.sort(hashes)
        matches = []
        for chunk in range(self._chunks):
            with pa.ipc.open_file(self._file(chunk)) as reader:
                row_ids: pd.Series = reader.read_all().column(COLUMN).to_pandas()
            matches.append(row_ids[_contained(_hashes(row_ids), wanted)])
        return pd.concat(matches, ignore_index=True)

    def _write(self, row_ids: pd.Series, new: Hashes) -> None:
        table = pa.table({COLUMN: pa.array(row_ids, pa.large_string())})
        with pa.ipc.new_file(self._file(self._chunks), table.schema) as writer:
            writer.write_table(table)
        self._chunks += 1
        self._sorted = np.concatenate([self._sorted, new])
        self._sorted.sort(kind="stable")  # merges the two sorted runs in one pass

    def _file(self, chunk: int) -> str:
        return str(self._folder / f"ids-{chunk}.arrow")


def _hashes(row_ids: pd.Series) -> Hashes:
    return pd.util.hash_pandas_object(row_ids, index=False, categorize=False).to_numpy().astype(np.uint64)


def _contained(values: Hashes, ascending: Hashes) -> BoolArray:
    """Return which values are among sorted ones."""
    if not len(ascending):
        return np.zeros(len(values), dtype=bool)
    positions = np.searchsorted(ascending, values)
    return np.asarray(ascending[np.minimum(positions, len(ascending) - 1)] == values, dtype=bool)
