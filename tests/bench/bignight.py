"""A night of a million rows of thirty columns, from the landing place to its decision against the compute of the model.

The rooms are those of `flows.nightly.run_night`, in its order, without Prefect and MLflow; each format has a process
and a lake of its own. `LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml
from rich.console import Console

from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.rooms import plain_rooms
from tests.bench.scoring import CATEGORIES, NUMBERS, TREES, VALUES, fitted_pair, graph_alone, rows_of
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.integration.largefile import peak_mb

if TYPE_CHECKING:
    from flows.loaded_version import Champion
    from flows.steps.decide_night import NightOutcome
    from flows.workspace import Workspace
    from tasks.records import Entry

ROWS = 1_000_000
AT_ONCE = 50_000
NAME = "bignight"
NIGHT = date(2026, 6, 1)
TRAINED_DAYS, TRAINED_A_DAY = 28, sized(1_000, 50)
PART = 10  # scikit-learn is three times slower: a tenth of the rows is enough
BARE, PIPELINE = "onnxruntime on a ready matrix", f"pipeline.predict, {PART} x a tenth of the rows"
ROOMS = ("ingest", "validate", "store", "suspect", "profile", "score", "monitor", "decide")
UNTIMED = {"suspect"}  # rooms without a timer in a flow
SPEC = {
    "project": NAME,
    "scope": {"owner": "bench", "objective": "x", "metric": "mean_absolute_error"},
    "source": {
        "uri": "rows", "id": ["id"], "event_time": "at", "arrival": "filename",
        "label": {"column": "y", "uri": "labels"},
    },
    "features": {"numbers": NUMBERS, "categories": CATEGORIES},
    "scoring": {"threads": 1},
}  # fmt: skip


@dataclass(frozen=True)
class Night:
    """What a night took: as a whole, by room, in memory at its peak, and its result."""

    whole: Time
    rooms: dict[str, Time]
    peak_mb: int
    action: str


@dataclass
class Clocked:
    """Seconds by room, added up."""

    rooms: dict[str, Time] = field(default_factory=dict)

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        """Add what the block takes to a room's seconds."""
        began, cpu_began = perf_counter(), process_time()
        yield
        before = self.rooms.get(name, Time(0.0, 0.0))
        used = (before.cpu_seconds or 0) + process_time() - cpu_began
        self.rooms[name] = Time(before.seconds + perf_counter() - began, used)


