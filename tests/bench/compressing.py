"""Smaller forms of 200 trees on the house prices: their size, what they lose on the newest sales, and their bounds.

The trees learn the sales until the end of February 2015, and are compared on those since, by the rule of `--fit`.
Bounds are compared with what is found on a million rows (`LEEWAY_BENCH_ROWS`): sales with numbers moved or missing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.serving.bundles.fitted_form import JudgedForm, ModelAndRows, best_form, judged_forms
from tasks.arrays import FloatArray
from tasks.compact import CompactEvaluator
from tasks.model import OnnxModel
from tasks.spec import read_spec
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.houses import HOUSES, house_model, weeks

TREES = sized(200, 16)
ROWS = 1_000_000
LEARNED_UNTIL, NIGHT = date(2015, 2, 28), date(2015, 7, 1)
GOAL = 0.2


class FormsTable:
    """The forms as a table."""

    def __init__(self, judged: list[JudgedForm], found: list[float]) -> None:
        self._judged, self._found = judged, found

    def table(self) -> Table:
        shown = Table(title=f"forms of {TREES} trees of the house prices")
        for name in ("form", "kB", "us in C", "loss", "at most", "changed", "bound", "found", "used"):
            shown.add_column(name)
        for each, far in zip(self._judged, self._found, strict=True):
            judged, costs, bound = each.judged, each.costs, each.form.bound
            known = ("+0%",) * 3
            if judged is not None and judged.change is not None:
                known = f"{judged.increase:+.2%}", f"{judged.increase_high:+.2%}", f"{judged.change.changed:.2%}"
            row = (each.form.name or "the model", f"{costs.kb:.1f}", f"{costs.us:.2f}", *known)
            bounded = f"{bound:.1e}" if math.isfinite(bound) else "none"
            shown.add_row(*row, bounded, f"{far:.1e}", "no" if each.faults else "yes")
        return shown


def bench_compression(console: Console) -> FormsTable:
    given = _model_and_rows()
    judged = judged_forms(given, read_spec(HOUSES / "project.yaml"), HOUSES, "c", NIGHT)
    whole = CompactEvaluator(judged[0].form.content, "bench")
    rows = _moved(given.columns(given.holdout, read_spec(HOUSES / "project.yaml")), rows_measured(ROWS))
    sums = whole.run(rows)
    found = [float(np.abs(CompactEvaluator(each.form.content, "bench").run(rows) - sums).max()) for each in judged]
    broken = sum(far > each.form.bound for far, each in zip(found, judged, strict=True))
    best = best_form(judged, read_spec(HOUSES / "project.yaml").edge)
    share = best.costs.kb / judged[0].costs.kb
    console.print(f"{len(given.holdout):,} newer sales; bounds that {len(rows):,} rows break: {broken}")
    console.print(f"smallest that is used: {best.form.name}, 1/{1 / share:.1f} of the size (goal 1/{1 / GOAL:.0f})")
    return FormsTable(judged, found)


def _model_and_rows() -> ModelAndRows:
    spec = read_spec(HOUSES / "project.yaml")
    sales, prices = (
        pd.read_csv(StringIO(weeks(kind, "2014", "2016")), dtype={"zipcode": "str"}) for kind in ("sales", "prices")
    )
    rows = sales.merge(prices, on=["id", "date"]).assign(date=lambda frame: pd.to_datetime(frame["date"]))
    rows = rows.astype(dict.fromkeys(spec.features.numbers, "float64") | {"waterfront": "boolean"})
    rows["event_date"] = rows["date"].dt.date
    model = house_model(spec, ("2014", "2015-03-14"), TREES)
    assert isinstance(model, OnnxModel)
    dated = replace(model, schema=replace(model.schema, trained_until=LEARNED_UNTIL.isoformat()))
    is_newer = rows["event_date"] > LEARNED_UNTIL
    return ModelAndRows(dated, rows[~is_newer], rows[is_newer])


def _moved(columns: FloatArray, count: int) -> FloatArray:
    """Return rows of which every number is moved by up to a few times its size, or missing."""
    rng = np.random.default_rng(5)
    drawn = columns[rng.integers(0, len(columns), count)]
    is_number = np.arange(columns.shape[1]) < columns.shape[1] - 1  # the category is the last column
    drawn = np.where(is_number, drawn * (1 + rng.normal(0, 0.5, drawn.shape)), drawn)
    return np.asarray(np.where(rng.random(drawn.shape) < 0.05, np.nan, drawn), dtype=np.float64)
