"""What is kept of rows that are refused: each as delivered, in one text, with its reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd


def refused(frame: pd.DataFrame, reasons: pd.DataFrame, everywhere: Sequence[str] = ()) -> pd.DataFrame:
    """Return the rows that have a reason, as `raw` (JSON, the columns as delivered) and `reasons` (joined by `;`).

    Parameters
    ----------
    frame : DataFrame
        Rows as delivered.
    reasons : DataFrame
        One boolean column a reason code, with the rows of `frame`, by position.
    everywhere : sequence of str
        Reasons of the batch, which every row shares, after its own.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": ["7", "8"], "rooms": ["3", "many"]})
    >>> refused(rows, pd.DataFrame({"not_a_number:rooms": [False, True]})).values.tolist()
    [['{"id": "8", "rooms": "many"}', 'not_a_number:rooms']]
    """
    masks = reasons.to_numpy(bool)
    chosen = np.arange(len(frame)) if everywhere else np.flatnonzero(masks.any(axis=1))
    codes = np.array(reasons.columns, dtype=object)
    texts = [";".join([*codes[masks[row]], *everywhere]) for row in chosen]
    return pd.DataFrame({"raw": raws(frame, chosen), "reasons": texts}, dtype="str")


def raws(frame: pd.DataFrame, rows: npt.NDArray[np.intp]) -> list[str]:
    """Return rows as JSON objects, missing values as null and what JSON does not know as text."""
    if not len(rows):
        return []
    some = frame.iloc[rows]
    columns = [some[name].astype(object).where(some[name].notna(), None).tolist() for name in some.columns]
    names = [str(name) for name in some.columns]
    records = zip(*columns, strict=True) if columns else ((),) * len(rows)
    return [json.dumps(dict(zip(names, record, strict=True)), ensure_ascii=False, default=_text) for record in records]


def _text(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, date) else str(value)
