"""The findings of a validation in words, without the values of any row: findings are sent around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import nearest
from tasks.records import Finding
from tasks.spec.cells.cell_types import folded
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.validate.contract.expectations import FailedExpectation

COLUMNS_NAMED = 60
ROWS_NAMED = 10
REPEATED_LABEL = "repeated_label"
NO_CONSENT = "no_consent"
MEANING = {
    "not_a_number": "is not a number",
    "not_finite": "is infinite",
    "not_a_boolean": "is neither true nor false",
    "not_a_category": "is a list, a block or bytes, not one value",
    "not_a_time": "is not a time that can be read without doubt; expected ISO 8601, such as 2026-01-31",
    "unknown_event": "is no event of `feedback.events`",
    "missing_id": "is missing, and it is part of the row id",
    "missing_time": "is missing; without it the row belongs to no day",
    "missing_weight": "is missing; a row without a weight counts for nothing",
    "weight_not_positive": "is not above 0; leave out rows that are not to count",
    "missing_label": "is missing",
    "missing_decision": "is missing",
    "duplicate_id": "an earlier row of the delivery has the same id",
    "contradictory_label": "the delivery has several labels for one row, and they differ",
    "duplicate_value": "an earlier row of the delivery has the same entity and event time",
    "file_name": "is no name of a file in source.files.folder; expected a relative path of at most 512 bytes, without "
    "`..` and links out of the folder",
    "file_missing": "names a file that is not in source.files.folder, or cannot be read; put it there, and deliver the "
    "row again",
    "file_too_large": "names a file larger than source.files.object_mb",
    "file_digest": "names a file with another SHA-256 than the row says: it was changed, or belongs to another row",
    FUNCTION_FAILED: "the project's feature function fails on it",
    REPEATED_LABEL: "an earlier row of the delivery has the same label",
}


class ColumnFinding(NamedTuple):
    """A finding about the columns of a delivery; with a reason code, it rejects the whole delivery."""

    finding: Finding
    reason: str | None


def column_findings(
    key: str,
    columns: Sequence[str],
    rows: int,
    needed: Sequence[str],
    new_columns: Literal["ignore", "refuse"] = "refuse",
    left_out: int = 0,
) -> Iterator[ColumnFinding]:
    """Yield what is wrong with a delivery before its values are read: no rows, missing columns, new columns.

    Parameters
    ----------
    key : str
        The key of the delivery, for the messages.
    columns : sequence of str
        The columns of the delivery.
    rows : int
        The rows of the delivery.
    needed : sequence of str
        The columns that the contract needs.
    new_columns : {"ignore", "refuse"}
        `contract.new_columns` of the spec.
    left_out : int
        Further columns, which privacy keeps out: they are counted and not named, because a name may be a value.
    """
    if not rows:
        yield ColumnFinding(Finding("empty", "", "critical", 0, f"{key} has no rows; deliver it again"), "empty")
        return
    present = [str(name) for name in columns]
    counted = f"{left_out:,} column{'' if left_out == 1 else 's'}"
    others = f" and {counted} that the spec does not name" if left_out else ""
    for name in (name for name in needed if name not in present):
        message = f"{key} lacks column {name!r}; it has {_shortened(present)}{others}{_hint(name, present)}"
        yield ColumnFinding(Finding("missing_column", name, "critical", rows, message), f"missing_column:{name}")
    new = [name for name in present if name not in needed]
    named = [(name, f"column {name!r}{_hint(name, list(needed))}") for name in new[:COLUMNS_NAMED]]
    if len(new) > COLUMNS_NAMED:
        named.append(("*", f"{len(new) - COLUMNS_NAMED:,} more columns"))
    if left_out:
        named.append(("*", f"{counted} (not named here, because `privacy` is set)"))
    for name, description in named:
        message = f"{key} has {description}, which the spec does not name"
        if new_columns == "refuse":
            yield ColumnFinding(Finding("new_column", name, "critical", rows, message), f"new_column:{name}")
        else:
            yield ColumnFinding(Finding("new_column", name, "warning", 0, f"{message}; left out"), None)


def fault_finding(code: str, failed: int, rows: int, row_ids: tuple[str, ...], detail: str = "") -> Finding:
    """Return the finding that so many of the rows have a value that cannot be used; `detail` is shown after it."""
    rule, _, column = code.partition(":")
    message = " ".join(text for text in (f"{failed} of {rows} rows:", column, MEANING[rule]) if text)
    message = f"{message}: {detail}" if detail else message
    return Finding(rule, column, "critical", failed, message, row_ids)


def expectation_finding(
    failure: FailedExpectation, rows_asked: int, rows_failed: int, row_ids: tuple[str, ...]
) -> Finding:
    """Return the finding that an expectation does not hold, for some rows or for the delivery as a whole."""
    rule = failure.expectation.rule
    columns = ", ".join(failure.expectation.columns)
    limits = ", ".join(f"{key} {value}" for key, value in failure.expectation.limits.items())
    expected = f"{columns or 'the delivery'}: expected {rule.removeprefix('expect_')} ({limits})"
    if failure.rows is None:
        observed = "" if failure.observed is None else f"; found {_without_values(failure.observed)}"
        return Finding(rule, columns, failure.severity, rows_asked, f"{expected}{observed}")
    message = f"{rows_failed} of {rows_asked} rows: {expected}"
    return Finding(rule, columns, failure.severity, rows_failed, message, row_ids)


def too_many_refused(refused: int, rows: int, max_bad_share: float) -> Finding | None:
    """Return the finding that more rows are refused than the contract allows, or None."""
    share = refused / rows if rows else 0.0
    if share <= max_bad_share:
        return None
    message = f"{share:.1%} of {rows} rows are refused; the contract allows {max_bad_share:.1%}"
    return Finding("too_many_refused_rows", "", "critical", rows, message)


def consent_finding(column: str, count: int, rows: int) -> Finding:
    """Return the finding that so many rows may not be learned from, or shown: it names none of them.

    >>> consent_finding("agreed", 2, 9).message
    '2 of 9 rows have no consent (agreed): they are scored and monitored, and neither learned from nor shown'
    """
    message = f"{count:,} of {rows:,} rows have no consent ({column}): they are scored and monitored, and neither "
    return Finding(NO_CONSENT, column, "info", count, f"{message}learned from nor shown")


def first_row_ids(row_ids: pd.Series, rows: npt.NDArray[np.integer[Any]] | None) -> tuple[str, ...]:
    """Return the ids of the first of some rows, given by position (None: no row); rows without an id are left out."""
    if rows is None:
        return ()
    return tuple(str(row_id) for row_id in row_ids.iloc[rows[:ROWS_NAMED]].dropna())


def _hint(name: str, present: Sequence[str]) -> str:
    """Return a hint at the column that is probably meant, also where a reader sees no difference."""
    same = [column for column in present if folded(column) == folded(name)]
    if not same:
        return nearest(name, list(present))
    return f"; {same[0]!a} differs only in case, blanks or unicode form: rename it, or correct the spec"


def _without_values(observed: object) -> str:
    """Return an observed value without the values of rows: numbers, and the count of other values."""
    if isinstance(observed, dict):
        return ", ".join(f"{key} {_without_values(value)}" for key, value in observed.items())
    if isinstance(observed, list | tuple | set):
        numbers = all(isinstance(value, int | float) for value in observed) and len(observed) <= ROWS_NAMED
        return str(list(observed)) if numbers else f"{len(observed)} values"
    return "a text" if isinstance(observed, str) else str(observed)


def _shortened(names: Sequence[str]) -> str:
    """Return a list of names that fits into a message; a delivery may have ten thousand columns."""
    shown = list(names[:COLUMNS_NAMED])
    return f"{shown} and {len(names) - len(shown):,} more" if len(names) > len(shown) else str(shown)
