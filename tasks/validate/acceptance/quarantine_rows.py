"""Quarantined rows: how they are stored, and how they are typed again, for a release or to be measured as delivered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import pandas as pd

from tasks.lake import Batch
from tasks.records import FAULT_KINDS, Finding
from tasks.spec.cells.cell_types import any_fault
from tasks.spec.cells.kind_conversion import in_kinds
from tasks.spec.cells.moments import REPEATED
from tasks.spec.cells.time_cells import time_texts
from tasks.spec.project_spec import FeatureTable, ProjectSpec
from tasks.validate.typing.row_ids import row_ids
from tasks.validate.typing.typed_frame import label_values, typed
from tasks.validate.verdict.check_feature_rows import no_values, typed_values
from tasks.validate.verdict.check_rows import dated, nothing_accepted


def readable_again(raw: pd.Series, kind: str, spec: ProjectSpec) -> pd.DataFrame:
    """Return those quarantined rows that can be typed, as accepted rows (or labels).

    Expectations are not evaluated again: the user who releases a batch has judged it. A column that the delivery lacked
    is missing in every row. Rows without an id, an event time or readable values are left out. Of several labels of a
    row the last counts.

    Parameters
    ----------
    raw : Series
        Rows as delivered, one JSON object each, as the quarantine stores them.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> raw = ['{"id": "7", "sold": "2026-01-02", "rooms": "900"}', '{"id": "8", "sold": "soon", "rooms": "2"}']
    >>> released = readable_again(pd.Series(raw), "rows", ProjectSpec.model_validate(named))
    >>> released[["row_id", "rooms"]].to_numpy().tolist()
    [['7', 900.0]]
    """
    frame = _delivered(raw)
    if frame.empty:
        return nothing_accepted(kind, spec)
    if kind == "rows":
        rows = typed(frame.reindex(columns=[*spec.row_columns, *spec.fault_columns]), spec)
        return dated(rows.frame[rows.clean], spec)
    column = spec.source.label.column
    frame = frame.reindex(columns=[*spec.key_columns, column])
    time_format = spec.source.label.time_format
    ids, values = row_ids(frame, spec, time_format=time_format), label_values(frame[column], spec)
    faults = pd.DataFrame({**ids.faults, **values.faults}, index=frame.index)
    labels = pd.DataFrame({"row_id": ids.names, "label": values.column})[~any_fault(faults)]
    return labels.dropna().drop_duplicates("row_id", keep="last")


def readable_values(raw: pd.Series, table: FeatureTable, spec: ProjectSpec) -> pd.DataFrame:
    """Return those quarantined values of a feature table that can be typed, as accepted ones.

    As with rows, expectations are not evaluated again, and a column that the delivery lacked is missing.

    Examples
    --------
    >>> table = FeatureTable.model_validate({"name": "zips", "uri": "zips", "entity": ["zip"], "event_time": "at",
    ...     "columns": {"numbers": ["income"]}})
    >>> raw = ['{"zip": "7", "at": "2026-01-02", "income": "900"}', '{"zip": "8", "at": "soon", "income": "2"}']
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": source, "features": {"numbers": ["rooms"]}}
    >>> readable_values(pd.Series(raw), table, ProjectSpec.model_validate(named))[["entity", "income"]].values.tolist()
    [['7', 900.0]]
    """
    frame = _delivered(raw)
    if frame.empty:
        return no_values(table, spec)
    values, faults = typed_values(
        frame.reindex(columns=[*table.entity, table.event_time, *table.columns.all]), table, spec
    )
    return values[~any_fault(faults)].reset_index(drop=True)


def readable_ids(raw: pd.Series, kind: str, spec: ProjectSpec) -> frozenset[str]:
    """Return the row ids of quarantined rows or labels that can be read; an id may have a time as their files write it.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> raw = pd.Series(['{"id": "7", "rooms": "x"}', '{"id": ""}'])
    >>> sorted(readable_ids(raw, "rows", ProjectSpec.model_validate(named)))
    ['7']
    """
    return frozenset(ids_of(raw, kind, spec).dropna())


def ids_of(raw: pd.Series, kind: str, spec: ProjectSpec) -> pd.Series:
    """Return the row id of each quarantined row or label; missing where it cannot be read."""
    frame = _delivered(raw)
    if frame.empty:
        return pd.Series(None, index=raw.index, dtype="str")
    files = spec.source.label if kind == "labels" else spec.source
    ids = row_ids(frame.reindex(columns=spec.key_columns), spec, time_format=files.time_format)
    return ids.names.mask(any_fault(pd.DataFrame(ids.faults, index=frame.index))).set_axis(raw.index)


def as_delivered(raw: pd.Series, spec: ProjectSpec) -> pd.DataFrame:
    """Return quarantined rows typed, with `event_date`, so that they can be summarised; unreadable values are missing.

    Parameters
    ----------
    raw : Series
        Rows as delivered, one JSON object each, as the quarantine stores them.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> raw = pd.Series(['{"id": "7", "sold": "2026-01-02", "rooms": "900"}', '{"sold": "soon", "rooms": "many"}'])
    >>> as_delivered(raw, ProjectSpec.model_validate(named))["rooms"].tolist()
    [900.0, nan]
    """
    rows = typed(_delivered(raw).reindex(columns=[*spec.row_columns, *spec.fault_columns]), spec).frame
    return in_kinds(dated(rows, spec), spec.read_as, spec)


def as_json(rows: pd.DataFrame, spec: ProjectSpec) -> list[str]:
    """Return accepted rows as the lines of a JSON lines delivery; a time that occurs twice has its offset."""
    event_time, zone = spec.source.event_time, spec.schedule.time_zone
    if REPEATED in rows and (second := rows[REPEATED].eq(other=True).to_numpy(bool)).any():
        rows = rows.assign(**{event_time: time_texts(rows[event_time], second, zone)})
    rows = rows.drop(columns=["row_id", "event_date", REPEATED], errors="ignore")
    text: str = rows.to_json(orient="records", lines=True, date_format="iso", date_unit="us", double_precision=15)
    return text.splitlines()


def reasons_of(findings: Iterable[Finding]) -> str:
    """Return the reason codes of rows that are quarantined because of findings about their batch.

    >>> reasons_of([Finding("stuck", "lat", "critical", 9, ""), Finding("truncated", "", "critical", 9, "")])
    'stuck:lat;truncated'
    """
    codes = (f"{finding.rule}:{finding.column}" if finding.column else finding.rule for finding in findings)
    return ";".join(codes)


def fault_reasons(batch: Batch) -> str:
    """Return the reason codes of the rows of a delivery that monitoring has quarantined."""
    return reasons_of(_faults(batch))


def fault_names(batch: Batch) -> str:
    """Return what monitoring has quarantined the rows of a delivery for, in words: 'unit change of temp'."""
    kinds = ((finding.rule.replace("_", " "), finding.column) for finding in _faults(batch))
    return ", ".join(f"{kind} of {column}" if column else kind for kind, column in kinds)


def _faults(batch: Batch) -> Iterator[Finding]:
    kept = (Finding(**(one | {"row_ids": tuple(one["row_ids"])})) for one in json.loads(batch.findings))
    return (finding for finding in kept if finding.rule in FAULT_KINDS)


def with_findings(batch: Batch, findings: Iterable[Finding]) -> str:
    """Return the findings of a batch with later ones, as the lake keeps them."""
    return json.dumps([*json.loads(batch.findings), *map(asdict, findings)], sort_keys=True)


def _delivered(raw: pd.Series) -> pd.DataFrame:
    return pd.DataFrame([json.loads(text) for text in raw], dtype=object)
