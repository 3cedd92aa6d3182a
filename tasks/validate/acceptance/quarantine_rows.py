"""Quarantined rows: how they are kept, and how they are typed again, so that rows can be measured as delivered."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd

from tasks.records import Finding
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.typing.typed_frame import typed
from tasks.validate.verdict.check_rows import dated, needed_columns


def as_delivered(raw: pd.Series, spec: ProjectSpec) -> pd.DataFrame:
    """Return quarantined rows with their own columns typed, and `event_date`; what cannot be read is missing.

    Parameters
    ----------
    raw : Series
        Rows as delivered, one JSON object each, as the quarantine keeps them.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "sold", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> held = pd.Series(['{"id": "7", "sold": "2026-01-02", "rooms": "900"}', '{"sold": "soon", "rooms": "many"}'])
    >>> as_delivered(held, ProjectSpec.model_validate(named))["rooms"].tolist()
    [900.0, nan]
    """
    frame = pd.DataFrame([json.loads(text) for text in raw], dtype=object)
    return dated(typed(frame.reindex(columns=needed_columns(spec)), spec).frame, spec)


def as_json(rows: pd.DataFrame) -> list[str]:
    """Return typed rows as a delivery of JSON lines would have them."""
    text: str = rows.to_json(orient="records", lines=True, date_format="iso", date_unit="us", double_precision=15)
    return text.splitlines()


def reasons_of(findings: Iterable[Finding]) -> str:
    """Return the reason codes of rows that findings about their batch have quarantined.

    >>> reasons_of([Finding("stuck", "lat", "critical", 9, ""), Finding("truncated", "", "critical", 9, "")])
    'stuck:lat;truncated'
    """
    return ";".join(f"{each.rule}:{each.column}" if each.column else each.rule for each in findings)
