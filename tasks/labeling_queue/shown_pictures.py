"""The pictures of rows that a person looks at: refused ones, and those that the model was unsure of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.spec import ProjectSpec

MOST = 20


def refused_pictures(stored: pd.DataFrame, spec: ProjectSpec) -> Iterator[tuple[str, str, str]]:
    """Yield refused rows: the id as delivered, the reasons, and the name of the file.

    Parameters
    ----------
    stored : DataFrame
        `raw` and `reasons` of quarantined rows.
    """
    for raw, reasons in list(zip(stored["raw"], stored["reasons"], strict=True))[:MOST]:
        row: dict[str, Any] = json.loads(raw)
        named = "|".join(str(row.get(name, "")) for name in spec.source.id)
        yield named, f"refused: {reasons.replace(';', ', ')}", str(row.get(spec.file_columns[0]) or "")


def unsure_pictures(
    answered: pd.DataFrame, labelled: pd.Series, rows: pd.DataFrame, spec: ProjectSpec
) -> Iterator[tuple[str, str, str]]:
    """Yield the rows that wait for a person, the newest first: the id, that they wait, the name of the file.

    What the model said is not shown: some of them are asked about without it.

    Parameters
    ----------
    answered : DataFrame
        Every answer of a champion; of a row that was answered again, the newest counts.
    labelled : Series of str
        Ids of the rows with a label.
    rows : DataFrame
        The same rows, with `row_id` and the name of the file.
    """
    newest = answered.sort_values("time", kind="stable").drop_duplicates("row_id", keep="last")
    deferred = newest[newest["deferred"].astype("boolean").fillna(value=False).to_numpy(bool)]
    waiting = deferred[~deferred["row_id"].isin(labelled)].sort_values(
        ["event_date", "row_id"], ascending=[False, True]
    )
    names = dict(zip(rows["row_id"], rows[spec.file_columns[0]], strict=True))
    for row_id in waiting["row_id"].head(MOST):
        yield str(row_id), "left to a person", str(names.get(row_id) or "")
