"""Rows of SQLite, DuckDB and Delta into the lake; the peak of memory is that of a process for each."""

from __future__ import annotations

import resource
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from rich.console import Console

from tasks import clock
from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.bench.figures import Figures, Time
from tests.bench.history import SPEC, written_project
from tests.bench.sizes import rows, sized

ROWS = rows(1_000_000)
NUMBERS = [f"n{number}" for number in range(6)]
FORMS = ("sqlite", "duckdb", "delta")


def bench_table_files(_console: Console) -> Figures:
    figures = Figures(f"{ROWS:,} x 10 rows of a table in files")
    with TemporaryDirectory(prefix="leeway-bench-") as place:
        folder = Path(place)
        _write(folder)
        of_each = sized(1, None)  # a small bench measures no peak, and starts one process
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=of_each) as process:
            for form in FORMS:
                for what, time, peak_mb in process.submit(_measured, form, folder).result():
                    figures.add(f"{form}, {what}: {peak_mb:,} MB at the peak", time)
    return figures


def _write(folder: Path) -> None:
    random = np.random.default_rng(1)
    columns: dict[str, Any] = {"id": np.arange(ROWS), "at": ["2026-05-01"] * ROWS}
    columns |= {name: random.normal(size=ROWS).round(4) for name in NUMBERS}
    columns |= {"zone": random.choice(["a", "b", "c"], ROWS), "changed": ["2026-05-01 00:00:00"] * ROWS}
    table = pa.table(columns)
    write_deltalake(str(folder / "rides"), table)
    with closing(sqlite3.connect(folder / "rides.sqlite")) as file:
        file.execute(f"CREATE TABLE rides ({', '.join(table.column_names)})")
        places = ", ".join("?" * table.num_columns)
        for batch in table.to_batches(100_000):
            cells = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            file.executemany(f"INSERT INTO rides VALUES ({places})", cells)  # noqa: S608 - only places
        file.commit()
    with closing(duckdb.connect(str(folder / "rides.duckdb"))) as file:
        file.register("given", table)
        file.execute("CREATE TABLE rides AS SELECT * REPLACE (changed::TIMESTAMP AS changed) FROM given")


def _measured(form: str, folder: Path) -> list[tuple[str, Time, int]]:
    own = folder / f"of-{form}" / "rides"
    own.mkdir(parents=True)
    is_delta = form == "delta"
    block = {"format": "delta"} if is_delta else {"database": {"table": "rides", "changed_at": "changed"}}
    uri = str(folder / "rides") if is_delta else f"{form}:///{folder}/rides.{form}"
    source = {"uri": uri, "id": ["id"], "event_time": "at", "label": {"column": "n5"}, **block}
    features = {"numbers": NUMBERS[:5], "categories": ["zone"]}
    written_project(own, {**SPEC, "project": "rides", "source": source, "features": features})
    lake, spec, found = Lake(str(own / "lake")), read_spec(own / "project.yaml"), list[tuple[str, Time, int]]()

    def night() -> None:
        day, moment = clock.now().date() + timedelta(days=1), clock.now()
        with TemporaryDirectory(prefix="leeway-bench-") as spool:
            landed = take_in(lake, spec, own, day, moment, Path(spool) / "landed")
            store(lake, spec, verdicts(landed, spec, own, Path(spool) / "checked"), day, moment)

    def add(what: str) -> None:
        time = Time.of(night)
        found.append((what, time, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))

    add("all rows taken in, checked and stored")
    add("a night without a changed row")
    if is_delta:
        DeltaTable(uri).update(updates={"n0": "1.0"}, predicate="id < 1000")
        add("1,000 rows changed")
        DeltaTable(uri).delete("id >= 1000 and id < 2000")
        add("1,000 rows deleted")
    return found
