"""What a form of a model needs where it answers: kilobytes, memory, and microseconds for a row, measured here."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from time import perf_counter
from typing import Any, Literal, NamedTuple

from tasks.arrays import FloatArray
from tasks.bundle.compressed.smaller_forms import SmallerForm
from tasks.bundle.packed_model import packed_model
from tasks.bundle.runtimes.compact_walk import CompactModel
from tasks.compact import CompactEvaluator
from tasks.spec.project_spec import EdgeModels

REPEATS, MOST_ROWS = 3, 200
PER_KB = 1000.0
MICRO = 1e6


class FormCosts(NamedTuple):
    """What a form needs: its tables, what they take once they are loaded, and the fastest of some runs over rows."""

    kb: float
    ram_kb: float
    us: float

    def over(self, budgets: EdgeModels) -> list[str]:
        """Return which budgets it exceeds.

        >>> FormCosts(12.0, 20.0, 3.0).over(EdgeModels(max_kb=10, max_us=5))
        ['12 kB of 10']
        """
        limits = (budgets.max_kb, budgets.max_ram_kb, budgets.max_us)
        found = zip((self.kb, self.ram_kb, self.us), limits, ("kB", "kB of memory", "us"), strict=True)
        return [f"{cost:.4g} {unit} of {limit:g}" for cost, limit, unit in found if limit is not None and cost > limit]


def form_costs(form: SmallerForm, runtime: Literal["python", "compiled"], columns: FloatArray) -> FormCosts:
    """Return what a form costs.

    Parameters
    ----------
    runtime : {"python", "compiled"}
        Whether Python evaluates it, or compiled code does, of which tables are all that is loaded.
    columns : array, shape (n, columns)
        Rows to answer, one after the other.
    """
    packed = packed_model(form.content, form.leaf)
    rows, tables_kb = columns[:MOST_ROWS], len(packed.content) / PER_KB
    if runtime == "compiled":
        evaluator = CompactEvaluator(form.content, "a bundle")
        return FormCosts(tables_kb, tables_kb, _fastest(evaluator.run, [row[None] for row in rows]))
    tracemalloc.start()
    try:
        model = CompactModel(*packed)
        loaded, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return FormCosts(tables_kb, loaded / PER_KB, _fastest(model.sums, rows.tolist()))


def _fastest(run: Callable[[Any], object], rows: list[Any]) -> float:
    """Return the microseconds of a row."""
    seconds = []
    for _ in range(REPEATS):
        start = perf_counter()
        for row in rows:
            run(row)
        seconds.append(perf_counter() - start)
    return min(seconds) / max(len(rows), 1) * MICRO
