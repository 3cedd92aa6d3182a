"""The rows of a labelled cohort, read once: for its errors by slice, and for the groups that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pandas as pd

from tasks.dataset.night_data import NightData
from tasks.lake import Filter
from tasks.monitor.slicing.slice_errors import Slices, Tally, cohort_tally


@dataclass
class CohortRows:
    """Reads the rows of a cohort in pieces; the groups of rows that were read for their slices are not read again.

    Parameters
    ----------
    features : callable, optional
        From accepted rows to the same with their features.
    groups : tuple of str
        The columns that define groups.
    """

    data: NightData
    features: Callable[[pd.DataFrame], pd.DataFrame] | None
    groups: tuple[str, ...] = ()
    _read: list[pd.DataFrame] = field(default_factory=list)

    def tally(self, slices: Slices, cohort: pd.DataFrame) -> Tally:
        """Return the losses of a cohort by slice."""
        return cohort_tally(slices, cohort, self._pieces(cohort), self.data.spec.scope.metric)

    def groups_of(self, cohort: pd.DataFrame) -> pd.DataFrame:
        """Return the groups of each row of a cohort, in its order; a row that is gone has none."""
        if not self._read:
            for _piece in self._pieces(cohort):
                pass
        empty = pd.DataFrame(columns=["row_id", *self.groups])
        known = pd.concat(self._read) if self._read else empty
        return known.drop_duplicates("row_id", keep="last").set_index("row_id").reindex(cohort["row_id"])

    def _pieces(self, cohort: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Yield the rows with their features, and keep their groups."""
        inside: list[Filter] = [
            ("event_date", ">=", cohort["event_date"].min()),
            ("event_date", "<=", cohort["event_date"].max()),
        ]
        self._read.clear()
        for piece in self.data.lake.pieces(self.data.spec.project, "rows", where=inside):
            active = self.data.deliveries.active(piece)
            rows = active[active["row_id"].isin(cohort["row_id"])]
            if not len(rows):
                continue
            made = rows if self.features is None else self.features(rows)
            if self.groups:
                self._read.append(made.reindex(columns=["row_id", *self.groups]))
            yield made
