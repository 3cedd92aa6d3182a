"""Large deliveries: read once, made private, and kept on disk in pieces that are cheap to read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.ingest.readers.chunks import Piece, with_columns
from tasks.ingest.readers.parquet import frame_of_table

PIECE_ROWS = 200_000
PIECE_BYTES = 64 * 2**20
ARROW = ".arrow"


@dataclass(frozen=True, slots=True)
class Spooled:
    """The rows of a delivery in the files of a folder; see `tasks.records.Chunks`."""

    files: tuple[Path, ...]
    columns: tuple[str, ...]
    row_count: int

    def __call__(self) -> Iterator[pd.DataFrame]:
        """Yield the rows, in order, a file at a time."""
        for path in self.files:
            yield with_columns(_read(path), self.columns)

    def no_rows(self) -> pd.DataFrame:
        """Return a frame with the columns and none of the rows."""
        return next(self(), pd.DataFrame(columns=list(self.columns), dtype="str")).iloc[:0]


def spooled(found: Iterable[Piece], folder: Path) -> Spooled:
    """Write pieces to a folder of their own, at most 200,000 rows or about 64 MB a file.

    Parameters
    ----------
    found : iterable of pieces
        Private already: this is the first write.
    folder : Path
        Made here; whoever gave it removes it.
    """
    folder.mkdir(parents=True)
    files: list[Path] = []
    names: dict[str, None] = {}
    rows = 0
    for piece in _filled(found):
        names |= dict.fromkeys(_names(piece))
        if len(piece):
            rows += len(piece)
            files.append(_written(piece, folder / f"{len(files):06}"))
    return Spooled(tuple(files), tuple(names), rows)


def _filled(found: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces put together until they are worth a file."""
    held: list[Piece] = []
    rows = size_bytes = 0
    for piece in found:
        for part in _cut(piece):
            full = rows + len(part) > PIECE_ROWS or size_bytes > PIECE_BYTES
            if held and (full or not _alike(held[-1], part)):
                yield _together(held)
                held, rows, size_bytes = [], 0, 0
            held.append(part)
            rows += len(part)
            size_bytes += _size_bytes(part)
    if held:
        yield _together(held)


def _cut(piece: Piece) -> Iterator[Piece]:
    for start in range(0, max(len(piece), 1), PIECE_ROWS):
        if isinstance(piece, pa.Table):
            yield piece.slice(start, PIECE_ROWS)
        else:
            yield piece.iloc[start : start + PIECE_ROWS]


def _alike(one: Piece, other: Piece) -> bool:
    if isinstance(one, pa.Table) and isinstance(other, pa.Table):
        return bool(one.schema.equals(other.schema))
    return list(_names(one)) == list(_names(other))


def _together(held: list[Piece]) -> Piece:
    if isinstance(held[0], pa.Table):
        return pa.concat_tables(held).combine_chunks()
    return held[0] if len(held) == 1 else pd.concat(held, ignore_index=True)


def _names(piece: Piece) -> list[str]:
    return list(piece.column_names) if isinstance(piece, pa.Table) else [str(name) for name in piece.columns]


def _size_bytes(piece: Piece) -> int:
    if isinstance(piece, pa.Table):
        return int(piece.nbytes)
    return int(piece.memory_usage(deep=True).sum())


def _written(piece: Piece, stem: Path) -> Path:
    """Write one file: Arrow's own format, or for json lines, whose columns mix types, JSON by columns."""
    if isinstance(piece, pa.Table):
        path = stem.with_suffix(ARROW)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, piece.schema) as writer:
            writer.write_table(piece)
        return path
    path = stem.with_suffix(".json")
    columns = {str(name): piece[name].astype(object).where(piece[name].notna(), None).tolist() for name in piece}
    kinds = {str(name): str(kind) for name, kind in piece.dtypes.items()}  # pseudonyms are text, the rest is anything
    path.write_text(json.dumps({"columns": columns, "kinds": kinds}), encoding="utf-8")
    return path


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ARROW:
        with pa.memory_map(str(path)) as file:
            return frame_of_table(pa.ipc.open_file(file).read_all())
    kept = json.loads(path.read_text(encoding="utf-8"))
    kinds = kept["kinds"]
    return pd.DataFrame({name: pd.Series(values, dtype=kinds[name]) for name, values in kept["columns"].items()})
