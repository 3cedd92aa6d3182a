"""The queue as a csv for people: what the row is, what the model said, and an empty cell for the answer."""

from __future__ import annotations

import pandas as pd

from tasks.spec import ProjectSpec

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would carry out."""


def queue_file(waiting: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec) -> bytes:
    r"""Return the queue with the rows' own columns and an empty column named as the label.

    Texts that a spreadsheet would take for a formula are led by an apostrophe; `read_answers` takes it away again.

    Parameters
    ----------
    waiting : DataFrame
        As `queue` gives it.
    rows : DataFrame
        Those rows as they were accepted, by `row_id`.

    Examples
    --------
    >>> source = {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": {"numbers": ["rooms"]}})
    >>> waiting = pd.DataFrame({"row_id": ["=7"], "prediction": [2.5]})
    >>> queue_file(waiting, pd.DataFrame({"row_id": ["=7"], "rooms": [3.0]}), spec)
    b"row_id,rooms,prediction,price\n'=7,3.0,2.5,\n"
    """
    own = [name for name in spec.row_columns if name in rows and name != spec.source.label.column]
    known = rows.drop_duplicates("row_id", keep="last")[["row_id", *own]]
    joined = waiting.merge(known, on="row_id", how="left", suffixes=("", "_of_row"))
    said = [name for name in waiting.columns if name != "row_id"]
    names = dict.fromkeys(["row_id", *(f"{name}_of_row" if name in said else name for name in own), *said])
    shown = joined[list(names)].assign(**{spec.source.label.column: ""})
    texts = [name for name in shown if not pd.api.types.is_numeric_dtype(shown[name])]
    harmless = shown.assign(**{str(name): shown[name].map(_harmless) for name in texts})
    return harmless.to_csv(index=False, lineterminator="\n").encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_was(text: str) -> str:
    """Return a text without the apostrophe that `queue_file` led it by.

    >>> as_was("'=7"), as_was("'s-Hertogenbosch"), as_was("7")
    ('=7', "'s-Hertogenbosch", '7')
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
