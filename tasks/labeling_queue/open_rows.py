"""The queue: rows that a champion passed to a person and that have no label yet."""

from __future__ import annotations

import pandas as pd

from tasks.spec import ProjectSpec


def said_by_the_model(spec: ProjectSpec) -> list[str]:
    """Return the columns with what the model said, for whoever may know it: of several classes the name it chose."""
    answer = "predicted_class" if spec.training.task == "multiclass" else "prediction"
    return [answer, "confidence", "reasons"]


def queue(deferred: pd.DataFrame, labelled: pd.Series, spec: ProjectSpec) -> pd.DataFrame:
    """Return the rows that wait, oldest first and the least sure of a day before the others.

    Parameters
    ----------
    deferred : DataFrame
        `row_id`, `event_date`, `prediction`, `confidence`, `reasons` and `time` of every row passed to a person; a row
        that was answered for again counts with its newest answer.
    labelled : Series of str
        Ids of the rows that have a label.
    spec : ProjectSpec
        Its degree of automation says whether people may see what the model said.

    Returns
    -------
    DataFrame
        `row_id`, `event_date`, and what the model said; without that where people decide by themselves.

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
    return ordered[["row_id", "event_date", *said_by_the_model(spec)]]
