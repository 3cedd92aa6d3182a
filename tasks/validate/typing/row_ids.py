"""Row ids: the id columns of a row as one text, the same from csv, jsonl and parquet, from rows and from labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.cells.cell_types import Read, categories
from tasks.spec.cells.entity_keys import joined
from tasks.spec.cells.time_cells import time_texts, times
from tasks.spec.project_spec import ProjectSpec


class RowIds(NamedTuple):
    """The id of each row, missing where a part of it is missing, and for each fault code the rows with the fault."""

    names: pd.Series
    faults: dict[str, BoolArray]


def row_ids(
    frame: pd.DataFrame,
    spec: ProjectSpec,
    reads: Mapping[str, Read] | None = None,
    time_format: str | None = None,
) -> RowIds:
    r"""Return the columns that identify each row (`ProjectSpec.key_columns`) joined by `|`.

    An id column that is also the event time is read as a time first: `2014-05-02` and `2014-05-02T00:00` are one id.
    A `|` inside a part is written `\|`, so that two rows cannot share an id by accident.

    Parameters
    ----------
    frame : DataFrame
        As delivered, with every such column.
    spec : ProjectSpec
        For the id columns, the event time and the time zone.
    reads : mapping, optional
        The columns of the frame that are already read.
    time_format : str, optional
        The format of times in the files of the frame.

    Examples
    --------
    >>> text = {"uri": "landing", "id": ["id", "sold"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> rows = pd.DataFrame({"id": [7, 8], "sold": ["2014-05-02T00:00", ""]})
    >>> ids = row_ids(rows, ProjectSpec.model_validate(named))
    >>> ids.names.tolist(), {code: rows.tolist() for code, rows in ids.faults.items()}
    (['7|2014-05-02', nan], {'missing_id:sold': [False, True]})
    """
    zone, parts = spec.schedule.time_zone, list[pd.Series]()
    faults: dict[str, BoolArray] = {}
    for name in spec.key_columns:
        is_time = name == spec.source.event_time
        if reads is not None and name in reads:
            read = reads[name]
        else:
            read = times(frame[name], zone, time_format) if is_time else categories(frame[name])
        faults |= {f"{code}:{name}": unread for code, unread in read.faults.items()}
        missing = read.column.isna().to_numpy() & ~read.bad
        if missing.any():
            faults[f"missing_id:{name}"] = missing
        parts.append(time_texts(read.column, read.second, zone) if is_time else read.column)
    return RowIds(joined(parts), faults)
