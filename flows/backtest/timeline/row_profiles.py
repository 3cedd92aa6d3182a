"""The profiles of a history's rows by event date, added up from those of its batches as their states change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import cast

import numpy as np
import pandas as pd

from flows.backtest.history import StoredProfiles, WriteKey
from flows.backtest.timeline.timeline import Timeline
from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.monitor.profiling.quarantined_rows import quarantined_by_day
from tasks.profiles import Ruler, TableProfile, added_by_day, profile
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import as_delivered, as_json
from tasks.validate.task import RELEASED

Profiles = dict[date, TableProfile]


@dataclass
class RowProfiles:
    """The profiles of one ruler, each made once."""

    timeline: Timeline
    spec: ProjectSpec
    ruler: Ruler
    _accepted: dict[WriteKey, Profiles] = field(default_factory=dict)
    _quarantined: dict[WriteKey, Profiles] = field(default_factory=dict)
    _sums: tuple[frozenset[WriteKey], Profiles] = (frozenset(), {})

    def accepted(self, deliveries: Deliveries, after: date, until: date) -> Profiles:
        """Return the profiles of the accepted rows of some event dates."""
        sums = self._summed(deliveries, after)
        return {day: sums[day] for day in sorted(sums) if after < day <= until}

    def of_revision(self, key: WriteKey) -> Profiles:
        """Return the profiles of the rows that were written for a revision of a batch, as a night stored them."""
        if key not in self._accepted:
            self._accepted[key] = _of_ruler(self.timeline.history.accepted, self.ruler, key) or self._made(key)
        return self._accepted[key]

    def quarantined(self, deliveries: Deliveries, until: date, own: Mapping[str, Batch]) -> Profiles:
        """Return the profiles of the quarantined rows of some event dates; released rows are not among them.

        Parameters
        ----------
        own : mapping of str to Batch
            The batches that the backtest itself has quarantined, as they were before.
        """
        states = [
            batch
            for batch in deliveries.latest()
            if batch.kind == "rows" and batch.rows_quarantined and batch.verdict not in {SUPERSEDED, RELEASED}
        ]
        pairs = (pair for batch in states for pair in self._of_quarantined(batch, own.get(batch.batch_id)).items())
        return {day: rows for day, rows in added_by_day(pairs).items() if day <= until}

    def _summed(self, deliveries: Deliveries, after: date) -> Profiles:
        """Return the sums of what counts: what came since the last night is added, unless something was withdrawn."""
        written = self.timeline.written
        newer = written.counted(deliveries) & (self.timeline.last_days > np.datetime64(after))
        counted = frozenset(written.keys[code] for code in np.flatnonzero(newer))
        known, sums = self._sums
        if not known <= counted:
            known, sums = frozenset(), {}
        added = (pair for key in sorted(counted - known) for pair in self.of_revision(key).items())
        sums = added_by_day([*sums.items(), *added])
        self._sums = (counted, sums)
        return sums

    def _made(self, key: WriteKey) -> Profiles:
        rows = self._needed.iloc[self.timeline.rows_written(key)]
        days = rows["event_date"]
        if len(set(days)) == 1:
            return {days.iloc[0]: profile(rows, self.ruler)}
        return {cast("date", day): profile(of_day, self.ruler) for day, of_day in rows.groupby("event_date")}

    @cached_property
    def _needed(self) -> pd.DataFrame:
        return self.timeline.frame[list(dict.fromkeys([*self.ruler.needed, "event_date"]))]

    def _of_quarantined(self, batch: Batch, before: Batch | None) -> Profiles:
        key = (batch.batch_id, batch.revision)
        if key not in self._quarantined:
            stored = _of_ruler(self.timeline.history.quarantined, self.ruler, key)
            rows = (
                as_delivered(pd.Series(self._raw(batch, before), dtype=object), self.spec) if stored is None else None
            )
            self._quarantined[key] = (
                stored if rows is None else added_by_day(quarantined_by_day(rows, batch.arrival, self.ruler))
            ) or {}
        return self._quarantined[key]

    def _raw(self, batch: Batch, before: Batch | None) -> Iterable[str]:
        """Return the quarantined rows of a batch as delivered: by its contract, and by the backtest's own check."""
        by_contract = self.timeline.history.quarantine
        raw = list(by_contract.loc[by_contract["batch_id"] == batch.batch_id, "raw"])
        if before is not None and batch.revision == before.quarantined("").revision:
            rows = self.timeline.rows(self.timeline.rows_of(before))
            raw += as_json(rows[[name for name in self.spec.row_columns if name in rows]], self.spec)
        return raw


def _of_ruler(stored: StoredProfiles | None, ruler: Ruler, key: WriteKey) -> Profiles | None:
    return stored.profiles(key) if stored is not None and stored.ruler == ruler else None
