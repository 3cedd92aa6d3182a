"""Rows of a wide table: 22 numbers of the shapes that occur, and 8 categories."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

Draw = Callable[[np.random.Generator, int], np.ndarray]
DRIFTED = 0.1
CELLS = (2, 3, 5, 8, 12, 40, 200, 1000)

SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(500_000, 80, n),
    "small": lambda rng, n: rng.normal(0, 1e-6, n),
    "lognormal": lambda rng, n: rng.lognormal(3, 1, n),
    "exponential": lambda rng, n: rng.exponential(20, n),
    "uniform": lambda rng, n: rng.random(n),
    "two_peaks": lambda rng, n: rng.normal(0, 1, n) + 6 * (rng.random(n) < 0.3),
    "often_zero": lambda rng, n: np.where(rng.random(n) < 0.4, 0.0, rng.gamma(2, 30, n)),
    "price": lambda rng, n: np.round(rng.lognormal(2, 1, n), 2),
    "heavy": lambda rng, n: rng.standard_t(3, n),
    "count": lambda rng, n: rng.poisson(3, n).astype(np.float64),
    "year": lambda rng, n: rng.integers(1950, 2027, n),
}
NUMBERS = tuple(f"{shape}_{i}" for i in (1, 2) for shape in SHAPES)
CATEGORIES = tuple(f"category_{cells}" for cells in CELLS)


def wide_rows(rows: int, *, seed: int, moved: bool) -> pa.Table:
    """Return rows; of `moved` ones half of the columns have drifted: every tenth row holds the larger of two draws."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for at, name in enumerate(NUMBERS):
        draw = SHAPES[name.rsplit("_", 1)[0]]
        values = draw(rng, rows)
        if moved and at % 2:
            values = np.where(rng.random(rows) < DRIFTED, np.maximum(values, draw(rng, rows)), values)
        columns[name] = pa.array(values)
    for at, (name, cells) in enumerate(zip(CATEGORIES, CELLS, strict=True)):
        weights = 1 / np.arange(1, cells + 1) ** (1.2 if moved and at % 2 else 1.0)
        codes = rng.choice(cells, rows, p=weights / weights.sum()).astype(np.int32)
        held = pa.DictionaryArray.from_arrays(pa.array(codes), [f"value {i}" for i in range(cells)])
        columns[name] = held.cast(pa.string())
    return pa.table(columns)
