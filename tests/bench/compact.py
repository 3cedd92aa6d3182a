"""The compact evaluator against onnxruntime and scikit-learn: a million ready rows of thirty columns, 200 trees.

All on one thread, in the same run; every score must have the same bits. Single rows are different rows, one call each.
`LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from rich.console import Console

from tasks.arrays import FloatArray
from tasks.inference import model_runner
from tasks.model import OnnxModel
from tasks.model.input_matrix import input_matrix
from tests.bench.figures import Figures, Time
from tests.bench.scoring import TREES, fitted_pair, graph_alone, rows_of
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized

ROWS = 1_000_000
CALLS = sized(20_000, 200)
TIMES = sized(3, 1)
COMPACT, ONNX, TRAINED = "compact, ready matrix", "onnxruntime, ready matrix", "scikit-learn, ready matrix"
ONE_COMPACT, ONE_ONNX = f"compact, {CALLS:,} single rows", f"onnxruntime, {CALLS:,} single rows"


def bench_compact(console: Console) -> Figures:
    from threadpoolctl import threadpool_limits

    rows = rows_measured(ROWS)
    pipeline, model = fitted_pair()
    assert isinstance(model, OnnxModel)
    assert model.compact_bytes is not None, "the evaluator is not built: see `leeway doctor`"
    ready = input_matrix(rows_of(rows, seed=1), model.schema)
    compact = model_runner(model.onnx_bytes, model.compact_bytes, "bench")
    graph, trees = graph_alone(model), pipeline.named_steps["trees"]
    single = [ready[place : place + 1] for place in range(min(CALLS, rows))]
    ways: dict[str, Callable[[], object]] = {
        COMPACT: partial(compact, ready),
        ONNX: partial(graph, ready),
        TRAINED: partial(trees.predict, ready),
        ONE_COMPACT: lambda: [compact(row) for row in single],
        ONE_ONNX: lambda: [graph(row) for row in single],
    }
    with threadpool_limits(1):
        expected = trees.predict(ready)
        times = {name: Time.median([Time.of(way) for _ in range(TIMES)]) for name, way in ways.items()}
    figures = Figures(f"{rows:,} rows x {ready.shape[1]}, {TREES} trees, one thread (median of {TIMES})")
    for name, time in times.items():
        figures.add(name, time, {COMPACT: ONNX, ONE_COMPACT: ONE_ONNX}.get(name))
    console.print(f"rows with other bits than scikit-learn's: {_differing(compact(ready), expected)} of {rows:,}")
    console.print(f"size: compact {len(model.compact_bytes) / 1e3:.0f} kB, ONNX {len(model.onnx_bytes) / 1e3:.0f} kB")
    for name, calls in ((COMPACT, rows), (ONNX, rows), (TRAINED, rows), (ONE_COMPACT, CALLS), (ONE_ONNX, CALLS)):
        console.print(f"{name}: {1e6 * (times[name].cpu_seconds or 0) / calls:.2f} CPU microseconds a row")
    return figures


def _differing(scores: FloatArray, expected: FloatArray) -> int:
    return int((np.ascontiguousarray(scores).view(np.int64).ravel() != expected.view(np.int64)).sum())
