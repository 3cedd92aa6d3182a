"""From everything that speaks against a delivery to its accepted and refused rows, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from tasks.records import Delivery, ValidatedDelivery
from tasks.validate.verdict.refused_rows import refused_frames
from tasks.validate.verdict.spooled_rows import SpooledRows
from tasks.validate.verdict.violations import Conclusion, Violations


def validated(
    delivery: Delivery, readable: pd.DataFrame, violations: Violations, max_bad_share: float
) -> ValidatedDelivery:
    """Return a delivery that is in memory with its verdict: the readable rows without a reason are accepted.

    Parameters
    ----------
    delivery : Delivery
        As delivered, in one chunk.
    readable : DataFrame
        The readable rows as they would be accepted; without any when they were not read.
    violations : Violations
        What speaks against rows and against the delivery.
    max_bad_share : float
        The share of refused rows from which on all are refused.
    """
    conclusion = violations.conclude(max_bad_share)
    if conclusion.reasons:
        accepted = readable.iloc[:0]
    else:
        good = ~violations.refused(0)[violations.readable(0)]
        accepted = readable if good.all() else readable[good]
    (refused,) = refused_frames(delivery, violations, conclusion.reasons)
    return ValidatedDelivery(
        delivery.batch_id,
        delivery.landed,
        conclusion.verdict,
        accepted.reset_index(drop=True),
        refused,
        conclusion.findings,
    )


@dataclass(frozen=True, slots=True)
class RowsOnDisk:
    """The rows of a large delivery after its contract; see `tasks.records.ValidatedChunks`.

    `refused_once` has the refused rows as they were found; None where reasons were added after the last chunk, so that
    the delivery must be read again.
    """

    delivery: Delivery
    violations: Violations
    conclusion: Conclusion
    readable: SpooledRows
    refused_once: SpooledRows | None
    event_time: str

    @property
    def rows_accepted(self) -> int:
        """Rows that passed."""
        return self.delivery.row_count - self.rows_refused

    @property
    def rows_refused(self) -> int:
        """Rows that did not pass."""
        if self.conclusion.reasons:
            return self.delivery.row_count
        return sum(int(self.violations.refused(chunk).sum()) for chunk in range(self.violations.chunks))

    def rejected(self, reason: str) -> RowsOnDisk:
        """Return the same rows, all refused for one more reason."""
        conclusion = self.conclusion._replace(verdict="quarantined", reasons=(*self.conclusion.reasons, reason))
        return replace(self, conclusion=conclusion, refused_once=None)

    def accepted(self, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the accepted rows in their order and their chunks.

        Parameters
        ----------
        columns : sequence of str
            The columns to read, in addition to `event_date`; by default all.
        """
        if self.conclusion.reasons:
            return
        filled = [chunk for chunk in range(self.violations.chunks) if self.violations.readable(chunk).any()]
        selected = list(dict.fromkeys([*columns, self.event_time])) if columns else []
        for chunk, table in zip(filled, self.readable.chunks(selected), strict=True):
            good = ~self.violations.refused(chunk)[self.violations.readable(chunk)]
            if good.any():
                rows = table if good.all() else table.filter(pa.array(good))
                days = rows.column(self.event_time).cast(pa.date32())
                yield (rows.select(list(columns)) if columns else rows).append_column("event_date", days)

    def refused(self) -> Iterator[pd.DataFrame]:
        """Yield the refused rows as delivered with their reasons."""
        if self.refused_once is not None:
            yield from (table.to_pandas() for table in self.refused_once.chunks())
            return
        for rows in refused_frames(self.delivery, self.violations, self.conclusion.reasons):
            if len(rows):
                yield rows
