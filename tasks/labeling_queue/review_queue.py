"""The review queue: rows that a champion deferred to a person and that have no label yet, also as a csv file."""

from __future__ import annotations

import pandas as pd

from tasks.render.csv_text import csv_bytes
from tasks.spec import ProjectSpec

"""Beginnings of a cell that a spreadsheet evaluates."""


def prediction_columns(spec: ProjectSpec) -> list[str]:
    """Return the columns of the model's prediction; of several classes, the predicted class."""
    prediction = "predicted_class" if spec.training.task == "multiclass" else "prediction"
    return [prediction, "confidence", "reasons"]


def queue(deferred: pd.DataFrame, labelled: pd.Series, spec: ProjectSpec) -> pd.DataFrame:
    """Return the rows that wait for a label, the oldest first; of one day, the least confident first.

    Parameters
    ----------
    deferred : DataFrame
        `row_id`, `event_date`, `prediction`, `confidence`, `reasons` and `time` of every deferred row; of a row that
        was predicted again, the newest prediction counts.
    labelled : Series of str
        Ids of the rows with a label.
    spec : ProjectSpec
        Its degree of automation decides whether people see the predictions.

    Returns
    -------
    DataFrame
        `row_id`, `event_date`, and the prediction, unless people decide without it.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> rows = pd.DataFrame({"row_id": ["a", "b", "c"], "event_date": [2, 1, 1], "prediction": 0.5, "reasons": "",
    ...     "confidence": [0.6, 0.7, 0.5], "time": 0})
    >>> numbers = Part(task="regression")
    >>> seen, blind = (
    ...     Part(automation=Part(answers_kept_back=hidden), training=numbers) for hidden in (False, True))
    >>> queue(rows, pd.Series(["a"]), seen)["row_id"].tolist(), list(queue(rows, pd.Series(["a"]), blind))
    (['c', 'b'], ['row_id', 'event_date'])
    """
    newest = deferred.sort_values(["time"], kind="stable").drop_duplicates("row_id", keep="last")
    waiting = newest[~newest["row_id"].isin(labelled)]
    if spec.automation.answers_kept_back:
        ordered = waiting.sort_values(["event_date", "row_id"], ignore_index=True)
        return ordered[["row_id", "event_date"]]
    ordered = waiting.sort_values(["event_date", "confidence", "row_id"], ignore_index=True)
    return ordered[["row_id", "event_date", *prediction_columns(spec)]]


def queue_file(waiting: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec) -> bytes:
    r"""Return the queue as csv: the columns of the rows, the prediction, and an empty column for the label.

    An apostrophe precedes texts that a spreadsheet would evaluate as a formula; `read_answers` removes it.

    Parameters
    ----------
    waiting : DataFrame
        The result of `queue`.
    rows : DataFrame
        The same rows as they were accepted, with `row_id`.

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
    columns = [name for name in spec.row_columns if name in rows and name != spec.source.label.column]
    newest = rows.drop_duplicates("row_id", keep="last")[["row_id", *columns]]
    joined = waiting.merge(newest, on="row_id", how="left", suffixes=("", "_of_row"))
    predicted = [name for name in waiting.columns if name != "row_id"]
    of_row = (f"{name}_of_row" if name in predicted else name for name in columns)
    names = dict.fromkeys(["row_id", *of_row, *predicted])
    shown = joined[list(names)].assign(**{spec.source.label.column: ""})
    return csv_bytes(shown)
