"""Runs expectations on typed rows: which do not hold, and for which rows.

The engine is loaded with the frame directly: a data context hashes every cell of a batch twice to name the batch, which
costs more than thirty expectations. A run costs about 3 ms an expectation whatever the number of rows, so several
deliveries share one run. Of many rows only the columns in use are loaded: for each expectation about the values of a
column, Great Expectations copies all columns of the rows where that column is not missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from tasks.arrays import IntArray
from tasks.errors import ContractError
from tasks.validate.contract.expectation_scope import ONLY_THE_COLUMNS, columns_read
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.plain_rules import plainly_holds
from tasks.validate.contract.suite import Expectation, Suite, built

Severity = Literal["critical", "warning", "info"]
# Without named index columns, the positions of the rows are returned: they are unique even where ids are not.
WITH_ROWS = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
WITHOUT_ROWS = {"result_format": "BOOLEAN_ONLY"}
MANY_ROWS = 20_000  # from here on a copy of all columns costs more than another run


@dataclass(frozen=True, slots=True)
class FailedExpectation:
    """An expectation that does not hold: for some rows, by position, or (None) for the delivery as a whole."""

    expectation: Expectation
    severity: Severity
    rows: IntArray | None
    observed: object = None

    @property
    def reason(self) -> str:
        """The reason code: the type of the expectation and its columns."""
        return ":".join([self.expectation.rule, *self.expectation.columns])


class RowSource(Protocol):
    """Rows in a frame, or on disk: selecting columns loads them."""

    def __len__(self) -> int: ...

    def __getitem__(self, columns: list[str]) -> pd.DataFrame: ...

    def head(self, rows: int) -> pd.DataFrame:
        """Return the first rows."""
        ...


def evaluate(rows: RowSource, suite: Suite, columns: Sequence[str] | None = None) -> list[FailedExpectation]:
    """Return the expectations that do not hold for the rows of one delivery, in the order of the suite.

    Parameters
    ----------
    rows : RowSource
        Typed rows; a DataFrame is one.
    suite : Suite
        The expectations.
    columns : sequence of str, optional
        The columns that the expectations may mention or count; by default all.

    Raises
    ------
    ContractError
        When an expectation cannot be computed, such as a range of a text column.
    """
    columns = [str(name) for name in rows.head(0).columns] if columns is None else columns
    failures: dict[int, FailedExpectation] = {}
    with quiet_great_expectations():
        for selected, numbers in _runs(len(rows), columns, suite).items():
            part = Suite(suite.path, tuple(suite.expectations[number] for number in numbers))
            frame = rows.head(1)[list(columns)] if selected is None else rows[list(selected)]
            for number, failure in _run(frame, part):
                failures[numbers[number]] = failure
    return [failure for _, failure in sorted(failures.items())]


def evaluate_frames(frames: Sequence[pd.DataFrame], suite: Suite) -> list[list[FailedExpectation]]:
    """Return, for each frame, the expectations that do not hold; the same as `evaluate` frame by frame, but cheaper.

    Parameters
    ----------
    frames : sequence of DataFrame
        Typed rows with the same columns, at least one row in each.
    suite : Suite
        Expectations about each row by itself; see `tasks.validate.contract.expectation_scope`.
    """
    if not suite.expectations or not frames:
        return [[] for _ in frames]
    rows = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    suite = Suite(suite.path, tuple(rule for rule in suite.expectations if not plainly_holds(rule, rows)))
    by_frame: list[list[FailedExpectation]] = [[] for _ in frames]
    starts = [0, *accumulate(len(frame) for frame in frames)]
    for failure in evaluate(rows, suite):
        if failure.rows is None:
            raise TypeError(f"{failure.expectation.rule} is about each row by itself, but its result has no rows")
        cuts = np.searchsorted(failure.rows, starts)
        for failures, start, (low, high) in zip(by_frame, starts, pairwise(cuts), strict=False):
            if high > low:
                positions = failure.rows[low:high] - start
                failures.append(FailedExpectation(failure.expectation, failure.severity, positions))
    return by_frame


def _runs(rows: int, columns: Sequence[str], suite: Suite) -> dict[tuple[str, ...] | None, list[int]]:
    """Return the numbers of the expectations by the columns they are run with; None: all columns, no values."""
    runs: dict[tuple[str, ...] | None, list[int]] = {}
    for number, expectation in enumerate(suite.expectations):
        if rows < MANY_ROWS:
            key: tuple[str, ...] | None = tuple(columns)
        else:
            key = None if expectation.rule in ONLY_THE_COLUMNS else columns_read(expectation, columns)
        runs.setdefault(key, []).append(number)
    return runs


def _run(frame: pd.DataFrame, suite: Suite) -> list[tuple[int, FailedExpectation]]:
    """Return the expectations of a suite that do not hold, each with its number."""
    # Naming the rows costs more than twice the answer alone, so they are requested only for what does not hold.
    failed = [_number(result) for result in _failed_results(frame, suite, WITHOUT_ROWS)]
    if not failed:
        return []
    again = Suite(suite.path, tuple(suite.expectations[number] for number in failed))
    results = _failed_results(frame, again, WITH_ROWS)
    return [(failed[_number(result)], _failure(again, result)) for result in results]


def _failed_results(frame: pd.DataFrame, suite: Suite, result_format: Any) -> list[Any]:
    """Return the unsuccessful results in the order of the suite; Great Expectations gives them in any."""
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    engine = PandasExecutionEngine()
    engine.load_batch_data("rows", frame)
    validator = Validator(execution_engine=engine)
    validator.metrics_calculator.show_progress_bars = False
    results = validator.graph_validate(
        configurations=built(suite).expectation_configurations, runtime_configuration={"result_format": result_format}
    )
    # The engine is part of reference cycles: without this, frames pile up until the garbage collector runs.
    engine.batch_manager.batch_data_cache.clear()
    return sorted((result for result in results if not result.success), key=_number)


def _number(result: Any) -> int:
    return int(result.expectation_config.meta["number"])


def _failure(suite: Suite, result: Any) -> FailedExpectation:
    expectation = suite.expectations[_number(result)]
    if (error := _exception(result.exception_info)) is not None:
        raise ContractError(
            f"{suite.path}: {expectation.rule} on {list(expectation.columns)} cannot be computed: {error} "
            "Correct it, or the kind of the column in project.yaml"
        )
    rows = result.result.get("unexpected_index_list")
    positions = None if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    return FailedExpectation(
        expectation, result.expectation_config.severity.value, positions, result.result.get("observed_value")
    )


def _exception(info: dict[str, Any]) -> str | None:
    """Return what went wrong inside an expectation; the information is flat, or nested by metric."""
    for part in [info, *info.values()]:
        if isinstance(part, dict) and part.get("raised_exception"):
            return str(part.get("exception_message"))
    return None
