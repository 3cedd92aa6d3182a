"""How often the gate is wrong: equally good challengers, tried ten times on one hold-out, and truly better ones.

Prices of houses of two kinds, 28 days. What no model can know of a price (its standard deviation is 0.18 in logarithms)
is the same for all models, each day has its own luck, and each model adds errors of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tasks.arrays import FloatArray
from tasks.evaluate import ComparisonSet, gate
from tasks.model import ModelSchema, Predictor
from tasks.spec.project_spec import ProjectSpec
from tests.bench.figures import Figures, Time
from tests.bench.sizes import sized

DAYS, ROWS_A_DAY = 28, 50
UNKNOWABLE, DAYS_LUCK, OWN, BETTER = 0.18, 0.03, 0.09, 0.065
TRIES, HOLDOUTS, BETTER_ONES = sized((10, 100, 100), (2, 2, 2))
SPEC = ProjectSpec.model_validate(
    {
        "project": "simulated",
        "scope": {"owner": "bench", "objective": "price", "metric": "mean_absolute_log_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "day", "label": {"column": "price"}},
        "features": {"numbers": ["champion"], "categories": ["kind"]},
        "gate": {"slices": ["kind"], "max_latency_ms": 10_000.0, "max_memory_mb": 1e6},
    }
)


@dataclass(frozen=True)
class Answering(Predictor):
    """A model with its answers in a column."""

    schema: ModelSchema
    column: str

    @property
    def file(self) -> tuple[str, bytes]:
        return "none", b""

    def run(self, columns: FloatArray) -> FloatArray:
        return columns

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        return frame[self.column].to_numpy()


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares, and the mean relative gain of the better challengers."""

    passes_of_one_try: float
    passes_of_ten_tries: float
    better_pass: float
    gain: float


def bench_gate(console: Console) -> Figures:
    figures = Figures(f"gate ({HOLDOUTS} hold-outs of {DAYS * ROWS_A_DAY:,} rows over {DAYS} days, {TRIES} tries each)")
    found: list[Rates] = []
    figures.add("all comparisons", Time.of(lambda: found.append(rates())))
    rows = holdout(np.random.default_rng(0), OWN)
    figures.add("one comparison", Time.median([Time.of(partial(passed, rows)) for _ in range(5)]))
    console.print(_table(found[0]))
    return figures


def rates(holdouts: int = HOLDOUTS, better_ones: int = BETTER_ONES) -> Rates:
    """Return how often equally good challengers pass, one by one and in ten tries, and how often better ones do."""
    rng, single, any_of_ten = np.random.default_rng(1), 0, 0
    for _ in range(holdouts):
        rows = holdout(rng, OWN)
        wins = [passed(with_challenger(rng, rows, OWN), uses) for uses in range(TRIES)]
        single, any_of_ten = single + wins[0], any_of_ten + any(wins)
    gains, wins = [], []
    for _ in range(better_ones):
        rows = with_challenger(rng, holdout(rng, OWN), BETTER)
        gains.append(1 - _error(rows, "challenger") / _error(rows, "champion"))
        wins.append(passed(rows))
    return Rates(single / holdouts, any_of_ten / holdouts, float(np.mean(wins)), float(np.mean(gains)))


def holdout(rng: np.random.Generator, own: float) -> pd.DataFrame:
    """Return labelled rows with the champion's answers, and an equally good challenger's."""
    day = np.repeat(np.arange(DAYS), ROWS_A_DAY)
    worth, count = 13 + rng.normal(scale=0.5, size=day.size), day.size
    luck = rng.normal(scale=DAYS_LUCK, size=DAYS)[day]
    rows = pd.DataFrame(
        {
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D"),
            "kind": rng.choice(["cottage", "mansion"], count),
            "worth": worth,
            "price": np.exp(worth + luck + rng.normal(scale=UNKNOWABLE, size=count)),
        }
    )
    rows["champion"] = _answers(rng, rows, own)
    return with_challenger(rng, rows, own)


def with_challenger(rng: np.random.Generator, rows: pd.DataFrame, own: float) -> pd.DataFrame:
    return rows.assign(challenger=_answers(rng, rows, own))


def passed(rows: pd.DataFrame, uses: int = 0) -> bool:
    schema = ModelSchema("simulated", "regression", "mean_absolute_log_error", "day")
    challenger, champion = Answering(schema, "challenger"), Answering(schema, "champion")
    return gate(ComparisonSet(challenger, champion, rows, float(rows["price"].median()), 0.0, uses=uses), SPEC).passed


def _answers(rng: np.random.Generator, rows: pd.DataFrame, own: float) -> FloatArray:
    """Return answers with a model's own errors, a third of their variance shared by the rows of a day."""
    days = pd.factorize(rows["day"])[0]
    shared = rng.normal(scale=own / 3**0.5 / 3, size=DAYS)[days]
    return np.exp(rows["worth"].to_numpy() + shared + rng.normal(scale=own, size=len(rows)))


def _error(rows: pd.DataFrame, who: str) -> float:
    return float(np.abs(np.log(rows["price"] / rows[who])).mean())


def _table(found: Rates) -> Table:
    shown = Table(title="the gate's own errors", title_justify="left", show_edge=False)
    for heading in ("", "share", "allowed"):
        shown.add_column(heading)
    shown.add_row("equally good, first try passes", f"{found.passes_of_one_try:.1%}", "at most 5 %")
    shown.add_row("equally good, one of ten tries passes", f"{found.passes_of_ten_tries:.1%}", "at most 5 %")
    shown.add_row(f"better by {found.gain:.1%}, passes", f"{found.better_pass:.1%}", "at least 80 %")
    return shown
