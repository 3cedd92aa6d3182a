"""Asks Great Expectations about typed rows: which expectations do not hold, and for which rows.

The engine is loaded with the frame directly. Through a data context Great Expectations hashes every cell of a batch
twice to name it, which costs more than thirty expectations do. Of many rows it is given only the columns that it reads:
for each expectation about the values of a column it copies all columns of the rows where that one is not missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.arrays import IntArray
from tasks.errors import ContractError
from tasks.validate.contract.expectation_scope import ONLY_THE_COLUMNS, columns_read
from tasks.validate.contract.suite import Expectation, Suite, built

Severity = Literal["critical", "warning", "info"]
# Without names of index columns, the positions of the rows come back: they stay unique when ids do not.
ROWS = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
ANSWER = {"result_format": "BOOLEAN_ONLY"}
MANY_ROWS = 20_000  # from which on a copy of all columns costs more than another run


@dataclass(frozen=True, slots=True)
class FailedExpectation:
    """An expectation that does not hold: for these rows, by position, or (None) for the delivery as a whole."""

    expectation: Expectation
    severity: Severity
    rows: IntArray | None
    observed: object = None

    @property
    def reason(self) -> str:
        """Its reason code: the type of the expectation, and the columns it speaks of."""
        return ":".join([self.expectation.rule, *self.expectation.columns])


def evaluate(frame: pd.DataFrame, suite: Suite) -> list[FailedExpectation]:
    """Return the expectations that do not hold for a frame, in the order of the suite.

    Call it inside `quiet_great_expectations`.

    Raises
    ------
    ContractError
        When an expectation cannot be computed, such as a range of a text column.
    """
    found: dict[int, FailedExpectation] = {}
    for columns, numbers in _by_columns(frame, suite).items():
        some = Suite(suite.path, tuple(suite.expectations[number] for number in numbers))
        for breach in _asked(frame[list(columns)], some):
            found[next(number for number in numbers if suite.expectations[number] is breach.expectation)] = breach
    return [breach for _, breach in sorted(found.items())]


def _by_columns(frame: pd.DataFrame, suite: Suite) -> dict[tuple[str, ...], list[int]]:
    """Return the places of the expectations in the suite, by the columns that are read together."""
    names = tuple(map(str, frame.columns))
    found: dict[tuple[str, ...], list[int]] = {}
    for number, each in enumerate(suite.expectations):
        whole = len(frame) < MANY_ROWS or each.rule in ONLY_THE_COLUMNS
        found.setdefault(names if whole else columns_read(each, names), []).append(number)
    return found


def _asked(frame: pd.DataFrame, suite: Suite) -> list[FailedExpectation]:
    # To name rows costs more than twice the answer alone, so only what does not hold is asked for them.
    failed = _failed(frame, suite, ANSWER)
    if not failed:
        return []
    broken = Suite(suite.path, tuple(suite.expectations[_number(each)] for each in failed))
    return [_breach(broken, each) for each in _failed(frame, broken, ROWS)]


def _failed(frame: pd.DataFrame, suite: Suite, result_format: Any) -> list[Any]:
    """Return the results that say no, in the order of the suite: Great Expectations gives them in any."""
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    engine = PandasExecutionEngine()
    engine.load_batch_data("rows", frame)
    validator = Validator(execution_engine=engine)
    validator.metrics_calculator.show_progress_bars = False
    results = validator.graph_validate(
        configurations=built(suite).expectation_configurations, runtime_configuration={"result_format": result_format}
    )
    # The engine lies in reference cycles: without this, frames pile up until the garbage collector comes by.
    engine.batch_manager.batch_data_cache.clear()
    return sorted((each for each in results if not each.success), key=_number)


def _number(result: Any) -> int:
    return int(result.expectation_config.meta["number"])


def _breach(suite: Suite, result: Any) -> FailedExpectation:
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
    """Return what went wrong inside an expectation; the information comes flat, or once for each metric."""
    for each in [info, *info.values()]:
        if isinstance(each, dict) and each.get("raised_exception"):
            return str(each.get("exception_message"))
    return None
