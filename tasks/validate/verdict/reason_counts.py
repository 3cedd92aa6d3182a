"""How often each reason was found in the pieces of a delivery, and in which rows first."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.records import Finding
from tasks.validate.contract.expectations import FailedExpectation
from tasks.validate.contract.suite import Suite
from tasks.validate.verdict.verdict import ROWS_NAMED, breach_finding, fault_finding, named


@dataclass(slots=True)
class _Count:
    failed: int = 0
    row_ids: tuple[str, ...] = ()

    def add(self, failed: int, row_ids: tuple[str, ...]) -> None:
        self.failed += failed
        self.row_ids = (*self.row_ids, *row_ids)[:ROWS_NAMED]


@dataclass(slots=True)
class Tally:
    """Counts of faults by code, and of breaches by expectation."""

    suite: Suite
    _faults: dict[str, _Count] = field(default_factory=dict)
    _breaches: dict[int, tuple[FailedExpectation, _Count]] = field(default_factory=dict)

    def fault(self, code: str, rows: BoolArray, names: pd.Series) -> None:
        """Count the rows of a piece that have a fault."""
        self._faults.setdefault(code, _Count()).add(int(rows.sum()), named(names, np.flatnonzero(rows)))

    def breach(self, breach: FailedExpectation, row_ids: tuple[str, ...]) -> None:
        """Count the rows, if any, for which an expectation does not hold, with the ids of the first."""
        number = next(n for n, each in enumerate(self.suite.expectations) if each is breach.expectation)
        _, count = self._breaches.setdefault(number, (breach, _Count()))
        count.add(0 if breach.rows is None else len(breach.rows), row_ids)

    def against_all(self) -> tuple[str, ...]:
        """Return the reasons against the delivery as a whole."""
        found = [breach for _, (breach, _) in sorted(self._breaches.items())]
        return tuple(each.reason for each in found if each.rows is None and each.severity == "critical")

    def order(self) -> tuple[str, ...]:
        """Return the reason codes of rows: faults as they came, then breaches as they stand in the suite."""
        broken = [breach.reason for _, (breach, _) in sorted(self._breaches.items())]
        return tuple(dict.fromkeys([*self._faults, *broken]))

    def findings(self, rows: int, rows_asked: int) -> tuple[Finding, ...]:
        """Return what was found, in words."""
        faults = (fault_finding(code, each.failed, rows, each.row_ids) for code, each in self._faults.items())
        broken = (
            breach_finding(breach, rows_asked, None if breach.rows is None else each.failed, each.row_ids)
            for _, (breach, each) in sorted(self._breaches.items())
        )
        return (*faults, *broken)
