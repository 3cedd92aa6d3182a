"""The accepted rows of a delivery on disk without those that stay where they are: in an earlier delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.records import ValidatedChunks


@dataclass(frozen=True, slots=True)
class KeptChunks:
    """Rows on disk of which some are written.

    Parameters
    ----------
    chunks : ValidatedChunks
        The rows after their contract.
    row_ids : Series of str
        The ids of the accepted rows that are written.
    """

    chunks: ValidatedChunks
    row_ids: pd.Series

    @property
    def rows_accepted(self) -> int:
        """Rows that are written."""
        return len(self.row_ids)

    @property
    def rows_refused(self) -> int:
        """Rows that did not pass."""
        return self.chunks.rows_refused

    def accepted(self, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the rows that are written: all columns, or the named ones, `row_id` and `event_date`."""
        kept = pa.array(self.row_ids, pa.large_string(), from_pandas=True)
        for rows in self.chunks.accepted(list(dict.fromkeys([*columns, "row_id"])) if columns else ()):
            yield rows.filter(pc.is_in(rows["row_id"].cast(pa.large_string()), value_set=kept))

    def refused(self) -> Iterator[pd.DataFrame]:
        """Yield the refused rows."""
        return self.chunks.refused()
