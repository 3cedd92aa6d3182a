"""Row ids of a delivery that comes in pieces: which came before, at eight bytes an id."""

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
    """The ids of the pieces so far.

    In memory is a 64-bit hash of each id; the ids themselves lie in a folder, and are looked at only where a hash comes
    again: two ids that share a hash by accident are not taken for one.

    Parameters
    ----------
    folder : Path
        A folder of its own that exists; whoever made it removes it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     seen = SeenIds(Path(place))
    ...     first = seen.again(pd.Series(["a", "b", "a", None]))
    ...     second = seen.again(pd.Series(["c", "b", None]))
    >>> first.tolist(), second.tolist()
    ([False, False, True, False], [False, True, False])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sorted: Hashes = np.empty(0, dtype=np.uint64)
        self._pieces = 0

    def again(self, names: pd.Series) -> BoolArray:
        """Return which ids of the next piece came before, in it or in an earlier one; missing ids never did."""
        known = names.notna().to_numpy(bool)
        hashes = _hashes(names)
        fresh = np.sort(hashes[known])
        found = np.zeros(len(names), dtype=bool)
        if (fresh[1:] == fresh[:-1]).any():
            found = names.duplicated().to_numpy(bool) & known
        if _within(fresh, self._sorted).any():  # sorted values are looked up much faster than others
            suspects = np.flatnonzero(known & ~found)
            suspects = suspects[_within(hashes[suspects], self._sorted)]
            found[suspects] = names.iloc[suspects].isin(self._earlier(hashes[suspects])).to_numpy(bool)
        self._keep(names[known], fresh)
        return found

    def _earlier(self, wanted: Hashes) -> pd.Series:
        """Return the earlier ids that have one of some hashes."""
        wanted = np.sort(wanted)
        some = []
        for piece in range(self._pieces):
            with pa.ipc.open_file(self._file(piece)) as kept:
                names: pd.Series = kept.read_all().column(COLUMN).to_pandas()
            some.append(names[_within(_hashes(names), wanted)])
        return pd.concat(some, ignore_index=True)

    def _keep(self, names: pd.Series, fresh: Hashes) -> None:
        table = pa.table({COLUMN: pa.array(names, pa.large_string())})
        with pa.ipc.new_file(self._file(self._pieces), table.schema) as writer:
            writer.write_table(table)
        self._pieces += 1
        self._sorted = np.concatenate([self._sorted, fresh])
        self._sorted.sort(kind="stable")  # two sorted runs, which it merges in one pass

    def _file(self, piece: int) -> str:
        return str(self._folder / f"ids-{piece}.arrow")


def _hashes(names: pd.Series) -> Hashes:
    return pd.util.hash_pandas_object(names, index=False, categorize=False).to_numpy().astype(np.uint64)


def _within(values: Hashes, among: Hashes) -> BoolArray:
    """Return which values are among sorted ones."""
    if not len(among):
        return np.zeros(len(values), dtype=bool)
    places = np.searchsorted(among, values)
    return np.asarray(among[np.minimum(places, len(among) - 1)] == values, dtype=bool)
