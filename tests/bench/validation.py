"""A contract of thirty expectations on a million rows of thirty columns against plain Great Expectations and pandas.

`LEEWAY_BENCH_ROWS` makes it smaller for a quick look.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.records import Delivery, Landed, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import check
from tasks.validate.contract.expectation_scope import split_by_scope
from tasks.validate.contract.expectations import FailedExpectation, evaluate, evaluate_frames
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite import Expectation, Suite, built
from tests.bench.figures import Figures, Time
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized

ROWS = 1_000_000
CHUNK = sized(200_000, 1_500)
TIMES = sized(3, 1)
NUMBERS = [f"n{number}" for number in range(18)]
CATEGORIES = [f"c{number}" for number in range(6)]
BOOLEANS = [f"b{number}" for number in range(4)]
NAMES = [f"kind {number}" for number in range(20)]
PLAIN = "plain Great Expectations, one run of all rows"
PANDAS = "plain pandas"


def bench_validation(console: Console) -> Figures:
    rows = rows_measured(ROWS)
    frame, suite = rows_of(rows), suite_of(rows)
    evaluate(frame.iloc[:10], suite)  # imports, and what Great Expectations sets up once
    _quietly(lambda: _plainly(frame.iloc[:10], suite))
    figures = Figures(
        f"{rows:,} rows x {len(frame.columns)}, {len(suite.expectations)} expectations (median of {TIMES})"
    )
    figures.add("Leeway, the expectations alone, in chunks", _median(lambda: _in_chunks(frame, suite)), PLAIN)
    figures.add(PLAIN, _median(lambda: _quietly(lambda: _plainly(frame, suite))), PANDAS)
    figures.add(PANDAS, _median(lambda: _by_hand(frame)))
    console.print(f"before the whole check: {_peak_mb():,.0f} MB at most")
    figures.add("Leeway, the whole check: typed, ids, spooled, asked, read back", _median(lambda: _whole(frame, suite)))
    console.print(f"with it: {_peak_mb():,.0f} MB at most")
    return figures


def rows_of(count: int) -> pd.DataFrame:
    """Return typed rows such as Parquet brings: 18 numbers, 6 categories, 4 booleans, an id and a time."""
    random = np.random.default_rng(0)
    names = pd.Series(NAMES, dtype="str")
    moments = pd.date_range("2026-01-01", periods=365, unit="us").to_numpy()
    return pd.DataFrame(
        {
            "id": pd.Series(np.arange(count)).astype("str"),
            "day": moments[random.integers(0, 365, count)],
            **{name: random.normal(size=count) for name in NUMBERS},
            **{name: names.take(random.integers(0, len(NAMES), count)).reset_index(drop=True) for name in CATEGORIES},
            **{name: pd.array(random.random(count) < 0.5, dtype="boolean") for name in BOOLEANS},
        }
    )


def suite_of(rows: int) -> Suite:
    """Return thirty expectations that hold: 26 about each row, 4 about all of them."""
    between = [_one("values_to_be_between", column=name, min_value=-10, max_value=10) for name in NUMBERS[:12]]
    filled = [_one("values_to_not_be_null", column=name) for name in NUMBERS[:8]]
    known = [_one("values_to_be_in_set", column=name, value_set=NAMES) for name in CATEGORIES[:4]]
    shaped = [_one("values_to_match_regex", column=name, regex=r"^kind \d+$") for name in CATEGORIES[4:]]
    whole = [
        _one("mean_to_be_between", column="n0", min_value=-1, max_value=1),
        _one("median_to_be_between", column="n1", min_value=-1, max_value=1),
        _one("max_to_be_between", column="n2", max_value=10),
        Expectation({"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": rows}}, ()),
    ]
    return Suite(Path("expectations.json"), (*between, *filled, *known, *shaped, *whole))


def _one(rule: str, **kwargs: Any) -> Expectation:
    return Expectation({"type": f"expect_column_{rule}", "kwargs": kwargs}, (kwargs["column"],))


def _spec() -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "bench",
            "scope": {"owner": "me", "objective": "time", "metric": "mean_absolute_error"},
            "source": {"uri": "rows", "id": ["id"], "event_time": "day", "label": {"column": "y", "uri": "labels"}},
            "features": {"numbers": NUMBERS, "categories": CATEGORIES, "booleans": BOOLEANS},
        }
    )


@dataclass(frozen=True)
class _FrameChunks:
    """The chunks of a frame, as a delivery on disk has them."""

    frame: pd.DataFrame

    @property
    def row_count(self) -> int:
        return len(self.frame)

    def __call__(self) -> Iterator[pd.DataFrame]:
        for start in range(0, len(self.frame), CHUNK):
            yield self.frame.iloc[start : start + CHUNK].reset_index(drop=True)


def _in_chunks(frame: pd.DataFrame, suite: Suite) -> list[FailedExpectation]:
    """Evaluate as for a large delivery: each row by itself chunk by chunk, the rest on all rows."""
    row_rules, delivery_rules = split_by_scope(suite)
    failures = [failure for chunk in _FrameChunks(frame)() for failure in evaluate_frames([chunk], row_rules)[0]]
    return [*failures, *evaluate(frame, delivery_rules)]


def _whole(frame: pd.DataFrame, suite: Suite) -> ValidatedDelivery:
    with TemporaryDirectory() as folder:
        landed = Landed("rows", "rows.parquet", 1, date(2026, 1, 1))
        delivery = Delivery("bench", landed, frame.iloc[:0], _FrameChunks(frame))
        validated = check(delivery, _spec(), suite, Path(folder))
        accepted = sum(map(len, validated.chunks.accepted())) if validated.chunks else 0
    if accepted != len(frame):
        raise AssertionError(f"{accepted} of {len(frame)} rows were accepted; the bench's own rows are good")
    return validated


def _plainly(frame: pd.DataFrame, suite: Suite) -> None:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("bench").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    if not batch.validate(built(suite)).success and len(frame) > CHUNK:
        raise AssertionError("the bench's own rows are good")


def _by_hand(frame: pd.DataFrame) -> bool:
    rows = [frame[name].between(-10, 10).all() for name in NUMBERS[:12]]
    rows += [frame[name].notna().all() for name in NUMBERS[:8]]
    rows += [frame[name].isin(NAMES).all() for name in CATEGORIES[:4]]
    rows += [frame[name].str.match(r"^kind \d+$").all() for name in CATEGORIES[4:]]
    return all([*rows, abs(frame["n0"].mean()) < 1, abs(frame["n1"].median()) < 1, frame["n2"].max() < 10])


def _quietly(work: Callable[[], None]) -> None:
    with quiet_great_expectations():
        work()


def _median(work: Callable[[], object]) -> Time:
    return Time.median([Time.of(work) for _ in range(TIMES)])


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
