"""Counts what a night reads: tables of the lake, and requests to the MLflow server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import requests

from tasks.lake import Lake, RowPart, RowReader


@dataclass(frozen=True)
class Calls:
    """How often each table was read, and each kind of request was sent to MLflow."""

    tables: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)


@contextmanager
def counted_calls(mlflow_url: str) -> Iterator[Calls]:
    """Count while the block runs; every call is carried out as usual."""
    calls = Calls()
    read, pieces, whole, shared = Lake.read, Lake.pieces, RowReader._whole, RowReader._shared
    send = requests.Session.request

    def counted_read(self: Lake, project: str, table: str, **options: Any) -> pd.DataFrame:
        calls.tables[table] += 1
        return read(self, project, table, **options)

    def counted_pieces(self: Lake, project: str, table: str, **options: Any) -> Iterator[pd.DataFrame]:
        calls.tables[table] += 1
        return pieces(self, project, table, **options)

    def counted_whole(self: RowReader, part: RowPart) -> pd.DataFrame:
        calls.tables["rows"] += 1
        return whole(self, part)

    def counted_shared(self: RowReader, part: RowPart, which: int, shares: int) -> Iterator[pa.RecordBatch]:
        calls.tables["rows"] += 1
        return shared(self, part, which, shares)

    def counted_request(self: requests.Session, method: str, url: str, *args: Any, **options: Any) -> requests.Response:
        if url.startswith(mlflow_url):
            calls.requests[f"{method} {_kind(url.removeprefix(mlflow_url))}"] += 1
        return send(self, method, url, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lake, "read", counted_read)
        patch.setattr(Lake, "pieces", counted_pieces)
        patch.setattr(RowReader, "_whole", counted_whole)
        patch.setattr(RowReader, "_shared", counted_shared)
        patch.setattr(requests.Session, "request", counted_request)
        yield calls


def _kind(path: str) -> str:
    """Return the kind of a request: its path without ids and query.

    >>> _kind("/api/2.0/mlflow-artifacts/artifacts/1/cb84723bf14b471b91115323aa805df1/artifacts/report.html?x=1")
    'artifacts/report.html'
    >>> _kind("/api/2.0/mlflow/runs/search")
    'runs/search'
    """
    plain = path.partition("?")[0]
    return re.sub(r"^/api/2\.0/(mlflow-artifacts/artifacts/\d+/[0-9a-f]+/|mlflow/)", "", plain)
