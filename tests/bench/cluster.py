"""A large delivery summarised and answered for: on one machine, and on two Dask workers of the same machine.

Both have the same processors, so the ratio says what the cluster costs and how far it goes beyond one thread, not what
more machines bring. `LEEWAY_BENCH_ROWS=200000` makes it smaller for a quick look.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.lake import Batch, Lake, ParallelMap, RowFiles, partitions
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.scoring import CATEGORIES, NUMBERS, TREES, fitted_pair, rows_of
from tests.bench.sizes import SMALL, sized
from tests.bench.sizes import rows as rows_measured
from tests.clusters import cluster_of
from tests.deliveries import accepted_batch

ROWS = 4_000_000
WRITTEN_AT_ONCE = 200_000
FIRST = date(2026, 1, 1)
DAYS = 7
PIECES = sized(1_000, 10)
WORKERS = sized(2, 1)
ALONE, SHARED = "one machine, one thread", f"{WORKERS} Dask workers of one thread"
Peaks = dict[str, float]


@dataclass(frozen=True)
class Found:
    """What one way took, the most memory each process held, in megabytes, and what it wrote."""

    profile: Time
    score: Time
    nothing: Time
    peaks: Peaks
    written: tuple[pd.DataFrame, pd.DataFrame]


def bench_cluster(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with own_place() as place:
        batch = _delivered(place, rows)
        _, model = fitted_pair()
        reader = RowFiles.now(Lake(str(place / "alone")), "bench")
        parts = partitions(reader.parts(batch), rows)
        alone = _in_own_process(partial(_measured, place / "alone", batch, model, None))
        with cluster_of(WORKERS, place, quiet) as cluster:
            cluster.wait()
            shared = _in_own_process(partial(_measured, place / "shared", batch, model, cluster.address))
    for one, other in zip(alone.written, shared.written, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    figures = Figures(f"{rows:,} rows x {len(NUMBERS) + len(CATEGORIES)} in {len(parts)} parts, {TREES} trees")
    for name, ways in {"profiled": "profile", "scored": "score"}.items():
        figures.add(f"{name}: {ALONE}", getattr(alone, ways))
        figures.add(f"{name}: {SHARED}", getattr(shared, ways), f"{name}: {ALONE}")
    figures.add(f"{PIECES:,} pieces of nothing to do sent to the workers, CPU of the driver", shared.nothing)
    for name, found in {ALONE: alone, SHARED: shared}.items():
        console.print(f"peak memory, {name}: {', '.join(f'{who} {mb:,.0f} MB' for who, mb in found.peaks.items())}")
    console.print("profiles and predictions of both are equal to the last digit")
    return figures


def _delivered(place: Path, rows: int) -> Batch:
    """Write one delivery to a lake of its own for each way; return it."""
    until = FIRST + timedelta(days=DAYS - 1)
    batch = accepted_batch("b" * 64, FIRST, rows, key="large.parquet", size_bytes=rows, event_until=until)
    for name in ("alone", "shared"):
        lake = Lake(str(place / name))
        lake.append_if_absent("bench", "rows", partial(_pieces, batch), batch.write_key)
    return batch


def _pieces(batch: Batch) -> Iterator[pd.DataFrame]:
    for start in range(0, batch.rows_accepted, WRITTEN_AT_ONCE):
        made = rows_of(min(WRITTEN_AT_ONCE, batch.rows_accepted - start), seed=start)
        numbers = np.arange(start, start + len(made))
        yield made.assign(
            row_id=np.char.add("row-", numbers.astype(str)),
            batch_id=batch.batch_id,
            revision=1,
            event_date=[FIRST + timedelta(days=int(number) % DAYS) for number in numbers],
        )


def _in_own_process(work: Callable[[], Found]) -> Found:
    if SMALL:
        return work()
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work)


def _measured(root: Path, batch: Batch, model: Any, address: str | None) -> Found:
    from flows.steps.executor import executor
    from tasks.spec.project_spec import Compute

    compute = Compute() if address is None else Compute(backend="dask", address=address)
    lake = Lake(str(root))
    with executor(compute) as spread:
        list(spread(_warmed, [model] * 4))  # imports and connections are a cluster's start, not a night's work
        profile = _timed(partial(_profile, lake, batch, spread), address)
        score = _timed(partial(_score, lake, batch, model, spread), address)
        nothing = Time.of(lambda: list(spread(abs, range(PIECES))))
    peaks = {"driver": _peak_mb()} | {f"worker {n}": mb for n, mb in enumerate(_on_workers(address, _peak_mb))}
    return Found(profile, score, nothing, peaks, _written(lake))


def _timed(work: Callable[[], object], address: str | None) -> Time:
    """Return how long it took, and the processors' seconds of this process and all workers."""
    before = sum(_on_workers(address, process_time))
    here = Time.of(work)
    return Time(here.seconds, (here.cpu_seconds or 0.0) + sum(_on_workers(address, process_time)) - before)


def _on_workers(address: str | None, question: Callable[[], float]) -> list[float]:
    if address is None:
        return []
    from distributed import Client

    with Client(address) as client:
        return [float(answer) for answer in client.run(question).values()]


def _warmed(model: Any) -> float:
    from tasks.monitor.profiling import task as profiling
    from tasks.score import task as scoring

    assert profiling, scoring
    return float(model.predict(rows_of(2, seed=0))[0])


def _profile(lake: Lake, batch: Batch, spread: ParallelMap) -> None:
    from tasks.monitor.profiling.task import BatchSummaries, profile_batches
    from tasks.profiles import fit_ruler
    from tasks.spec.spec_sections.feature_sections import Features

    ruler = fit_ruler(rows_of(20_000, seed=0), numbers=NUMBERS, categories=CATEGORIES, booleans=[])
    features = Features(numbers=NUMBERS, categories=CATEGORIES)
    profile_batches([batch], BatchSummaries(lake, "bench", ruler, _as_they_are, features), spread=spread)


def _score(lake: Lake, batch: Batch, model: Any, spread: ParallelMap) -> None:
    from tasks.score.task import Scorer, score_batches

    scorer = Scorer(lake, "bench", model, 1, _as_they_are, batch.time, spread=spread)
    score_batches(scorer, [batch])


def _as_they_are(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _written(lake: Lake) -> tuple[pd.DataFrame, pd.DataFrame]:
    profiles = lake.read("bench", "profiles").sort_values("event_date", ignore_index=True)
    columns = ["row_id", "event_date", "prediction", "score"]
    return profiles, lake.read("bench", "predictions", columns=columns).sort_values("row_id", ignore_index=True)


def _peak_mb() -> float:
    """Return a process' largest resident memory; getrusage would count what its parent held before the start."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
