"""The state of deliveries: for each batch, its highest revision."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pyarrow.dataset as ds

from tasks.lake.lake import Lake


def latest(lake: Lake, project: str) -> pd.DataFrame:
    """Return one row a batch, as it stands now, in order of arrival."""
    frame = lake.read(project, "batches").sort_values(["revision"], kind="stable")
    newest = frame.drop_duplicates("batch_id", keep="last")
    return newest.sort_values(["arrival", "key"], kind="stable").reset_index(drop=True)


def accepted(lake: Lake, project: str, *, after: date | None = None) -> pd.DataFrame:
    """Return the batches of rows of which something was accepted, only those with events after a date if one is given."""
    frame = latest(lake, project)
    frame = frame[(frame["kind"] == "rows") & (frame["rows_accepted"] > 0)]
    return frame if after is None else frame[frame["event_until"] > after]


def batch_rows(lake: Lake, project: str, batch: Any) -> pd.DataFrame:
    """Return the accepted rows of one batch, given its row of `batches`; only its event dates' files are read."""
    inside = (ds.field("event_date") >= batch.event_from) & (ds.field("event_date") <= batch.event_until)
    return lake.read(project, "rows", where=inside & (ds.field("batch_id") == batch.batch_id))
