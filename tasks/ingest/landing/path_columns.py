"""Columns that the path of a file has instead of the file: folders such as `zone=north`, of Hive and Spark."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa

from tasks.ingest.readers.bounds import Chunk

MISSING = "__HIVE_DEFAULT_PARTITION__"


def path_columns(key: str) -> dict[str, str | None]:
    """Return the columns of a path, and their values.

    >>> path_columns("zone=north/day=2026-03-01/part-0.parquet")
    {'zone': 'north', 'day': '2026-03-01'}
    >>> path_columns("2026/city=New%20York/at=__HIVE_DEFAULT_PARTITION__/rows.csv")
    {'city': 'New York', 'at': None}
    """
    named = [folder.partition("=") for folder in key.split("/")[:-1] if "=" in folder.strip("=")]
    return {unquote(name): None if value == MISSING else unquote(value) for name, _, value in named}


def with_path_columns(chunks: Iterable[Chunk], key: str, names: Collection[str]) -> Iterator[Chunk]:
    """Yield rows with columns of the path of their file; a column that the file has itself stays as it is.

    Parameters
    ----------
    names : collection of str
        The columns that are added; empty where the path lacks one.
    """
    values = path_columns(key)
    for chunk in chunks:
        there = chunk.columns if isinstance(chunk, pd.DataFrame) else chunk.column_names
        lacking = [name for name in names if name not in there]
        if isinstance(chunk, pd.DataFrame):
            yield chunk.assign(**{name: pd.array([values.get(name)] * len(chunk), dtype="str") for name in lacking})
        else:
            added = [pa.array([values.get(name)] * chunk.num_rows, pa.string()) for name in lacking]
            yield pa.table([*chunk.columns, *added], names=[*chunk.column_names, *lacking])


def shared_path_columns(keys: Sequence[str]) -> list[str]:
    """Return the columns that all paths have.

    >>> shared_path_columns(["zone=a/day=1/x.csv", "zone=b/x.csv"])
    ['zone']
    """
    first, *others = [path_columns(key) for key in keys] or [{}]
    return [name for name in first if all(name in each for each in others)]
