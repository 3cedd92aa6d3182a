"""From everything that speaks against a delivery to its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from tasks.errors import nearest
from tasks.records import Checked, Delivery, Finding
from tasks.spec.cells import Mask, any_fault
from tasks.validate.breaches import Breach
from tasks.validate.refusal import refused

HARMLESS = "repeated_label"  # a row said twice is set aside, but is no sign of a broken delivery
MEANING = {
    "not_a_number": "is not a number",
    "not_finite": "is infinite",
    "not_a_boolean": "is neither true nor false",
    "not_a_time": "is not a time that can be read without doubt; expected ISO 8601, such as 2026-01-31",
    "missing_id": "is missing, and it is part of the row's name",
    "missing_time": "is missing; without it the row belongs to no day",
    "missing_label": "is missing",
    "duplicate_id": "an earlier row of the delivery has the same id",
    "contradictory_label": "the delivery has several labels for one row, and they differ",
    HARMLESS: "an earlier row of the delivery says the same",
}


@dataclass(frozen=True, slots=True)
class Reasons:
    """All that speaks against a delivery: its rows (a boolean column a code), the whole, and both in words."""

    rows: pd.DataFrame
    batch: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def bad(self) -> Mask:
        """The rows with any reason."""
        return any_fault(self.rows)

    def against_all(self, reason: str, finding: Finding) -> Reasons:
        """Return these reasons and one more that speaks against the whole delivery."""
        return replace(self, batch=(*self.batch, reason), findings=(*self.findings, finding))


def of_columns(delivery: Delivery, needed: Sequence[str], new_columns: Literal["ignore", "refuse"]) -> Reasons:
    """Return what speaks against a delivery before its values are looked at: no rows, columns lost, columns new."""
    frame, key = delivery.frame, delivery.landed.key
    reasons = Reasons(pd.DataFrame(index=pd.RangeIndex(len(frame))))
    if not len(frame):
        return reasons.against_all("empty", Finding("empty", "", "critical", 0, f"{key} has no rows; deliver it again"))
    present = [str(name) for name in frame.columns]
    for name in (name for name in needed if name not in present):
        message = f"{key} lacks column {name!r}; it has {present}{nearest(name, present)}"
        reasons = reasons.against_all(
            f"missing_column:{name}", Finding("missing_column", name, "critical", len(frame), message)
        )
    for name in (name for name in present if name not in needed):
        message = f"{key} has column {name!r}, which the spec does not name{nearest(name, list(needed))}"
        if new_columns == "refuse":
            reasons = reasons.against_all(
                f"new_column:{name}", Finding("new_column", name, "critical", len(frame), message)
            )
        else:
            finding = Finding("new_column", name, "warning", 0, f"{message}; it is left out")
            reasons = replace(reasons, findings=(*reasons.findings, finding))
    return reasons


def with_faults(reasons: Reasons, faults: pd.DataFrame) -> Reasons:
    """Return reasons and the faults of single values, one boolean column a code."""
    found = tuple(_fault_finding(str(code), faults[code].to_numpy(bool)) for code in faults)
    return replace(reasons, rows=pd.concat([reasons.rows, faults], axis=1), findings=(*reasons.findings, *found))


def with_breaches(reasons: Reasons, found: Sequence[Breach], rows_asked: Mask) -> Reasons:
    """Return reasons and the expectations that did not hold for the rows that were asked."""
    positions = np.flatnonzero(rows_asked)
    for breach in found:
        finding = _breach_finding(breach, len(positions))
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
    share = float(harmful.mean()) if len(harmful) else 0.0
    if share > max_bad_share and not reasons.batch:
        message = f"{share:.1%} of {len(bad)} rows are refused; the contract allows {max_bad_share:.1%}"
        finding = Finding("too_many_refused_rows", "", "critical", len(bad), message)
        reasons = reasons.against_all("too_many_refused_rows", finding)
    accepted = values.iloc[:0] if reasons.batch else values[~bad].reset_index(drop=True)
    rows = refused(delivery.frame, reasons.rows, reasons.batch)
    partly: Literal["partly_quarantined", "accepted"] = "partly_quarantined" if len(rows) else "accepted"
    verdict = "quarantined" if reasons.batch else partly
    return Checked(delivery.batch_id, delivery.landed, verdict, accepted, rows, reasons.findings)


def _fault_finding(code: str, rows: Mask) -> Finding:
    rule, _, column = code.partition(":")
    message = " ".join(text for text in (f"{rows.sum()} of {len(rows)} rows:", column, MEANING[rule]) if text)
    return Finding(rule, column, "critical", int(rows.sum()), message)


def _breach_finding(breach: Breach, rows_asked: int) -> Finding:
    """Say what was expected and how many rows failed; their values stay out of it, for findings are sent around."""
    columns = ", ".join(breach.expectation.columns)
    limits = ", ".join(f"{key} {value}" for key, value in breach.expectation.limits.items())
    expected = f"{columns or 'the delivery'}: expected {breach.expectation.rule.removeprefix('expect_')}"
    if breach.rows is None:
        return Finding(
            breach.expectation.rule,
            columns,
            breach.severity,
            rows_asked,
            f"{expected} ({limits}); found {breach.observed}",
        )
    message = f"{len(breach.rows)} of {rows_asked} rows: {expected} ({limits})"
    return Finding(breach.expectation.rule, columns, breach.severity, len(breach.rows), message)
