"""Replaying a year of nights of a project with fifty columns from its lake: what `leeway replay` does for monitoring.

Compared with its floor: reading the same year's profiles from the lake and decoding them. Training the first model is
no part of monitoring and has a line of its own; retraining is left out ("never").
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml
from rich.console import Console

from flows.backtest.engine import run_backtest
from flows.backtest.history import history_in
from flows.backtest.strategy import BacktestResult, Strategy
from flows.backtest.trainer import BacktestTrainer
from tasks.dataset.feature_assembly import assembled_features
from tasks.lake import Batch, Lake, accepted, add_batches
from tasks.monitor.profiling.task import BatchSummaries, profile_batches
from tasks.profiles import fit_ruler, from_bytes
from tasks.spec import ProjectSpec, read_spec
from tests.bench.figures import Figures, Time
from tests.bench.quiet_year import CATEGORIES, NUMBERS, START, World
from tests.bench.sizes import sized
from tests.deliveries import accepted_batch

PROJECT = "replayed"
NIGHTS = int(os.environ.get("LEEWAY_BENCH_NIGHTS", sized(365, 3)))
BEFORE_DAYS, ROWS_A_NIGHT = 84, sized(200, 20)
MOMENT = datetime(2027, 6, 1, tzinfo=UTC)
NAMES = [f"x{number}" for number in range(NUMBERS)]
CELLS = [f"c{number}" for number in range(CATEGORIES)]
SPEC = {
    "project": PROJECT,
    "scope": {"owner": "bench", "objective": "x", "metric": "mean_absolute_error"},
    "source": {
        "uri": "rows", "id": ["id"], "event_time": "at", "arrival": "filename",
        "label": {"column": "y", "uri": "labels", "delay_days": 7},
    },
    "features": {"numbers": NAMES, "categories": CELLS},
    "training": {"time_treatments": ["all_history"], "estimators": [{"use": "linear"}]},
    "split": {"holdout_days": 28, "folds": 1, "fold_days": 14},
    "gate": {"max_latency_ms": 1000},
}  # fmt: skip


def bench_replaying(_console: Console) -> Figures:
    figures = Figures(f"replaying {NIGHTS} nights of {ROWS_A_NIGHT} x {len(NAMES) + len(CELLS)} from the lake")
    with TemporaryDirectory(prefix="leeway-bench-") as place:
        folder = Path(place) / PROJECT
        folder.mkdir()
        spec, lake = _project(folder), Lake(str(folder / "lake"))
        _grow(lake, spec)
        floor = "reading and decoding the profiles"
        figures.add(floor, Time.of(partial(_decoded, lake)))
        stories: list[BacktestResult] = []
        loading = Time.of(lambda: _workshop(lake, spec, folder))
        bench = _workshop(lake, spec, folder)
        begin = START + timedelta(days=BEFORE_DAYS)
        never = Strategy("never", spec, "never")
        training = Time.of(lambda: run_backtest(never, bench, begin, nights=[]))
        monitoring = Time.of(lambda: stories.append(run_backtest(never, bench, begin)))
        whole = Time(loading.seconds + monitoring.seconds, (loading.cpu_seconds or 0) + (monitoring.cpu_seconds or 0))
        figures.add("loading the history", loading, floor)
        figures.add(f"monitoring {len(stories[0].decisions)} nights", monitoring, floor)
        figures.add("both: a replay without retraining", whole, floor)
        figures.add("the first model", training)
    return figures


def _project(folder: Path) -> ProjectSpec:
    for kind in ("rows", "labels"):
        (folder / kind).mkdir()
    (folder / "project.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    (folder / "expectations.json").write_text(json.dumps({"name": "x", "expectations": [], "meta": {}}), "utf-8")
    return read_spec(folder / "project.yaml")


def _grow(lake: Lake, spec: ProjectSpec) -> None:
    """Let a lake be as nights leave it: rows, labels a week later, and the profiles of what was taken in."""
    world, batches = World(0, ROWS_A_NIGHT), []
    rows: dict[str, pd.DataFrame] = {}
    labels: dict[str, pd.DataFrame] = {}
    for number in range(BEFORE_DAYS + NIGHTS + 1):
        day = START + timedelta(days=number)
        frame = _night(world, number, day)
        label = frame[["row_id", "y"]].rename(columns={"y": "label"}).astype({"label": float})
        labelled_on = day + timedelta(days=7)
        rows[f"r{number:063d}/1"] = frame.drop(columns="y").assign(batch_id=f"r{number:063d}", revision=1)
        labels[f"l{number:063d}/1"] = label.assign(batch_id=f"l{number:063d}", revision=1, arrival=labelled_on)
        batches += [_batch(f"r{number:063d}", "rows", day, day), _batch(f"l{number:063d}", "labels", day, labelled_on)]
    lake.add_each(PROJECT, "rows", rows)
    lake.add_each(PROJECT, "labels", labels)
    add_batches(lake, PROJECT, batches)
    known = pd.concat([rows[key] for key in list(rows)[:BEFORE_DAYS]])
    ruler = fit_ruler(known, numbers=spec.features.numbers, categories=spec.features.categories, booleans=[])
    taken_in = accepted(lake, PROJECT)
    features = partial(_features, spec=spec, lake=lake)
    profile_batches(taken_in, BatchSummaries(lake, PROJECT, ruler, features, spec.features))


def _night(world: World, number: int, day: date) -> pd.DataFrame:
    frame = world.night(number)
    noise = world.rng.normal(size=len(frame))
    ids = [f"{day:%Y%m%d}-{place:05d}" for place in range(len(frame))]
    return frame.assign(y=frame["x1"] + frame["x4"] / 5 + noise, row_id=ids, event_date=day, at=pd.Timestamp(day))


def _batch(name: str, kind: str, day: date, arrival: date) -> Batch:
    arrived = {"arrival": arrival, "night": arrival, "key": f"{kind}/{arrival}.csv"}
    return accepted_batch(name, day, ROWS_A_NIGHT, kind=kind, time=MOMENT, **arrived)


def _features(rows: pd.DataFrame, spec: ProjectSpec, lake: Lake) -> pd.DataFrame:
    return assembled_features(rows, spec, lake, Path())


def _decoded(lake: Lake) -> int:
    return sum(from_bytes(each).rows for each in lake.read(PROJECT, "profiles")["profile"])


def _workshop(lake: Lake, spec: ProjectSpec, folder: Path) -> BacktestTrainer:
    history = history_in(lake, spec)
    return BacktestTrainer(replace(history, rows=assembled_features(history.rows, spec, lake, folder)), folder)
