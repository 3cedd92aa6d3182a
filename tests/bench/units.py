"""What one more row, value, commit, file, key, task and artifact costs: the unit costs that infra/README.md adds up."""

from __future__ import annotations

import os
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.lake import Lake
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.sizes import sized

if TYPE_CHECKING:
    from flows.stack.local_stack import Endpoints

ROWS, COLUMNS = sized(1_000_000, 2_000), 12
COMMITS = sized(300, 3)
KEYS = sized(10_000, 10)
TASKS = sized(100, 3)
METRICS = 100
ARTIFACT_BYTES = 1_000_000
TIMES = sized(5, 1)
SMALL = "one row appended to a table of one file"
DAY = date(2026, 1, 2)


def bench_units(console: Console) -> Figures:
    from flows.stack.local_stack import open_stack

    figures = Figures("unit costs (one process, a local disk; CPU seconds are this process')")
    with own_place() as where:
        _lake(Lake(str(where / "lake")), figures)
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
        with open_stack(where / "home", say=console.print) as addresses:
            _prefect(figures)
            _mlflow(addresses, where, figures)
    return figures


def _lake(lake: Lake, figures: Figures) -> None:
    wide = _rows(ROWS)
    figures.add(f"{ROWS:,} rows x {COLUMNS} numbers to Parquet, no lake", Time.of(partial(_parquet, wide, lake)))
    bulk = f"the same appended to the lake, {ROWS * COLUMNS:,} values"
    figures.add(bulk, Time.of(partial(lake.append_if_absent, "bulk", "rows", wide, "bulk")), figures.lines[0].what)
    figures.add("the same read back", Time.of(partial(lake.read, "bulk", "rows")), bulk)
    figures.add(f"the same profiled, {ROWS * COLUMNS:,} values", _profiled(wide), bulk)
    one = _rows(1)
    lake.append_if_absent("small", "rows", one, "first")
    figures.add(SMALL, _appended(lake, "small", one, "few"))
    for number in range(COMMITS):
        lake.append_if_absent("nights", "rows", one, f"night {number}")
    figures.add(f"the same to one of {COMMITS} commits and files", _appended(lake, "nights", one, "more"), SMALL)
    figures.add(
        f"opening a table of {COMMITS} files again", _median(partial(Lake(lake.root).version, "nights", "rows"))
    )
    lake.append_if_absent("keys", "rows", one, "first", *(f"batch {number}" for number in range(KEYS)))
    figures.add(f"the same to a table that remembers {KEYS:,} keys", _appended(lake, "keys", one, "more"), SMALL)


def _rows(count: int) -> pd.DataFrame:
    numbers = np.random.default_rng(1).normal(size=(count, COLUMNS))
    named = pd.DataFrame(numbers, columns=[f"x{number}" for number in range(COLUMNS)])
    fixed = {"row_id": np.arange(count).astype(str), "batch_id": "b", "revision": 1, "event_date": DAY}
    return pd.concat([pd.DataFrame(fixed, index=named.index), named], axis=1)


def _parquet(rows: pd.DataFrame, lake: Lake) -> None:
    folder = Path(lake.root)
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "plain.parquet")


def _profiled(rows: pd.DataFrame) -> Time:
    from tasks.profiles import fit_ruler, profile

    names = [f"x{number}" for number in range(COLUMNS)]
    values = rows[names]
    ruler = fit_ruler(values.head(10_000), numbers=names, categories=[], booleans=[])
    return Time.of(partial(profile, values, ruler))


def _appended(lake: Lake, project: str, one: pd.DataFrame, name: str) -> Time:
    return Time.median(
        [Time.of(partial(lake.append_if_absent, project, "rows", one, f"{name} {number}")) for number in range(TIMES)]
    )


def _median(work: Any) -> Time:
    return Time.median([Time.of(work) for _ in range(TIMES)])


def _prefect(figures: Figures) -> None:
    from prefect import flow, task

    @task
    def nothing(number: int) -> int:
        return number

    @flow
    def of(count: int) -> int:
        return sum(nothing.map(range(count)).result())

    of(1)
    figures.add("a Prefect flow of one task", _median(partial(of, 1)))
    figures.add(f"a Prefect flow of {TASKS} mapped tasks", Time.of(partial(of, TASKS)), "a Prefect flow of one task")


def _mlflow(addresses: Endpoints, where: Path, figures: Figures) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(addresses.mlflow, addresses.mlflow)
    run = client.create_run(client.create_experiment("units")).info.run_id
    metrics = [Metric(f"m{number}", 1.0, 0, 0) for number in range(METRICS)]
    figures.add(f"{METRICS} metrics to MLflow in one call", _median(partial(client.log_batch, run, metrics)))
    (where / "artifact").write_bytes(b"x" * ARTIFACT_BYTES)
    sent = f"{ARTIFACT_BYTES:,} bytes to MLflow's artifacts"
    figures.add(sent, _median(partial(client.log_artifact, run, str(where / "artifact"))))
