"""Reading a delivery of a million rows: ours, held or in pieces on disk against pandas, and with Arrow's own reader.

`python -m tests.bench.ingest FORMAT FILE` reads one in pieces and prints by how many MB the process grew at its peak.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console

from tasks.ingest import Content, Spool, delivery
from tasks.records import Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.integration.largefile import peak_mb

ROWS = 1_000_000
TIMES_MORE = sized(5, 1)
AT_ONCE = 100_000
NUMBERS = [f"n{number}" for number in range(20)]
KINDS = [f"k{number}" for number in range(6)]
REPEATS = sized(3, 1)


def bench_ingest(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    figures = Figures(f"reading {rows:,} rows of 30 columns (median of {REPEATS})")
    with own_place() as where:
        for fmt in ("csv", "parquet"):
            file = where / f"rows.{fmt}"
            write(file, fmt, rows)
            console.print(f"{fmt}: {rows:,} rows are {file.stat().st_size / 1e6:,.0f} MB")
            _add_times(figures, fmt, file, rows)
            _say_memory(console, fmt, where, rows)
    return figures


def _add_times(figures: Figures, fmt: str, file: Path, rows: int) -> None:
    copy = file.with_suffix(".copy")
    reads: dict[str, Callable[[], object]] = {
        "Arrow's own reader": partial(_arrow, fmt, file),
        "pandas, and to_parquet": partial(_pandas, fmt, file, copy),
        "Leeway, held": partial(read, fmt, file, None),
        "Leeway, in pieces on disk and read back": partial(_in_pieces, fmt, file),
    }
    rounds = [{what: Time.of(work) for what, work in reads.items()} for _ in range(REPEATS)]  # by turns: others run too
    times = {what: Time.median([each[what] for each in rounds]) for what in reads}
    lines = {what: f"{fmt}: {what}, {rows / time.seconds:,.0f} rows/s" for what, time in times.items()}
    floor, peer, *_ = lines.values()
    for what, time in times.items():
        figures.add(lines[what], time, None if lines[what] == floor else floor)
        if what.startswith("Leeway"):
            figures.add(f"{fmt}: the same", time, peer)
    copy.unlink(missing_ok=True)


def _say_memory(console: Console, fmt: str, where: Path, rows: int) -> None:
    grown = []
    for count in dict.fromkeys((rows, TIMES_MORE * rows)):
        file = where / f"many.{fmt}"
        write(file, fmt, count)
        command = [sys.executable, "-m", "tests.bench.ingest", fmt, str(file)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        grown.append(f"{int(done.stdout):,} MB at {count:,} rows")
        file.unlink()
    console.print(f"{fmt} in pieces: the process grew by {' and '.join(grown)}")


def read(fmt: str, file: Path, spool: Path | None) -> Delivery:
    content = Content(file.name, file.stat().st_size, lambda: file.open("rb"))
    kept = None if spool is None else Spool(spool)
    found = delivery([content], "name", Landed("rows", file.name, 1, date(2026, 1, 2)), spec_of(fmt), b"", kept)
    if not isinstance(found, Delivery):
        raise TypeError(f"the bench's own file cannot be read: {found}")
    return found


def _in_pieces(fmt: str, file: Path) -> int:
    import shutil

    spool = file.with_suffix(".spool")
    try:
        return sum(len(frame) for frame in read(fmt, file, spool).frames())
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def _pandas(fmt: str, file: Path, copy: Path) -> None:
    (pd.read_csv(file) if fmt == "csv" else pd.read_parquet(file)).to_parquet(copy)


def _arrow(fmt: str, file: Path) -> pa.Table:
    return pa.csv.read_csv(file) if fmt == "csv" else pa.parquet.read_table(file)


def write(file: Path, fmt: str, rows: int) -> None:
    """Write a delivery a piece at a time."""
    random = np.random.default_rng(0)
    with file.open("wb") as out:
        schema = _table(random, 0, 1).schema
        writer = (pa.csv.CSVWriter if fmt == "csv" else pa.parquet.ParquetWriter)(out, schema)
        for start in range(0, rows, AT_ONCE):
            writer.write_table(_table(random, start, min(AT_ONCE, rows - start)))
        writer.close()


def _table(random: np.random.Generator, start: int, rows: int) -> pa.Table:
    columns: dict[str, Any] = {"id": np.arange(start, start + rows), "sold": ["2026-01-02T03:04:05"] * rows}
    columns |= {name: np.round(random.normal(size=rows), 4) for name in NUMBERS}
    columns |= {name: random.choice(["alpha", "beta", "gamma"], rows) for name in KINDS}
    return pa.table(columns | {"paid": random.random(rows) < 0.5, "price": np.round(random.gamma(2, size=rows), 2)})


def spec_of(fmt: str) -> ProjectSpec:
    source = {"uri": "landing", "format": fmt, "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    features = {"numbers": NUMBERS, "categories": KINDS, "booleans": ["paid"]}
    return ProjectSpec.model_validate({"project": "bench", "scope": scope, "source": source, "features": features})


def grown_mb(fmt: str, file: Path) -> int:
    before = peak_mb()
    _in_pieces(fmt, file)
    return peak_mb() - before


if __name__ == "__main__":
    print(grown_mb(sys.argv[1], Path(sys.argv[2])))
