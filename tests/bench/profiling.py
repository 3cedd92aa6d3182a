"""Profile and drift of a wide Parquet file against a stored reference: processor seconds, memory, distance from exact.

Everything is measured in processes of its own, on one thread, compared with reading the same file and with SciPy's
Kolmogorov-Smirnov and chi-square tests of the same rows. `LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from tasks.drift import build_reference, compare_window, measure_window
from tasks.profiles import Ruler, TableProfile, fit_ruler, from_bytes, to_bytes
from tasks.profiles.table_profile import TableCounter
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.profile_distances import jensen_shannon, kolmogorov_smirnov, psi, wasserstein
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.bench.wide import CATEGORIES, NUMBERS, wide_rows

ROWS = 1_000_000
BATCH_ROWS = 1 << 16
TIMES = sized(5, 1)
BUFFER_BYTES = 1 << 16
FITTED_ROWS = 100_000
READ, STREAM, OURS, PEER = (
    "reading it, categories as dictionaries",
    "reading it in batches",
    "reading, profile and drift",
    "reading, SciPy K-S and chi-square",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took; `errors` are the largest differences from exact, where they were asked for."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    errors: dict[str, float]


def bench_profiling(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    with own_place() as place:
        _write(place, rows)
        runs = [{what: _child(place, what) for what in (READ, STREAM, OURS)} for _ in range(TIMES)]
        taken = {what: min((run[what] for run in runs), key=lambda one: one.cpu_seconds) for what in runs[0]}
        taken[PEER] = _child(place, PEER)
        figures = Figures(f"profile and drift of {rows:,} x {len(NUMBERS) + len(CATEGORIES)} from Parquet")
        for what, found in taken.items():
            figures.add(what, Time(found.seconds, found.cpu_seconds), None if what == READ else READ)
        _write_new(place, 4 * rows)
        console.print(_processes({**taken, f"{OURS}, {4 * rows:,} rows": _child(place, OURS)}), "")
    console.print(_errors(taken[PEER].errors), "")
    return figures


def _processes(taken: dict[str, Measured]) -> Table:
    table = Table(title="processor seconds and peak memory of each process", title_justify="left", show_edge=False)
    for heading in ("", "CPU seconds", "x reading", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for what, found in taken.items():
        ratio = found.cpu_seconds / taken[READ].cpu_seconds
        table.add_row(what, f"{found.cpu_seconds:.3f}", f"{ratio:.2f}", f"{found.peak_mb:.0f}")
    return table


def _errors(errors: dict[str, float]) -> Table:
    table = Table(title="largest difference from exact over all columns", title_justify="left", show_edge=False)
    for heading in ("", "difference"):
        table.add_column(heading, justify="right" if heading else "left")
    for distance, error in errors.items():
        table.add_row(distance, f"{error:.6f}")
    return table


def _write(place: Path, rows: int) -> None:
    """Write a reference, stored as its profile, and the new rows."""
    _parquet(place / "reference.parquet", rows, seed=0, moved=False)
    first = next(pq.ParquetFile(place / "reference.parquet").iter_batches(min(rows, FITTED_ROWS)))
    ruler = fit_ruler(pa.Table.from_batches([first]), numbers=NUMBERS, categories=CATEGORIES, booleans=[])
    (place / "reference.profile").write_bytes(to_bytes(_profiled(place / "reference.parquet", ruler)))
    _write_new(place, rows)


def _write_new(place: Path, rows: int) -> None:
    _parquet(place / "new.parquet", rows, seed=1, moved=True)


def _parquet(path: Path, rows: int, *, seed: int, moved: bool) -> None:
    writer: pq.ParquetWriter | None = None
    for number, start in enumerate(range(0, rows, ROWS)):
        table = wide_rows(min(ROWS, rows - start), seed=seed + 100 * number, moved=moved)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _child(place: Path, what: str) -> Measured:
    """Return what one run took, in a process of its own and on one thread."""
    command = [sys.executable, "-m", "tests.bench.profiling", str(place), what]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet)
    return Measured(**json.loads(done.stdout))


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path, read_dictionary=list(CATEGORIES), pre_buffer=False, buffer_size=BUFFER_BYTES)
    yield from file.iter_batches(BATCH_ROWS, use_threads=False)


def _profiled(path: Path, ruler: Ruler) -> TableProfile:
    counter = TableCounter(ruler)
    for batch in _batches(path):
        counter.add(batch)
    return counter.profile()


def _read(place: Path) -> None:
    pq.read_table(place / "new.parquet", read_dictionary=list(CATEGORIES), use_threads=False)


def _streamed(place: Path) -> None:
    for _ in _batches(place / "new.parquet"):
        pass


def _drift(place: Path) -> object:
    reference = build_reference([("2026-01-05", from_bytes((place / "reference.profile").read_bytes()))])
    new = _profiled(place / "new.parquet", reference.total.ruler)
    return compare_window(reference, measure_window(reference, new), effect=0.1, alpha=1e-4)


def _peer(place: Path) -> None:
    from scipy.stats import chi2_contingency, ks_2samp

    before, new = (_frame(place / f"{name}.parquet") for name in ("reference", "new"))
    for name in NUMBERS:
        ks_2samp(before[name].to_numpy(), new[name].to_numpy(), method="asymp")
    for name in CATEGORIES:
        counted = [
            {str(each["values"]): each["counts"].as_py() for each in t[name].value_counts()} for t in (before, new)
        ]
        cells = sorted({*counted[0], *counted[1]})
        chi2_contingency([[side.get(cell, 0) for cell in cells] for side in counted])


def _frame(path: Path) -> pa.Table:
    return pq.read_table(path, read_dictionary=list(CATEGORIES), use_threads=False)


def _differences(place: Path) -> dict[str, float]:
    """Return how far distances of the profiles of number columns are from those of the rows themselves."""
    from scipy.stats import ks_2samp, wasserstein_distance

    before, new = (_frame(place / f"{name}.parquet") for name in ("reference", "new"))
    reference = from_bytes((place / "reference.profile").read_bytes())
    profiles, scales = _profiled(place / "new.parquet", reference.ruler), reference.ruler.numbers
    distances = (kolmogorov_smirnov, wasserstein, psi, jensen_shannon)
    worst = {"kolmogorov_smirnov": 0.0, "wasserstein": 0.0, "psi": 0.0, "jensen_shannon": 0.0}
    for name in NUMBERS:
        x, y = (np.sort(t[name].to_numpy().astype(np.float64)) for t in (before, new))
        cells = _deciles(x, y)
        exact = {
            "kolmogorov_smirnov": float(ks_2samp(x, y, method="asymp").statistic),
            "wasserstein": float(wasserstein_distance(x, y)) / scales[name].scale,
            "psi": _exact_psi(*cells),
            "jensen_shannon": _exact_jensen_shannon(*cells),
        }
        columns = reference.columns[name], profiles.columns[name]
        ours = {distance.__name__: distance(*columns) for distance in distances}
        worst = {kind: max(error, abs(exact[kind] - ours[kind])) for kind, error in worst.items()}
    return worst


Shares = np.ndarray[tuple[int], np.dtype[np.float64]]


def _deciles(x: Shares, y: Shares) -> tuple[Shares, Shares]:
    """Return the shares of sorted values between the exact deciles of the first; the outer groups are open."""
    inner = x[np.ceil(len(x) * np.arange(1, 10) / 10).astype(int) - 1]
    below = [np.nextafter(x[0], -np.inf)] if inner[0] == x[0] else []
    uppers = np.unique([*below, *inner])
    cells = [np.diff(np.searchsorted(side, uppers, side="right"), prepend=0, append=len(side)) for side in (x, y)]
    met = (cells[0] + cells[1]) > 0
    smoothed = [np.maximum(side[met], 0.5) for side in cells]
    return smoothed[0] / smoothed[0].sum(), smoothed[1] / smoothed[1].sum()


def _exact_psi(p: Shares, q: Shares) -> float:
    return float(np.sum((q - p) * np.log(q / p)))


def _exact_jensen_shannon(p: Shares, q: Shares) -> float:
    middle = (p + q) / 2
    return float(np.sqrt(np.sum(p * np.log2(p / middle) + q * np.log2(q / middle)) / 2))


WORK: dict[str, Callable[[Path], object]] = {READ: _read, STREAM: _streamed, OURS: _drift, PEER: _peer}


def _peak_mb() -> float:
    """Return this process' largest resident memory; getrusage would count what its parent held before the start."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(place: Path, what: str) -> None:
    pa.set_cpu_count(1)
    began, cpu_began = perf_counter(), process_time()
    WORK[what](place)
    seconds, cpu_seconds, peak = perf_counter() - began, process_time() - cpu_began, _peak_mb()
    print(json.dumps(asdict(Measured(seconds, cpu_seconds, peak, _differences(place) if what == PEER else {}))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
