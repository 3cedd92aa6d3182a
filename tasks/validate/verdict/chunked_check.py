"""The verdict on a delivery too large to hold: fed in pieces, with memory for one piece at a time.

Values, ids and the expectations about each row by itself are looked at piece by piece. Only the end can tell what is
asked of the delivery as a whole (see `tasks.validate.contract.expectation_scope`), and whether too much of it was
refused; so nothing is
final before `finish`, and the readable rows wait in a spool until then.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tasks.arrays import IntArray
from tasks.records import Finding, Landed, Verdict
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.refused_rows import refused
from tasks.validate.contract.expectation_scope import ONLY_THE_COLUMNS, columns_read, parted
from tasks.validate.contract.expectations import FailedExpectation, evaluate
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.contract.suite import Expectation, Suite
from tasks.validate.typing.typed_frame import Typed, typed
from tasks.validate.verdict.chunked_result import Ended, Laid
from tasks.validate.verdict.reason_bits import Marks
from tasks.validate.verdict.reason_counts import Tally
from tasks.validate.verdict.seen_ids import SeenIds
from tasks.validate.verdict.typed_spool import Spool
from tasks.validate.verdict.verdict import HARMLESS, ROWS_NAMED, named, of_named_columns, too_many_refused


class Counted(NamedTuple):
    """Rows of a piece that have passed so far, and that are refused already."""

    accepted: int
    refused: int


class ChunkedCheck:
    """The check of one delivery of rows, fed in pieces.

    Parameters
    ----------
    landed : Landed
        Where it came from.
    spec : ProjectSpec
        For the columns, their kinds and the contract.
    suite : Suite
        The project's expectations.
    folder : Path
        An empty folder for what is laid down meanwhile; whoever made it removes it, once the rows were taken from
        what `finish` gives.
    """

    def __init__(self, landed: Landed, spec: ProjectSpec, suite: Suite, folder: Path) -> None:
        asked = suite.of_rows(spec)
        self._landed, self._spec = landed, spec
        self._of_rows, self._of_all = parted(asked)
        self._seen, self._tally = SeenIds(folder), Tally(asked)
        self._readable = Spool(folder / "readable.arrow")
        self._refused = Spool(folder / "refused.arrow")
        self._marks: list[Marks] = []
        self._columns: dict[str, None] = {}

    def feed(self, frame: pd.DataFrame) -> Counted:
        """Look at the next rows, as delivered, privacy already applied.

        Raises
        ------
        ContractError
            When an expectation cannot be computed.
        """
        self._columns |= dict.fromkeys(map(str, frame.columns))
        lost = {name: pd.Series(index=frame.index, dtype="str") for name in self._spec.row_columns if name not in frame}
        read = typed(frame.assign(**lost), self._spec, self._seen.again)
        marks = Marks(sum(each.rows for each in self._marks), len(frame), read.clean)
        for code in read.faults:
            rows = read.faults[code].to_numpy(bool)
            marks.add(str(code), rows)
            self._tally.fault(str(code), rows, read.frame["row_id"])
        self._marks.append(marks)
        self._ask_rows(read, marks)
        bad = marks.any()
        if bad.any():
            self._refused.add(refused(frame, marks.table(self._tally.order())))
        return Counted(int((~bad).sum()), int(bad.sum()))

    def finish(self) -> Ended:
        """Ask what can only be asked of all rows, and conclude; nothing can be fed afterwards."""
        self._readable.close()
        self._refused.close()
        contract, rows_in = self._spec.contract, sum(each.rows for each in self._marks)
        readable = sum(int(each.readable.sum()) for each in self._marks)
        reasons = of_named_columns(
            self._landed.key, rows_in, list(self._columns), self._spec.row_columns, contract.new_columns
        )
        if reasons.batch:
            return self._ended(reasons.findings, reasons.batch, order=(), late=False)
        late = self._ask_all(readable) if readable else False
        findings, against = (*reasons.findings, *self._tally.findings(rows_in, readable)), self._tally.against_all()
        harmful = sum(int(each.any(without=HARMLESS).sum()) for each in self._marks)
        excess = too_many_refused(harmful, rows_in, contract.max_bad_share)
        if excess is not None and not against:
            findings, against = (*findings, excess), (excess.rule,)
        return self._ended(findings, against, self._tally.order(), late=late)

    def _ask_rows(self, read: Typed, marks: Marks) -> None:
        """Ask the expectations about each row of the readable rows, and lay these down."""
        if not marks.readable.any():
            return
        rows = read.frame if marks.readable.all() else read.frame[marks.readable].reset_index(drop=True)
        with quiet_great_expectations():
            found = evaluate(rows, self._of_rows)
        positions = np.flatnonzero(marks.readable)
        for breach in found:
            if breach.rows is None:
                continue
            self._tally.breach(breach, named(rows["row_id"], breach.rows))
            if breach.severity == "critical":
                marks.add(breach.reason, _mask(positions[breach.rows], marks.rows))
        self._readable.add(rows)

    def _ask_all(self, readable: int) -> bool:
        """Ask the other expectations, with only the columns they need in memory; tell whether rows fell by them."""
        late = False
        for columns, some in self._by_columns().items():
            frame = self._readable.columns(columns) if columns else pd.DataFrame(index=pd.RangeIndex(readable))
            shape = [each for each in some if each.rule in ONLY_THE_COLUMNS and not columns]
            found = self._asked(frame, [each for each in some if each not in shape])
            if shape:
                found += self._asked(next(self._readable.pieces()).drop_columns("row_id").to_pandas(), shape)
            for breach in found:
                row_ids = () if breach.rows is None else self._readable.texts("row_id", breach.rows[:ROWS_NAMED])
                self._tally.breach(breach, row_ids)
                if breach.severity == "critical" and breach.rows is not None:
                    self._mark_late(breach.reason, breach.rows)
                    late = True
        return late

    def _by_columns(self) -> dict[tuple[str, ...], list[Expectation]]:
        known, found = self._spec.row_columns, dict[tuple[str, ...], list[Expectation]]()
        for each in self._of_all.expectations:
            found.setdefault(columns_read(each, known), []).append(each)
        return found

    def _asked(self, frame: pd.DataFrame, some: list[Expectation]) -> list[FailedExpectation]:
        with quiet_great_expectations():
            return evaluate(frame, Suite(self._of_all.path, tuple(some)))

    def _mark_late(self, reason: str, rows: IntArray) -> None:
        """Mark rows that are numbered among all that could be read."""
        start = 0
        for marks in self._marks:
            positions = np.flatnonzero(marks.readable)
            mine = rows[(rows >= start) & (rows < start + len(positions))] - start
            if len(mine):
                marks.add(reason, _mask(positions[mine], marks.rows))
            start += len(positions)

    def _ended(
        self, findings: tuple[Finding, ...], against: tuple[str, ...], order: tuple[str, ...], *, late: bool
    ) -> Ended:
        rows_in = sum(each.rows for each in self._marks)
        bad = rows_in if against else sum(int(each.any().sum()) for each in self._marks)
        partly: Verdict = "partly_quarantined" if bad else "accepted"
        laid = Laid(tuple(self._marks), order, self._readable, self._refused, late)
        verdict = "quarantined" if against else partly
        return Ended(self._landed, verdict, findings, rows_in, rows_in - bad, against, self._spec, laid)


def _mask(positions: IntArray, rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(rows, dtype=bool)
    mask[positions] = True
    return mask
