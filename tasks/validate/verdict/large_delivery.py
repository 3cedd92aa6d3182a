"""A delivery too large to hold, after its contract: the verdict, and its rows a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.records import Checked, Delivery, Finding, Landed, Verdict
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.release import readable_ids
from tasks.validate.contract.suite import Suite
from tasks.validate.verdict.chunked_check import ChunkedCheck
from tasks.validate.verdict.chunked_result import Ended

NO_IDS = pa.table({"row_id": pa.array([], pa.large_string()), "event_date": pa.array([], pa.date32())})


@dataclass(frozen=True)
class LargeChecked:
    """What `Checked` is for a delivery that is held, for one that lies on disk."""

    delivery: Delivery
    ended: Ended

    @property
    def batch_id(self) -> str:
        """The sha256 of its content."""
        return self.delivery.batch_id

    @property
    def landed(self) -> Landed:
        """Where it came from."""
        return self.delivery.landed

    @property
    def verdict(self) -> Verdict:
        """What the contract says of it."""
        return self.ended.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The rules that did not hold."""
        return self.ended.findings

    @property
    def rows_in(self) -> int:
        """Rows delivered."""
        return self.ended.rows_in

    @property
    def rows_refused(self) -> int:
        """Rows set aside."""
        return self.ended.rows_quarantined

    def ids(self) -> pd.DataFrame:
        """Return `row_id` and `event_date` of the accepted rows, all that is ever held of them at once."""
        pieces = list(self.ended.accepted(["row_id"]))
        found: pd.DataFrame = pa.concat_tables(pieces or [NO_IDS]).to_pandas()
        return found

    def refused(self) -> Iterator[pd.DataFrame]:
        """Yield the refused rows as delivered, with their reasons."""
        return self.ended.refused(self.delivery.frames)

    def refused_ids(self) -> frozenset[str]:
        """Return the row ids of what was set aside."""
        spec = self.ended.spec
        return frozenset().union(*(readable_ids(piece["raw"], spec) for piece in self.refused()))

    def with_rows(self, rows: pd.DataFrame) -> Checked:
        """Return a record of the held kind, with only these rows."""
        return Checked(self.batch_id, self.landed, self.verdict, rows, pd.DataFrame(), self.findings)


def check_large(delivery: Delivery, spec: ProjectSpec, suite: Suite, folder: Path) -> LargeChecked:
    """Return a large delivery of rows after its contract; the folder must last until it has been stored."""
    folder.mkdir(parents=True)
    checking = ChunkedCheck(delivery.landed, spec, suite, folder)
    for piece in delivery.frames():
        checking.feed(piece)
    return LargeChecked(delivery, checking.finish())
