"""A night's taking in against the size of history, and a large file on its way into the lake compared with the
floor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import yaml
from deltalake import write_deltalake
from rich.console import Console

from tasks.ingest.task import take_in
from tasks.lake import Lake, add_batches
from tasks.spec import ProjectSpec, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.bench.figures import Figures, Time
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.deliveries import accepted_batch

WARM, PAST = 1, sized((10, 100, 1_000), (2, 4))
ROWS_A_BATCH = 1_000
LARGE_ROWS = rows_measured(1_000_000)
NUMBERS = [f"n{number:02d}" for number in range(25)]
CATEGORIES = [f"c{number}" for number in range(5)]
FIRST, MOMENT = date(2023, 1, 2), datetime(2026, 1, 1, tzinfo=UTC)
SPEC = {
    "project": "history",
    "scope": {"owner": "bench", "objective": "x", "metric": "mean_absolute_error"},
    "source": {
        "uri": "rows", "id": ["id"], "event_time": "at", "arrival": "filename",
        "label": {"column": "y", "uri": "labels"},
    },
    "features": {"numbers": NUMBERS, "categories": CATEGORIES},
}  # fmt: skip


def bench_history(_console: Console) -> Figures:
    figures = Figures(f"taking in {ROWS_A_BATCH:,} rows after so many batches, and {LARGE_ROWS:,} x 30 into the lake")
    with TemporaryDirectory(prefix="leeway-bench-") as place:
        folder = Path(place) / "history"
        folder.mkdir()
        spec = _project(folder)
        _flatness(figures, folder, spec)
        _large(figures, folder, spec)
    return figures


def _project(folder: Path) -> ProjectSpec:
    for kind in ("rows", "labels"):
        (folder / kind).mkdir()
    written_project(folder, SPEC)
    return read_spec(folder / "project.yaml")


def written_project(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a spec, and a suite without expectations."""
    (folder / "project.yaml").write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    (folder / "expectations.json").write_text(json.dumps({"name": "x", "expectations": [], "meta": {}}), "utf-8")


def _flatness(figures: Figures, folder: Path, spec: ProjectSpec) -> None:
    first = None
    for past in (WARM, *PAST):
        lake = Lake(str(folder / f"lake-{past}"))
        _grow(lake, past)
        night = FIRST + timedelta(days=past + 1)
        path = folder / "rows" / f"{night}.csv"
        _rows(past + 1, night, ROWS_A_BATCH).to_csv(path, index=False)
        what = f"after {past:,} batches"
        time = Time.of(partial(_take_in, lake, spec, folder, night))
        path.unlink()
        if past != WARM:  # the first one pays for what is imported
            figures.add(what, time, first)
            first = first or what


def _grow(lake: Lake, past: int) -> None:
    rows, batches = {}, []
    for number in range(past):
        day = FIRST + timedelta(days=number)
        name = f"{number:064d}"
        frame = _rows(number, day, ROWS_A_BATCH).rename(columns={"id": "row_id"}).drop(columns="at")
        frame = frame.assign(batch_id=name, revision=1, event_date=day, at=pd.Timestamp(day))
        rows[f"{name}/1"] = frame
        batches.append(accepted_batch(name, day, ROWS_A_BATCH, key=f"{day}.csv", time=MOMENT))
        if len(rows) == PAST[1] or number == past - 1:
            lake.add_each("history", "rows", rows)
            rows = {}
    add_batches(lake, "history", batches)


def _take_in(lake: Lake, spec: ProjectSpec, folder: Path, night: date, spool: Path | None = None) -> None:
    landed = take_in(lake, spec, folder, night, MOMENT, spool / "landed" if spool else None)
    checked = verdicts(landed, spec, folder, spool / "checked" if spool else None)
    store(lake, spec, checked, night, MOMENT)


def _large(figures: Figures, folder: Path, spec: ProjectSpec) -> None:
    night = date(2026, 6, 1)
    frame = _rows(0, night, LARGE_ROWS)
    csv, parquet = folder / "rows" / f"{night}.csv", folder / "large.parquet"
    frame.to_csv(csv, index=False)
    read = Time.of(lambda: pa_csv.read_csv(csv))
    table = pa_csv.read_csv(csv)
    commit = Time.of(lambda: write_deltalake(str(folder / "floor"), table))
    floor = "pyarrow reads, Delta commits"
    figures.add(floor, Time(read.seconds + commit.seconds, (read.cpu_seconds or 0) + (commit.cpu_seconds or 0)))
    pandas = Time.of(lambda: pq.write_table(_as_table(csv), parquet))
    figures.add("pandas reads, writes Parquet", pandas, floor)
    lake = Lake(str(folder / "lake-large"))
    whole = Time.of(lambda: _take_in(lake, spec, folder, night, folder / "spool"))
    figures.add("taken in, checked and stored", whole, floor)


def _as_table(path: Path) -> object:
    import pyarrow as pa

    return pa.Table.from_pandas(pd.read_csv(path))


def _rows(seed: int, day: date, count: int) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    rows = pd.DataFrame(draws.normal(size=(count, len(NUMBERS))).round(4), columns=NUMBERS)
    for name in CATEGORIES:
        rows[name] = draws.choice(["a", "b", "c", "d"], count)
    return rows.assign(id=[f"{day:%Y%m%d}-{number:07d}" for number in range(count)], at=day.isoformat())
