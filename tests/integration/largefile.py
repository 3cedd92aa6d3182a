"""How much memory a delivery kept on disk takes: `python -m tests.integration.largefile FORMAT ROWS FOLDER` prints MB.

A process of its own, since what counts is its peak; and without the rooms' rims, which would take longer to import than
the rest takes to run.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tasks.ingest import Content, Spool, delivery
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec

AT_ONCE = 20_000
LINE = '{"id": "%012d", "sold": "2026-01-02", "rooms": 3, "price": %d}\n'


def spec_of(fmt: str) -> ProjectSpec:
    source = {"uri": "landing", "format": fmt, "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    named: dict[str, Any] = {"project": "houses", "scope": scope, "source": source}
    return ProjectSpec.model_validate(named | {"features": {"numbers": ["rooms"]}})


def write_large(path: Path, fmt: str, rows: int) -> None:
    """Write rows a piece at a time, so that it is not the writing that takes memory."""
    with path.open("wb") as file:
        if fmt == "jsonl":
            for start in range(0, rows, AT_ONCE):
                file.write("".join(LINE % (each, each) for each in range(start, start + AT_ONCE)).encode())
            return
        schema = table(0).schema
        writer = (pa.csv.CSVWriter if fmt == "csv" else pa.parquet.ParquetWriter)(file, schema)
        for start in range(0, rows, AT_ONCE):
            writer.write_table(table(start))
        writer.close()


def table(start: int) -> pa.Table:
    numbers = np.arange(start, start + AT_ONCE)
    ids = pa.array(np.char.mod("%012d", numbers))
    return pa.table({"id": ids, "sold": ["2026-01-02"] * AT_ONCE, "rooms": numbers % 7, "price": numbers})


def grown_mb(fmt: str, rows: int, folder: Path) -> int:
    path = folder / "file"
    write_large(path, fmt, rows)
    content = Content("file", path.stat().st_size, lambda: path.open("rb"))
    before = peak_mb()
    found = delivery(
        [content], "name", Landed("rows", "file", 1, date(2026, 1, 2)), spec_of(fmt), b"", Spool(folder / "rows")
    )
    if not isinstance(found, Delivery) or sum(len(frame) for frame in found.frames()) != rows:
        raise AssertionError(found)
    return peak_mb() - before


def peak_mb() -> int:
    """Return the most memory this process ever had; getrusage would count what its parent had before it was forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    print(grown_mb(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))  # noqa: T201 - what the caller reads
