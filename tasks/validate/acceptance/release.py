"""Rows that were set aside, read again once a person has looked at them."""

from __future__ import annotations

import json

import pandas as pd

from tasks.spec.cells.cell_types import any_fault
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.typed_frame import label_values, typed
from tasks.validate.verdict.check_rows import dated, needed_columns, nothing_accepted


def readable_again(raw: pd.Series, kind: str, spec: ProjectSpec) -> pd.DataFrame:
    """Return those quarantined rows that can be typed, as accepted rows (or labels).

    Expectations are not asked again: whoever releases a batch has judged it. A column the delivery lacked is missing in
    every row; rows without an id, an event time or readable values stay out. Of several labels of a row the last
    counts.

    Parameters
    ----------
    raw : Series
        Rows as delivered, one JSON object each, as the quarantine keeps them.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> held = ['{"id": "7", "sold": "2026-01-02", "rooms": "900"}', '{"id": "8", "sold": "soon", "rooms": "2"}']
    >>> let_in = readable_again(pd.Series(held), "rows", ProjectSpec.model_validate(named))
    >>> let_in[["row_id", "rooms"]].to_numpy().tolist()
    [['7', 900.0]]
    """
    frame = pd.DataFrame([json.loads(text) for text in raw], dtype=object)
    if frame.empty:
        return nothing_accepted(kind, spec)
    if kind == "rows":
        read = typed(frame.reindex(columns=needed_columns(spec)), spec)
        return dated(read.frame[read.clean], spec)
    column = spec.source.label.column
    plain = frame.reindex(columns=[*spec.source.id, column])
    ids, values = row_ids(plain, spec), label_values(plain[column], spec)
    faults = pd.DataFrame({**ids.faults, **values.faults}, index=plain.index)
    labels = pd.DataFrame({"row_id": ids.names, "label": values.column})[~any_fault(faults)]
    return labels.dropna().drop_duplicates("row_id", keep="last")


def readable_ids(raw: pd.Series, spec: ProjectSpec) -> frozenset[str]:
    """Return the row ids of quarantined rows, as far as they can be read.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> sorted(readable_ids(pd.Series(['{"id": "7", "rooms": "x"}', '{"id": ""}']), ProjectSpec.model_validate(named)))
    ['7']
    """
    frame = pd.DataFrame([json.loads(text) for text in raw], dtype=object)
    if frame.empty:
        return frozenset()
    ids = row_ids(frame.reindex(columns=spec.source.id), spec)
    return frozenset(ids.names[~any_fault(pd.DataFrame(ids.faults, index=frame.index))])
