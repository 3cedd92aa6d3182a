"""What is kept of refused rows: each as delivered, in one text, with its reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import DataError
from tasks.records import Delivery
from tasks.validate.verdict.violations import Violations

CELLS_AT_ONCE = 2**20  # as Python objects, of which a cell is several


def refused_frames(delivery: Delivery, violations: Violations, reasons: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the refused rows of each chunk of a delivery; `reasons` are those that reject all of it.

    Raises
    ------
    DataError
        When the delivery has other rows than those that were checked.
    """
    if violations.unusable:
        for frame in delivery.frames():
            yield refused(frame, pd.DataFrame(index=pd.RangeIndex(len(frame))), reasons)
        return
    frames, start = delivery.frames(), 0
    for chunk in range(violations.chunks):
        rows, reread = len(violations.readable(chunk)), next(frames, None)
        if reread is None or len(reread) != rows:
            count = "nothing" if reread is None else f"{len(reread)} rows"
            raise DataError(
                f"{delivery.landed.key} was checked with {rows} rows from row {start} on, and read again it has "
                f"{count} there; it changed meanwhile: run the night again"
            )
        yield refused(reread, violations.reasons(chunk), reasons)
        start += rows


def refused(frame: pd.DataFrame, reasons: pd.DataFrame, of_delivery: Sequence[str] = ()) -> pd.DataFrame:
    """Return the rows that have a reason, as `raw` (JSON, the columns as delivered) and `reasons` (joined by `;`).

    Parameters
    ----------
    frame : DataFrame
        Rows as delivered.
    reasons : DataFrame
        One boolean column a reason code, with the rows of `frame`, by position.
    of_delivery : sequence of str
        Reasons of the delivery, which every row has, after its own.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": ["7", "8"], "rooms": ["3", "many"]})
    >>> refused(rows, pd.DataFrame({"not_a_number:rooms": [False, True]})).values.tolist()
    [['{"id": "8", "rooms": "many"}', 'not_a_number:rooms']]
    """
    masks = reasons.to_numpy(bool)
    chosen = np.arange(len(frame)) if of_delivery else np.flatnonzero(masks.any(axis=1))
    codes = np.array(reasons.columns, dtype=object)
    texts = [";".join([*codes[masks[row]], *of_delivery]) for row in chosen]
    at_once = max(1, CELLS_AT_ONCE // max(1, len(frame.columns)))
    blocks = (chosen[start : start + at_once] for start in range(0, len(chosen), at_once))
    raw = [text for block in blocks for text in _as_json(frame, block)]
    return pd.DataFrame({"raw": raw, "reasons": texts}, dtype="str")


def _as_json(frame: pd.DataFrame, rows: npt.NDArray[np.intp]) -> list[str]:
    """Return rows as JSON objects: missing values as null, types that JSON does not have as text."""
    if not len(rows):
        return []
    chosen = frame.iloc[rows]
    columns = [chosen[name].astype(object).where(chosen[name].notna(), None).tolist() for name in chosen.columns]
    names = [str(name) for name in chosen.columns]
    records = zip(*columns, strict=True) if columns else ((),) * len(rows)
    return [json.dumps(dict(zip(names, record, strict=True)), ensure_ascii=False, default=_text) for record in records]


def _text(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return moment_text(value) if isinstance(value, date) else str(value)


def moment_text(value: date) -> str:
    """Return a day or a time in ISO 8601, also one of a year that Python does not know, which Parquet may have.

    >>> from zoneinfo import ZoneInfo
    >>> far = pd.Series([2**62]).astype("datetime64[us]").dt.tz_localize("UTC").dt.tz_convert(ZoneInfo("UTC"))[0]
    >>> moment_text(far), moment_text(date(2026, 1, 2))
    ('148108-07-06T14:00:27.387904', '2026-01-02')
    """
    try:
        return value.isoformat()
    except NotImplementedError:
        return str(pd.Timestamp(value).asm8)
