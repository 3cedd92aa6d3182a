"""Profiles of parts of the rows, in this process or on a worker: what is sent, and what is returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import cast

import pandas as pd

from tasks.lake import RowPart, RowReader
from tasks.profiles import Ruler, TableProfile, added_by_day, profile

Days = dict[date, TableProfile]


@dataclass(frozen=True)
class PartProfiler:
    """What profiling needs: where the rows are, their features, and the bins; sent once to each worker."""

    reader: RowReader
    ruler: Ruler
    features: Callable[[pd.DataFrame], pd.DataFrame]

    def profiles(self, partition: tuple[RowPart, ...]) -> dict[str, Days]:
        """Return the profiles of the parts' rows by write key of their batch, and event date."""
        of_batch: dict[str, list[RowPart]] = {}
        for part in partition:
            of_batch.setdefault(part.write_key, []).append(part)
        return {
            write_key: added_by_day(pair for part in parts for pair in self._by_day(part))
            for write_key, parts in of_batch.items()
        }

    def _by_day(self, part: RowPart) -> Iterator[tuple[date, TableProfile]]:
        for piece in self.reader.pieces(part):
            for day, rows in self.features(piece).groupby("event_date"):
                yield cast("date", day), profile(rows, self.ruler)
