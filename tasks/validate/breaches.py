"""Runs a suite on typed rows: which expectations do not hold, and for which rows.

A run costs about 15 ms an expectation whatever the number of rows, so several deliveries share one run for every
expectation that looks at each row by itself; the others (counts, means, uniqueness) are asked of each delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import ContractError
from tasks.validate.contract import Expectation, Suite, built, quiet_great_expectations

Severity = Literal["critical", "warning", "info"]
Positions = npt.NDArray[np.int64]
EACH_ROW_BY_ITSELF = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_multicolumn_sum_to_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
CHANGES_THE_ROWS = ("mostly", "row_condition", "condition_parser")
# Without names of index columns, the positions of the rows come back: they stay unique when ids do not.
ROWS = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
ANSWER = {"result_format": "BOOLEAN_ONLY"}


@dataclass(frozen=True, slots=True)
class Breach:
    """An expectation that does not hold: for these rows, by position, or (None) for the delivery as a whole."""

    expectation: Expectation
    severity: Severity
    rows: Positions | None
    observed: object = None

    @property
    def reason(self) -> str:
        """Its reason code: the type of the expectation, and the columns it speaks of."""
        return ":".join([self.expectation.rule, *self.expectation.columns])


def breaches(frames: Sequence[pd.DataFrame], suite: Suite) -> list[list[Breach]]:
    """Return, for each frame, the expectations that do not hold in it; the same as asking frame by frame.

    Parameters
    ----------
    frames : sequence of DataFrame
        Typed rows with the same columns in each; frames without rows are asked too.
    suite : Suite
        Expectations about those columns.

    Raises
    ------
    ContractError
        When an expectation cannot be computed, such as a range of a text column.
    """
    if not suite.expectations or not frames:
        return [[] for _ in frames]
    with _asking(suite.path) as ask:
        if len(frames) == 1:
            return [ask(frames[0], suite)]
        shared, own = _parted(suite)
        found = [ask(frame, own) for frame in frames]
        for breach in ask(pd.concat(frames, ignore_index=True), shared):
            for each, rows in zip(found, _per_frame(breach.rows, frames), strict=True):
                if len(rows):
                    each.append(Breach(breach.expectation, breach.severity, rows))
    return found


def _parted(suite: Suite) -> tuple[Suite, Suite]:
    """Return the expectations that may be asked of all rows at once, and those to be asked of each frame."""

    def together(each: Expectation) -> bool:
        return each.rule in EACH_ROW_BY_ITSELF and not any(each.limits.get(key) for key in CHANGES_THE_ROWS)

    shared = tuple(each for each in suite.expectations if together(each))
    own = tuple(each for each in suite.expectations if not together(each))
    return Suite(suite.path, shared), Suite(suite.path, own)


def _per_frame(rows: Positions | None, frames: Sequence[pd.DataFrame]) -> list[Positions]:
    """Return the positions in each frame of positions in all of them put together."""
    if rows is None:
        raise TypeError("an expectation about each row by itself came back without rows")
    starts = [0, *accumulate(len(frame) for frame in frames)]
    cuts = np.searchsorted(rows, starts)
    return [rows[low:high] - start for low, high, start in zip(cuts, cuts[1:], starts, strict=False)]


@contextmanager
def _asking(path: Path) -> Iterator[Callable[[pd.DataFrame, Suite], list[Breach]]]:
    """Open a context for one call: a shared one answers wrongly when several threads use it."""
    with quiet_great_expectations():
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas(path.stem).add_dataframe_asset("rows")
        whole = asset.add_batch_definition_whole_dataframe("all")

        def ask(frame: pd.DataFrame, suite: Suite) -> list[Breach]:
            if not suite.expectations:
                return []
            batch = whole.get_batch({"dataframe": frame.reset_index(drop=True)})
            # To name rows costs more than twice the answer alone, so only what does not hold is asked for them.
            failed = _failed(batch.validate(built(suite), result_format=ANSWER))
            if not failed:
                return []
            broken = Suite(suite.path, tuple(suite.expectations[_number(each)] for each in failed))
            return [_breach(broken, each) for each in _failed(batch.validate(built(broken), result_format=ROWS))]

        yield ask


def _failed(answer: Any) -> list[Any]:
    """Return the results that say no, in the order of the suite: Great Expectations gives them in any."""
    return sorted((each for each in answer.results if not each.success), key=_number)


def _number(result: Any) -> int:
    return int(result.expectation_config.meta["number"])


def _breach(suite: Suite, result: Any) -> Breach:
    expectation = suite.expectations[_number(result)]
    if (error := _exception(result.exception_info)) is not None:
        raise ContractError(
            f"{suite.path}: {expectation.rule} on {list(expectation.columns)} cannot be computed: {error} "
            "Correct it, or the kind of the column in project.yaml"
        )
    rows = result.result.get("unexpected_index_list")
    positions = None if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    return Breach(expectation, result.expectation_config.severity.value, positions, result.result.get("observed_value"))


def _exception(info: dict[str, Any]) -> str | None:
    """Return what went wrong inside an expectation; the information comes flat, or once for each metric."""
    for each in [info, *info.values()]:
        if isinstance(each, dict) and each.get("raised_exception"):
            return str(each.get("exception_message"))
    return None
