"""Profiles of parts of the rows, wherever they are made: what a worker is given, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import cast

import pandas as pd

from tasks.lake import RowPart, RowReader
from tasks.profiles import Ruler, TableProfile, profile

Days = dict[date, TableProfile]


@dataclass(frozen=True)
class Summing:
    """What whoever summarises needs: where the rows lie, their features, and the bins; sent once to each worker."""

    reader: RowReader
    ruler: Ruler
    features: Callable[[pd.DataFrame], pd.DataFrame]

    def summed(self, partition: tuple[RowPart, ...]) -> dict[str, Days]:
        """Return the profiles of the parts' rows by write key of their batch, and event date."""
        found: dict[str, Days] = {}
        for part in partition:
            days = found.setdefault(part.write_key, {})
            for piece in self.reader.pieces(part):
                for day, rows in self.features(piece).groupby("event_date"):
                    add(days, cast("date", day), profile(rows, self.ruler))
        return found


def add(days: Days, day: date, more: TableProfile) -> None:
    """Add a profile to what is known of its event date."""
    days[day] = days[day] + more if day in days else more
