"""What became of a delivery that was checked in pieces: the verdict, and its rows, still a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from tasks.errors import DataError
from tasks.records import Finding, Landed, Verdict
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.refused_rows import refused
from tasks.validate.verdict.reason_bits import Marks
from tasks.validate.verdict.typed_spool import Spool


@dataclass(frozen=True, slots=True)
class Laid:
    """What was laid down while the pieces were fed: marks of each, readable rows, and rows refused at once.

    `order` is that of the reason codes; `late` says whether reasons were found only at the end.
    """

    marks: tuple[Marks, ...]
    order: tuple[str, ...]
    readable: Spool
    refused: Spool
    late: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The verdict on a delivery that was fed in pieces; `against` are the reasons against all of it."""

    landed: Landed
    verdict: Verdict
    findings: tuple[Finding, ...]
    rows_in: int
    rows_accepted: int
    against: tuple[str, ...]
    spec: ProjectSpec
    laid: Laid

    @property
    def rows_quarantined(self) -> int:
        """Rows refused: those delivered and not accepted."""
        return self.rows_in - self.rows_accepted

    def accepted(self, only: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the accepted rows, as `Checked.accepted` has them, in the order and the pieces they were fed in.

        Parameters
        ----------
        only : sequence of str
            Of their columns these, and `event_date`; every column when left out.
        """
        if self.verdict == "quarantined":
            return
        filled = (marks for marks in self.laid.marks if marks.readable.any())
        moment = self.spec.source.event_time
        wanted = dict.fromkeys([*only, moment]) if only else ()
        for marks, piece in zip(filled, self.laid.readable.pieces(list(wanted)), strict=True):
            good = ~marks.any()[marks.readable]
            if good.any():
                rows = piece if good.all() else piece.filter(pa.array(good))
                days = rows.column(moment).cast(pa.date32())
                yield (rows.select(list(only)) if only else rows).append_column("event_date", days)

    def refused(self, again: Callable[[], Iterable[pd.DataFrame]]) -> Iterator[pd.DataFrame]:
        """Yield the refused rows as delivered with their reasons, as `Checked.refused` has them.

        Parameters
        ----------
        again : callable
            Gives the same pieces once more. It is called only when the delivery is quarantined whole, or when the end
            found fault with rows that had passed; the others were kept.

        Raises
        ------
        DataError
            When other pieces come than were fed.
        """
        if self.verdict != "quarantined" and not self.laid.late:
            yield from (piece.to_pandas() for piece in self.laid.refused.pieces())
            return
        pieces = iter(again())
        for marks in self.laid.marks:
            frame = next(pieces, None)
            if frame is None or len(frame) != marks.rows:
                found = "nothing" if frame is None else f"{len(frame)} rows"
                raise DataError(
                    f"{self.landed.key} was checked with {marks.rows} rows from row {marks.start} on, and read again "
                    f"it has {found} there; it changed meanwhile: run the night again"
                )
            rows = refused(frame, marks.table(self.laid.order), self.against)
            if len(rows):
                yield rows
