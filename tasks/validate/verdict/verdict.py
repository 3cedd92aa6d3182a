"""From everything that speaks against a delivery to its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray
from tasks.errors import nearest
from tasks.records import Checked, Delivery, Finding
from tasks.spec.cells.cell_types import any_fault, folded
from tasks.validate.acceptance.refused_rows import refused
from tasks.validate.contract.expectations import FailedExpectation

COLUMNS_NAMED = 60
ROWS_NAMED = 10  # a finding names the first rows that failed: enough to look at, short enough to send around
HARMLESS = "repeated_label"  # a row said twice is set aside, but is no sign of a broken delivery
MEANING = {
    "not_a_number": "is not a number",
    "not_finite": "is infinite",
    "not_a_boolean": "is neither true nor false",
    "not_a_category": "is a list, a block or bytes, not one value",
    "not_a_time": "is not a time that can be read without doubt; expected ISO 8601, such as 2026-01-31",
    "missing_id": "is missing, and it is part of the row's name",
    "missing_time": "is missing; without it the row belongs to no day",
    "missing_label": "is missing",
    "duplicate_id": "an earlier row of the delivery has the same id",
    "contradictory_label": "the delivery has several labels for one row, and they differ",
    "duplicate_value": "an earlier row of the delivery has the same entity and event time",
    HARMLESS: "an earlier row of the delivery says the same",
}


@dataclass(frozen=True, slots=True)
class Reasons:
    """All that speaks against a delivery: its rows (a boolean column a code), the whole, and both in words.

    `names` are the ids of the rows, where they are known: findings name the first that failed.
    """

    rows: pd.DataFrame
    batch: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    names: pd.Series | None = None

    @property
    def bad(self) -> BoolArray:
        """The rows with any reason."""
        return any_fault(self.rows)

    def against_all(self, reason: str, finding: Finding) -> Reasons:
        """Return these reasons and one more that speaks against the whole delivery."""
        return replace(self, batch=(*self.batch, reason), findings=(*self.findings, finding))


def of_columns(delivery: Delivery, needed: Sequence[str], new_columns: Literal["ignore", "refuse"]) -> Reasons:
    """Return what speaks against a delivery before its values are looked at: no rows, columns lost, columns new."""
    present = [str(name) for name in delivery.frame.columns]
    return of_named_columns(delivery.landed.key, len(delivery.frame), present, needed, new_columns)


def of_named_columns(
    key: str, rows: int, present: Sequence[str], needed: Sequence[str], new_columns: Literal["ignore", "refuse"]
) -> Reasons:
    """Return what speaks against a delivery of so many rows with these columns."""
    reasons = Reasons(pd.DataFrame(index=pd.RangeIndex(rows)))
    if not rows:
        return reasons.against_all("empty", Finding("empty", "", "critical", 0, f"{key} has no rows; deliver it again"))
    for name in (name for name in needed if name not in present):
        message = f"{key} lacks column {name!r}; it has {_few(present)}{_alike(name, present)}"
        reasons = reasons.against_all(
            f"missing_column:{name}", Finding("missing_column", name, "critical", rows, message)
        )
    return _of_new_columns(reasons, key, [name for name in present if name not in needed], needed, new_columns)


def _of_new_columns(
    reasons: Reasons, key: str, new: list[str], needed: Sequence[str], new_columns: Literal["ignore", "refuse"]
) -> Reasons:
    rows, known = len(reasons.rows), list(needed)
    said = [(name, f"column {name!r}{_alike(name, known)}") for name in new[:COLUMNS_NAMED]]
    if len(new) > COLUMNS_NAMED:
        said = [*said, ("*", f"{len(new) - COLUMNS_NAMED:,} more columns")]
    for name, what in said:
        message = f"{key} has {what}, which the spec does not name"
        if new_columns == "refuse":
            finding = Finding("new_column", name, "critical", rows, message)
            reasons = reasons.against_all(f"new_column:{name}", finding)
        else:
            finding = Finding("new_column", name, "warning", 0, f"{message}; left out")
            reasons = replace(reasons, findings=(*reasons.findings, finding))
    return reasons


def with_faults(reasons: Reasons, faults: pd.DataFrame) -> Reasons:
    """Return reasons and the faults of single values, one boolean column a code."""
    found = tuple(_fault_of(str(code), faults[code].to_numpy(bool), reasons.names) for code in faults)
    return replace(reasons, rows=pd.concat([reasons.rows, faults], axis=1), findings=(*reasons.findings, *found))


def with_breaches(reasons: Reasons, found: Sequence[FailedExpectation], rows_asked: BoolArray) -> Reasons:
    """Return reasons and the expectations that did not hold for the rows that were asked."""
    positions = np.flatnonzero(rows_asked)
    for breach in found:
        rows_named = () if breach.rows is None else named(reasons.names, positions[breach.rows])
        failed = None if breach.rows is None else len(breach.rows)
        finding = breach_finding(breach, len(positions), failed, rows_named)
        if breach.severity == "critical" and breach.rows is None:
            reasons = reasons.against_all(breach.reason, finding)
            continue
        rows = reasons.rows
        if breach.severity == "critical" and breach.rows is not None:
            mask = np.isin(np.arange(len(rows)), positions[breach.rows]) | rows.get(breach.reason, default=False)
            rows = rows.assign(**{breach.reason: mask})
        reasons = replace(reasons, rows=rows, findings=(*reasons.findings, finding))
    return reasons


def concluded(delivery: Delivery, values: pd.DataFrame, reasons: Reasons, max_bad_share: float) -> Checked:
    """Return the verdict: the rows of `values` without a reason are accepted, unless something is against them all.

    Parameters
    ----------
    delivery : Delivery
        As delivered; what is refused is kept from here.
    values : DataFrame
        The rows as they would be accepted, one for one with the delivery's; or none, when they could not be made.
    reasons : Reasons
        What speaks against rows and against the whole.
    max_bad_share : float
        Share of refused rows past which all are.
    """
    bad = reasons.bad
    harmful = any_fault(reasons.rows.drop(columns=HARMLESS, errors="ignore"))
    finding = too_many_refused(int(harmful.sum()), len(bad), max_bad_share)
    if finding is not None and not reasons.batch:
        reasons = reasons.against_all(finding.rule, finding)
    accepted = values.iloc[:0] if reasons.batch else values[~bad].reset_index(drop=True)
    rows = refused(delivery.frame, reasons.rows, reasons.batch)
    partly: Literal["partly_quarantined", "accepted"] = "partly_quarantined" if len(rows) else "accepted"
    verdict = "quarantined" if reasons.batch else partly
    return Checked(delivery.batch_id, delivery.landed, verdict, accepted, rows, reasons.findings)


def too_many_refused(harmful: int, rows: int, max_bad_share: float) -> Finding | None:
    """Return the finding that more rows are refused than the contract allows, or None."""
    share = harmful / rows if rows else 0.0
    if share <= max_bad_share:
        return None
    message = f"{share:.1%} of {rows} rows are refused; the contract allows {max_bad_share:.1%}"
    return Finding("too_many_refused_rows", "", "critical", rows, message)


def named(names: pd.Series | None, rows: npt.NDArray[np.integer[Any]]) -> tuple[str, ...]:
    """Return the ids of the first of some rows, as far as they have one."""
    if names is None:
        return ()
    return tuple(str(name) for name in names.iloc[rows[:ROWS_NAMED]].dropna())


def fault_finding(code: str, failed: int, rows: int, row_ids: tuple[str, ...] = ()) -> Finding:
    """Say how many rows have a value that cannot be read."""
    rule, _, column = code.partition(":")
    message = " ".join(text for text in (f"{failed} of {rows} rows:", column, MEANING[rule]) if text)
    return Finding(rule, column, "critical", failed, message, row_ids)


def breach_finding(
    breach: FailedExpectation, rows_asked: int, failed: int | None, row_ids: tuple[str, ...] = ()
) -> Finding:
    """Say what was expected and how many rows failed (None: the delivery as a whole did).

    The rows' values stay out of it, for findings are sent around.
    """
    rule = breach.expectation.rule
    columns = ", ".join(breach.expectation.columns)
    limits = ", ".join(f"{key} {value}" for key, value in breach.expectation.limits.items())
    expected = f"{columns or 'the delivery'}: expected {rule.removeprefix('expect_')}"
    if failed is None:
        observed = "" if breach.observed is None else f"; found {_shown(breach.observed)}"
        message = f"{expected} ({limits}){observed}"
        return Finding(rule, columns, breach.severity, rows_asked, message)
    message = f"{failed} of {rows_asked} rows: {expected} ({limits})"
    return Finding(rule, columns, breach.severity, failed, message, row_ids)


def _fault_of(code: str, rows: BoolArray, names: pd.Series | None) -> Finding:
    return fault_finding(code, int(rows.sum()), len(rows), named(names, np.flatnonzero(rows)))


def _alike(name: str, present: Sequence[str]) -> str:
    """Return a hint naming the column that was meant, also where people see no difference."""
    same = [each for each in present if folded(each) == folded(name)]
    if not same:
        return nearest(name, list(present))
    return f"; {same[0]!a} differs only in case, blanks or unicode form: rename it, or correct the spec"


def _shown(observed: object) -> str:
    """Return what was observed as far as it holds no value of a row: numbers, and of other values how many."""
    if isinstance(observed, dict):
        return ", ".join(f"{key} {_shown(value)}" for key, value in observed.items())
    if isinstance(observed, list | tuple | set):
        plain = all(isinstance(each, int | float) for each in observed) and len(observed) <= ROWS_NAMED
        return str(list(observed)) if plain else f"{len(observed)} values"
    return "a text" if isinstance(observed, str) else str(observed)


def _few(names: Sequence[str]) -> str:
    """Return names as a list fit for a sentence; a delivery may have ten thousand columns."""
    shown = list(names[:COLUMNS_NAMED])
    return f"{shown} and {len(names) - len(shown):,} more" if len(names) > len(shown) else str(shown)