def bench_bignight(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    figures = Figures(f"a night of {rows:,} rows x {len(NUMBERS) + len(CATEGORIES)}, {TREES} trees, one thread each")
    with own_place() as where, get_context("spawn").Pool(1, maxtasksperchild=sized(1, None)) as pool:
        bare, pipeline = pool.apply(_model_alone, (rows,))
        figures.add(BARE, bare)
        figures.add(PIPELINE, pipeline, BARE)
        for fmt in sized(("csv", "parquet"), ("csv",)):
            folder = where / fmt / NAME
            write_project(folder, fmt, rows)
            night: Night = pool.apply(_night, (folder,))
            whole = f"{fmt}: the whole night"
            figures.add(whole, night.whole, BARE)
            for name in ROOMS:
                figures.add(f"  {fmt}: {name}", night.rooms.get(name, Time(0.0, 0.0)), BARE)
            figures.add(f"  {fmt}: all else", _rest(night), BARE)
            ratio = night.whole.seconds / pipeline.seconds
            console.print(
                f"{fmt}: {night.action}; {night.peak_mb:,} MB at its peak; {ratio:.1f} x {PIPELINE}; CPU seconds "
                f"{(night.whole.cpu_seconds or 0) / (bare.cpu_seconds or 1):.2f} x {BARE}"
            )
    return figures


def _rest(night: Night) -> Time:
    shown = [each for name, each in night.rooms.items() if name in ROOMS]
    seconds = night.whole.seconds - sum(each.seconds for each in shown)
    used = (night.whole.cpu_seconds or 0) - sum(each.cpu_seconds or 0 for each in shown)
    return Time(max(seconds, 0.0), max(used, 0.0))


def write_project(folder: Path, fmt: str, rows: int) -> None:
    """Write a project with one delivery, a piece at a time."""
    for kind in ("rows", "labels"):
        (folder / kind).mkdir(parents=True)
    spec = {**SPEC, "source": {**SPEC["source"], "format": fmt}}  # type: ignore[dict-item]  # a dict, as above
    (folder / "project.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    between = [_expected("between", column=name, min_value=-9, max_value=9) for name in NUMBERS]
    known = [_expected("in_set", column=name, value_set=VALUES) for name in CATEGORIES]
    suite = {"name": NAME, "expectations": [*between, *known], "meta": {}}
    (folder / "expectations.json").write_text(json.dumps(suite), encoding="utf-8")
    with (folder / "rows" / f"{NIGHT}.{fmt}").open("wb") as file:
        schema = _table(0, 1).schema
        writer = (pa.csv.CSVWriter if fmt == "csv" else pa.parquet.ParquetWriter)(file, schema)
        for start in range(0, rows, AT_ONCE):
            writer.write_table(_table(start, min(AT_ONCE, rows - start)))
        writer.close()


def _expected(rule: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_column_values_to_be_{rule}", "kwargs": kwargs, "severity": "critical"}


def _table(start: int, count: int) -> pa.Table:
    rows = rows_of(count, seed=1 + start).round(4)
    seconds = np.arange(start, start + count) % 86_400
    rows["at"] = (pd.Timestamp(NIGHT) + pd.to_timedelta(seconds, unit="s")).strftime("%Y-%m-%dT%H:%M:%S")
    rows["id"] = [f"{NIGHT:%Y%m%d}-{number:08d}" for number in range(start, start + count)]
    return pa.Table.from_pandas(rows, preserve_index=False)


def _model_alone(rows: int) -> tuple[Time, Time]:
    """Return how long the model's own session, and a part of the fitted pipeline's predict, take."""
    from threadpoolctl import threadpool_limits

    from tasks.model.input_matrix import input_matrix

    with threadpool_limits(1):
        pipeline, model = fitted_pair()
        frame = pd.concat([rows_of(min(AT_ONCE, rows - start), 1 + start) for start in range(0, rows, AT_ONCE)])
        ready = input_matrix(frame, model.schema)
        bare = Time.of(partial(graph_alone(model), ready))
        part = Time.of(partial(pipeline.predict, frame.iloc[: rows // PART]))
    return bare, Time(PART * part.seconds, PART * (part.cpu_seconds or 0))


def _night(folder: Path) -> Night:
    """Run one night in this process."""
    from threadpoolctl import threadpool_limits

    from flows.nightly import run_night

    with threadpool_limits(1):
        workspace = _house(folder)
        run: list[NightOutcome] = []
        with _clocked_rooms() as clocked:
            whole = Time.of(lambda: run.append(run_night(workspace, NIGHT, "bench")))
    return Night(whole, clocked.rooms, peak_mb(), f"{run[0].summary['action']}: {run[0].summary['reason']}")


@contextmanager
def _clocked_rooms() -> Iterator[Clocked]:
    """Run each room as a plain function, and clock what the flows time, while the block runs."""
    from tasks.metrics_export.task import timed

    clocked = Clocked()

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return clocked.room(name)(function) if name in UNTIMED else function

    with ExitStack() as patches:
        patches.enter_context(plain_rooms(wrap))
        patches.enter_context(patch("prefect.events.emit_event"))
        for module in [each for name, each in sys.modules.items() if name.startswith("flows.")]:
            if getattr(module, "timed", None) is timed:
                patches.enter_context(patch.object(module, "timed", clocked.room))
        yield clocked


def _house(folder: Path) -> Workspace:
    """Return a workspace with a champion trained on the days before, and a registry that answers without a server."""
    from flows.workspace import Workspace
    from tasks.lake import Lake
    from tasks.registry import Registry
    from tasks.spec import read_spec
    from tasks.validate import read_suite

    champion = _champion()

    class Ready(Workspace):
        def champion(self, entries: Sequence[Entry] | None = None) -> Champion:  # noqa: ARG002 - there is one
            return champion

    registry = MagicMock(spec=Registry, url="http://localhost")
    registry.aliases.return_value = {}
    registry.model_link.return_value = registry.url
    spec = read_spec(folder / "project.yaml")
    read_suite(folder / "expectations.json", spec)  # a process that stays has loaded Great Expectations long ago
    return Ready(spec, folder, folder.parent, Lake(str(folder.parent / "lake")), registry)


def _champion() -> Champion:
    from flows.loaded_version import Champion
    from tasks.drift import build_reference
    from tasks.model import load_model, model_files
    from tasks.monitor import Promise
    from tasks.profiles import fit_ruler, profile

    _, model = fitted_pair()
    days = [NIGHT - timedelta(days=back) for back in range(TRAINED_DAYS, 0, -1)]
    rows = [rows_of(TRAINED_A_DAY, seed=2_000_000 + number).round(4) for number in range(TRAINED_DAYS)]
    ruler = fit_ruler(pd.concat(rows), numbers=NUMBERS, categories=CATEGORIES, booleans=[])
    return Champion(
        number=1,
        model=load_model(model_files(model), 1),
        reference=build_reference(
            [(day.isoformat(), profile(part, ruler)) for day, part in zip(days, rows, strict=True)]
        ),
        promise=Promise("mean_absolute_error", 1.0, 0.0, 1_000),
        trained_from=days[0],
        trained_until=days[-1],
        importances=_equal(NUMBERS),
        recipe="trees",
    )


def _equal(names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    return tuple((name, 1 / len(names)) for name in names)
