"""Batch scoring of a million rows of thirty columns by 200 trees against scikit-learn's pipeline and bare onnxruntime.

All on one thread, in the same run. `LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from tasks.inference.model_runner import Run, model_runner
from tasks.model import ModelSchema, Predictor, export_model, load_model, model_files
from tasks.model.input_matrix import input_matrix
from tests.bench.figures import Figures, Time
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized

ROWS = 1_000_000
TRAINED_ON = sized(20_000, 1_000)
CHUNK = 50_000
TIMES = sized(3, 1)
TREES = sized(200, 10)
NUMBERS = [f"number_{place:02d}" for place in range(25)]
CATEGORIES = [f"category_{place}" for place in range(5)]
VALUES = [f"value {place:02d}" for place in range(50)]
LEEWAY, PIPELINE, BARE = "Leeway, frame to predictions", "pipeline.predict on pandas", "onnxruntime on a ready matrix"
FILES = "Leeway, Parquet to Parquet in chunks"


def bench_scoring(console: Console) -> Figures:
    from threadpoolctl import threadpool_limits

    rows = rows_measured(ROWS)
    with threadpool_limits(1):
        pipeline, model = fitted_pair()
        frame = rows_of(rows, seed=1)
        ready = input_matrix(frame, model.schema)
        figures = Figures(f"{rows:,} rows x {frame.shape[1]}, {TREES} trees, one thread (median of {TIMES})")
        ways: dict[str, Callable[[], object]] = {
            LEEWAY: partial(model.predict, frame),
            PIPELINE: partial(pipeline.predict, frame),
            BARE: partial(graph_alone(model), ready),
            "frame to matrix alone": partial(input_matrix, frame, model.schema),
        }
        times = {name: Time.median([Time.of(way) for _ in range(TIMES)]) for name, way in ways.items()}
    figures.add(LEEWAY, times[LEEWAY], BARE)
    figures.add(PIPELINE, times[PIPELINE], LEEWAY)
    figures.add(BARE, times[BARE])
    figures.add("frame to matrix alone", times["frame to matrix alone"], BARE)
    del frame, ready
    seconds, peak = _through_files(model, rows)
    _, quarter = _through_files(model, rows // 4)
    figures.add(FILES, seconds, BARE)
    console.print(f"rows a second: {rows / times[LEEWAY].seconds:,.0f}")
    console.print(f"peak memory of a process: {peak:,.0f} MB with {rows:,} rows, {quarter:,.0f} MB with a quarter")
    return figures


def graph_alone(model: Predictor) -> Run:
    """Return the model's graph, run by onnxruntime."""
    return model_runner(model.file[1], None, model.schema.project)


def rows_of(count: int, seed: int) -> pd.DataFrame:
    """Return 25 numbers and 5 text categories; one value in twenty is missing."""
    rng = np.random.default_rng(seed)
    made = {name: np.where(rng.random(count) < 0.05, np.nan, rng.normal(size=count)) for name in NUMBERS}
    texts = {name: pd.array(np.array([*VALUES, None])[rng.integers(0, 51, count)], dtype="str") for name in CATEGORIES}
    return pd.DataFrame({**made, **texts})


def fitted_pair() -> tuple[Any, Predictor]:
    """Return a fitted scikit-learn pipeline and its export."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    frame = rows_of(TRAINED_ON, seed=0)
    encoder = OrdinalEncoder(
        categories=[VALUES] * len(CATEGORIES),
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    parts = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("categories", encoder, CATEGORIES)])
    places = list(range(len(NUMBERS), len(NUMBERS) + len(CATEGORIES)))
    trees = HistGradientBoostingRegressor(max_iter=TREES, categorical_features=places, early_stopping=False)
    known = frame[NUMBERS].fillna(0).to_numpy()
    target = np.sin(known[:, 0]) + known[:, 1] * known[:, 2] + frame[CATEGORIES[0]].isin(VALUES[:9])
    pipeline = Pipeline([("encode", parts), ("trees", trees)]).fit(frame, target)
    schema = ModelSchema(
        project="bench",
        task="regression",
        metric="mean_absolute_error",
        event_time="day",
        numbers=tuple(NUMBERS),
        categories={name: tuple(VALUES) for name in CATEGORIES},
    )
    return pipeline, export_model(pipeline.named_steps["trees"], schema)


def _through_files(model: Predictor, rows: int) -> tuple[Time, float]:
    """Return how long a process of its own took from file to file, and the most memory it held, in megabytes."""
    with TemporaryDirectory(prefix="leeway-bench-") as folder:
        given = Path(folder) / "rows.parquet"
        with pq.ParquetWriter(given, pa.Table.from_pandas(rows_of(1, 0), preserve_index=False).schema) as writer:
            for start in range(0, rows, CHUNK):
                made = rows_of(min(CHUNK, rows - start), seed=start)
                writer.write_table(pa.Table.from_pandas(made, preserve_index=False))
        with get_context("spawn").Pool(1) as pool:
            return pool.apply(_scored_file, (model_files(model), given, Path(folder) / "answers.parquet"))


def _scored_file(files: dict[str, bytes], given: Path, written: Path) -> tuple[Time, float]:
    model = load_model(files)

    def frames() -> Iterator[pd.DataFrame]:
        for piece in pq.ParquetFile(given).iter_batches(CHUNK):
            yield piece.to_pandas()

    def whole() -> None:
        with pq.ParquetWriter(written, pa.schema([("prediction", pa.float64())])) as writer:
            for frame in frames():
                writer.write_table(pa.table({"prediction": model.predict(frame)}))

    time = Time.of(whole)
    return time, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
