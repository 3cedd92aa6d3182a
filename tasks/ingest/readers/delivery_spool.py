"""Large deliveries on disk: read once, made private, and written in chunks that are cheap to read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.ingest.readers.bounds import Bounds, Chunk, row_bytes, size_bytes
from tasks.ingest.readers.chunks import with_columns
from tasks.ingest.readers.columnar.parquet import frame_of_table

CHUNK_ROWS = 200_000
ARROW = ".arrow"


@dataclass(frozen=True, slots=True)
class Spooled:
    """The rows of a delivery in the files of a folder; implements `tasks.records.Chunks`."""

    files: tuple[Path, ...]
    columns: tuple[str, ...]
    row_count: int
    bounds: Bounds

    def __call__(self) -> Iterator[pd.DataFrame]:
        """Yield the rows, in order: a file at a time, or less where there are many columns, or long names of them."""
        rows = max(1, 2 * self.bounds.chunk_bytes // max(1, row_bytes(self.columns)))
        for path in self.files:
            frame = _read(path)
            for start in range(0, len(frame), rows):
                yield with_columns(frame.iloc[start : start + rows].reset_index(drop=True), self.columns)

    def no_rows(self) -> pd.DataFrame:
        """Return a frame with the columns and no row."""
        return next(self(), pd.DataFrame(columns=list(self.columns), dtype="str")).iloc[:0]


def spool_chunks(chunks: Iterable[Chunk], folder: Path, bounds: Bounds) -> Spooled:
    """Write chunks to a new folder, at most 200,000 rows or `bounds.chunk_bytes` a file.

    Parameters
    ----------
    chunks : iterable of Chunk
        The chunks, already private.
    folder : Path
        The folder, made here; the caller removes it.
    """
    folder.mkdir(parents=True)
    files: list[Path] = []
    names: dict[str, None] = {}
    rows = 0
    for chunk in _filled(chunks, bounds):
        names |= dict.fromkeys(_names(chunk))
        if len(chunk):
            rows += len(chunk)
            files.append(_write(chunk, folder / f"{len(files):06}"))
    return Spooled(tuple(files), tuple(names), rows, bounds)


def _filled(chunks: Iterable[Chunk], bounds: Bounds) -> Iterator[Chunk]:
    """Yield the chunks concatenated, as long as they fit into one file."""
    parts: list[Chunk] = []
    rows = held_bytes = 0
    for chunk in chunks:
        for part in _cut(chunk, bounds):
            part_bytes = size_bytes(part)
            full = rows + len(part) > CHUNK_ROWS or held_bytes + part_bytes > bounds.chunk_bytes
            if parts and (full or not _same_schema(parts[-1], part)):
                yield _concatenated(parts)
                parts, rows, held_bytes = [], 0, 0
            parts.append(part)
            rows += len(part)
            held_bytes += part_bytes
    if parts:
        yield _concatenated(parts)


def _cut(chunk: Chunk, bounds: Bounds) -> Iterator[Chunk]:
    """Yield a chunk in slices of about the rows and bytes of a file."""
    if not isinstance(chunk, pa.Table):
        yield chunk
        return
    rows = max(1, min(CHUNK_ROWS, len(chunk) * bounds.chunk_bytes // max(1, size_bytes(chunk))))
    for start in range(0, max(len(chunk), 1), rows):
        yield chunk.slice(start, rows)


def _same_schema(one: Chunk, other: Chunk) -> bool:
    if isinstance(one, pa.Table) and isinstance(other, pa.Table):
        return bool(one.schema.equals(other.schema))
    return list(_names(one)) == list(_names(other))


def _concatenated(parts: list[Chunk]) -> Chunk:
    if isinstance(parts[0], pa.Table):
        return pa.concat_tables(parts).combine_chunks()
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _names(chunk: Chunk) -> list[str]:
    return list(chunk.column_names) if isinstance(chunk, pa.Table) else [str(name) for name in chunk.columns]


def _write(chunk: Chunk, stem: Path) -> Path:
    """Write one file: in Arrow format, or for JSON lines, where a column has several types, as JSON by columns."""
    if isinstance(chunk, pa.Table):
        path = stem.with_suffix(ARROW)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, chunk.schema) as writer:
            writer.write_table(chunk)
        return path
    path = stem.with_suffix(".json")
    columns = {str(name): chunk[name].astype(object).where(chunk[name].notna(), None).tolist() for name in chunk}
    kinds = {str(name): str(kind) for name, kind in chunk.dtypes.items()}
    path.write_text(json.dumps({"columns": columns, "kinds": kinds}), encoding="utf-8")
    return path


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ARROW:
        with pa.memory_map(str(path)) as file:
            return frame_of_table(pa.ipc.open_file(file).read_all())
    content = json.loads(path.read_text(encoding="utf-8"))
    kinds = content["kinds"]
    return pd.DataFrame({name: pd.Series(values, dtype=kinds[name]) for name, values in content["columns"].items()})
