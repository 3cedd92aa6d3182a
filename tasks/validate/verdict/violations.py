"""What speaks against a delivery, collected chunk by chunk: the one engine behind every verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, IntArray
from tasks.records import Finding, Verdict
from tasks.spec.cells.cell_types import any_fault
from tasks.validate.contract.expectations import FailedExpectation
from tasks.validate.contract.suite import Expectation
from tasks.validate.verdict.validation_findings import (
    REPEATED_LABEL,
    ROWS_NAMED,
    ColumnFinding,
    expectation_finding,
    fault_finding,
    first_row_ids,
    too_many_refused,
)


class Conclusion(NamedTuple):
    """The verdict on a delivery; `reasons` are the codes that reject all of it."""

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Count:
    failed: int = 0
    row_ids: tuple[str, ...] = ()
    detail: str = ""

    def add(self, failed: int, row_ids: tuple[str, ...]) -> None:
        self.failed += failed
        self.row_ids = (*self.row_ids, *row_ids)[:ROWS_NAMED]


@dataclass(slots=True)
class _Chunk:
    """The reasons of the rows of one chunk, one bit for each row and reason."""

    rows: int
    readable: BoolArray
    bits: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def add(self, reason: str, rows: BoolArray) -> None:
        packed = np.packbits(rows)
        self.bits[reason] = self.bits[reason] | packed if reason in self.bits else packed

    def mask(self, reason: str) -> BoolArray:
        return np.unpackbits(self.bits[reason], count=self.rows).astype(bool)

    def any(self, without: str = "") -> BoolArray:
        bits = [packed for reason, packed in self.bits.items() if reason != without]
        if not bits:
            return np.zeros(self.rows, dtype=bool)
        return np.unpackbits(np.bitwise_or.reduce(bits), count=self.rows).astype(bool)


class Violations:
    """All that speaks against one delivery: its columns, its rows, the delivery as a whole.

    Parameters
    ----------
    columns : iterable of ColumnFinding
        The findings about its columns.
    expectations : sequence of Expectation
        Those the delivery is checked with; they give findings and reasons their order.

    Examples
    --------
    Three rows, one with an unreadable value; of the two readable rows the second fails an expectation:

    >>> rule = Expectation({"type": "expect_column_max_to_be_between", "kwargs": {"column": "rooms"}}, ("rooms",))
    >>> violations = Violations((), [rule])
    >>> faults = pd.DataFrame({"not_a_number:rooms": [False, True, False]})
    >>> chunk = violations.add_chunk(faults, pd.Series(["a", "b", "c"]))
    >>> violations.fail(FailedExpectation(rule, "critical", np.array([1])), ("c",), chunk)
    >>> violations.refused(chunk).tolist()
    [False, True, True]
    >>> [(finding.rows_failed, finding.row_ids) for finding in violations.conclude(max_bad_share=1.0).findings]
    [(1, ('b',)), (1, ('c',))]
    """

    def __init__(self, columns: Iterable[ColumnFinding], expectations: Sequence[Expectation]) -> None:
        by_column = list(columns)
        self._column_findings = tuple(finding for finding, _ in by_column)
        self._column_reasons = tuple(reason for _, reason in by_column if reason is not None)
        self._expectations = expectations
        self._chunks: list[_Chunk] = []
        self._faults: dict[str, _Count] = {}
        self._failures: dict[int, tuple[FailedExpectation, _Count]] = {}
        self._rejections: list[Finding] = []

    @property
    def unusable(self) -> bool:
        """Whether the columns alone reject the delivery, so that no row needs to be read."""
        return bool(self._column_reasons)

    @property
    def chunks(self) -> int:
        """The number of chunks added so far."""
        return len(self._chunks)

    def add_chunk(self, faults: pd.DataFrame, row_ids: pd.Series, details: Mapping[str, str] | None = None) -> int:
        """Add the next rows and the faults of their values, a boolean column a code; return the chunk's number.

        Parameters
        ----------
        details : mapping, optional
            What more is said of a code; the first chunk with a detail counts.
        """
        chunk = _Chunk(len(faults), ~any_fault(faults))
        for code in map(str, faults):
            mask = faults[code].to_numpy(bool)
            chunk.add(code, mask)
            count = self._faults.setdefault(code, _Count())
            count.add(int(mask.sum()), first_row_ids(row_ids, np.flatnonzero(mask)))
            count.detail = count.detail or (details or {}).get(code, "")
        self._chunks.append(chunk)
        return len(self._chunks) - 1

    def fail(self, failure: FailedExpectation, row_ids: tuple[str, ...], chunk: int | None = None) -> None:
        """Add an expectation that does not hold.

        Parameters
        ----------
        failure : FailedExpectation
            Its `rows` are positions among the readable rows of the chunk, or of the delivery.
        row_ids : tuple of str
            The ids of the first of these rows.
        chunk : int, optional
            The chunk it was asked of; by default it was asked of the delivery.
        """
        number = next(n for n, rule in enumerate(self._expectations) if rule is failure.expectation)
        _, count = self._failures.setdefault(number, (failure, _Count()))
        count.add(0 if failure.rows is None else len(failure.rows), row_ids)
        if failure.rows is None or failure.severity != "critical":
            return
        if chunk is None:
            self._refuse_in_delivery(failure.reason, failure.rows)
        else:
            _refuse(self._chunks[chunk], failure.reason, failure.rows)

    def reject(self, finding: Finding) -> None:
        """Add a finding that rejects the delivery as a whole; its rule is the reason."""
        self._rejections.append(finding)

    def conclude(self, max_bad_share: float) -> Conclusion:
        """Return the verdict: all is refused when a reason rejects the delivery, or too many rows are refused."""
        rows, readable = sum(chunk.rows for chunk in self._chunks), self._readable_rows()
        failures = [failure for _, failure in sorted(self._failures.items())]
        findings = [*self._column_findings]
        findings += [
            fault_finding(code, count.failed, rows, count.row_ids, count.detail) for code, count in self._faults.items()
        ]
        findings += self._rejections
        findings += [expectation_finding(failed, readable, count.failed, count.row_ids) for failed, count in failures]
        reasons = [*self._column_reasons, *(finding.rule for finding in self._rejections)]
        reasons += [failed.reason for failed, _ in failures if failed.rows is None and failed.severity == "critical"]
        harmful = sum(int(chunk.any(without=REPEATED_LABEL).sum()) for chunk in self._chunks)
        excess = too_many_refused(harmful, rows, max_bad_share)
        if excess is not None and not reasons:
            findings, reasons = [*findings, excess], [excess.rule]
        partly: Verdict = "partly_quarantined" if any(chunk.any().any() for chunk in self._chunks) else "accepted"
        return Conclusion("quarantined" if reasons else partly, tuple(reasons), tuple(findings))

    def readable(self, chunk: int) -> BoolArray:
        """Return the rows of a chunk with values that can all be used."""
        return self._chunks[chunk].readable

    def refused(self, chunk: int) -> BoolArray:
        """Return the rows of a chunk with any reason."""
        return self._chunks[chunk].any()

    def reasons(self, chunk: int) -> pd.DataFrame:
        """Return the reasons that occur in a chunk, a boolean column a code: faults first, then expectations."""
        kept = self._chunks[chunk]
        by_suite = [failure for _, (failure, _) in sorted(self._failures.items()) if failure.severity == "critical"]
        order = dict.fromkeys([*self._faults, *(failure.reason for failure in by_suite if failure.rows is not None)])
        columns = {reason: kept.mask(reason) for reason in order if reason in kept.bits}
        return pd.DataFrame(columns, index=pd.RangeIndex(kept.rows))

    def _readable_rows(self) -> int:
        return sum(int(chunk.readable.sum()) for chunk in self._chunks)

    def _refuse_in_delivery(self, reason: str, rows: IntArray) -> None:
        start = 0
        for chunk in self._chunks:
            end = start + int(chunk.readable.sum())
            inside = rows[(rows >= start) & (rows < end)] - start
            if len(inside):
                _refuse(chunk, reason, inside)
            start = end


def _refuse(chunk: _Chunk, reason: str, rows: IntArray) -> None:
    mask = np.zeros(chunk.rows, dtype=bool)
    mask[np.flatnonzero(chunk.readable)[rows]] = True
    chunk.add(reason, mask)
