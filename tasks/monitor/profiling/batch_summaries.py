"""What one pass over the accepted rows of a batch finds: their profiles by event date, and how many repeat another.

A night's rooms need both more than once, before and after a batch is found sound: each batch is read once for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import numpy as np
import pandas as pd

from tasks.arrays import HashArray
from tasks.drift import RepeatedRows, row_hashes
from tasks.lake import RowPart, RowReader
from tasks.profiles import Ruler, TableProfile, added_by_day, profile, sum_profiles
from tasks.spec.spec_sections.feature_sections import Features

Days = dict[date, TableProfile]


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """The profiles of a batch's accepted rows by event date, and how many of its rows repeat another of them."""

    days: Days
    repeated: RepeatedRows

    @property
    def whole(self) -> TableProfile:
        """The profile of all rows; there must be one."""
        return sum_profiles(list(self.days.values()))


@dataclass(frozen=True, slots=True, eq=False)
class PartSummary:
    """A share of a batch: profiles and hashes of its rows, which add up to those of the batch."""

    days: Days
    hashes: HashArray


@dataclass(frozen=True)
class PartSummarizer:
    """What a pass needs: where the rows are, their features, and the bins; sent once to each worker."""

    reader: RowReader
    ruler: Ruler
    features: Callable[[pd.DataFrame], pd.DataFrame]
    compared: Features

    def summaries(self, partition: tuple[RowPart, ...]) -> dict[str, PartSummary]:
        """Return what the parts' rows show, by write key of their batch."""
        of_batch: dict[str, list[PartSummary]] = {}
        for part in partition:
            of_batch.setdefault(part.write_key, []).extend(self._pieces(part))
        return {write_key: summed(pieces) for write_key, pieces in of_batch.items()}

    def _pieces(self, part: RowPart) -> Iterator[PartSummary]:
        for piece in self.reader.pieces(part):
            yield piece_summary(piece, self.features, self.ruler, self.compared)


def piece_summary(
    piece: pd.DataFrame, features: Callable[[pd.DataFrame], pd.DataFrame], ruler: Ruler, compared: Features
) -> PartSummary:
    """Return what some rows show, with their features."""
    rows = features(piece)
    days = {cast("date", day): profile(each, ruler) for day, each in rows.groupby("event_date")}
    return PartSummary(days, hashes_of(rows, compared))


def hashes_of(rows: pd.DataFrame, compared: Features) -> HashArray:
    """Return the hashes of rows, by the columns in which they repeat each other."""
    return row_hashes(rows[compared.columns], compared.categories)


def summed(parts: Sequence[PartSummary]) -> PartSummary:
    """Return what parts show together."""
    hashes = [part.hashes for part in parts] or [np.empty(0, np.uint64)]
    return PartSummary(added_by_day(pair for part in parts for pair in part.days.items()), np.concatenate(hashes))
