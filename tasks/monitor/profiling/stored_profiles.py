"""Profiles as rows of the table `profiles`: of accepted rows, and of quarantined ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from tasks.lake import Batch
from tasks.profiles import TableProfile, to_bytes

ACCEPTED = "rows"
QUARANTINED = "refused"
COLUMNS = ["batch_id", "revision", "source", "ruler", "event_date", "row_count", "profile"]


def stored_profiles(batch: Batch, source: str, ruler: str, days: Mapping[date, TableProfile]) -> pd.DataFrame:
    """Return the profiles of a batch's rows as they are stored.

    Parameters
    ----------
    source : str
        `ACCEPTED` or `QUARANTINED`.
    ruler : str
        Digest of the profiles' ruler.
    days : mapping of date to TableProfile
        By event date.
    """
    rows = [
        (batch.batch_id, batch.revision, source, ruler, day, days[day].rows, to_bytes(days[day]))
        for day in sorted(days)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
