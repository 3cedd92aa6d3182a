"""MLflow's scoring protocol: `/invocations` with `dataframe_split`, `dataframe_records`, `inputs` or `instances`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tasks.serve.json_body import decoded
from tasks.serve.replies import Refusal, Reply, json_reply
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_request import ServiceRequest

FORMATS = ("dataframe_split", "dataframe_records", "inputs", "instances")
OTHERS = {"params"}


async def invocations(request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Answer as MLflow does, with a list of predictions; one that is deferred to a person is null."""
    content = decoded(await request.json_bytes(), nan_is_missing=True)
    serving = answering.serving(project)
    _, answered = await answering.answers(request, serving, rows_of_frame(content))
    return json_reply({"predictions": [answer["prediction"] for answer in answered]})


async def ping(_request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
    """Return 200 once a verified version answers."""
    answering.serving(project)
    return Reply(int(HTTPStatus.OK), b"\n", [(b"content-type", b"application/json")])


async def version(_request: ServiceRequest, _answering: RowAnswering, _project: str) -> Reply:
    """Return a version of MLflow with this protocol."""
    return Reply(int(HTTPStatus.OK), b"3.0.0", [(b"content-type", b"text/plain; charset=utf-8")])


def rows_of_frame(content: Any) -> list[Any]:
    """Return the rows of a request in one of MLflow's formats.

    Examples
    --------
    >>> rows_of_frame({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}})
    [{'a': 1, 'b': 2}, {'a': 3, 'b': 4}]
    >>> rows_of_frame({"inputs": {"a": [1, 3], "b": [2, 4]}})
    [{'a': 1, 'b': 2}, {'a': 3, 'b': 4}]
    """
    named = [name for name in FORMATS if isinstance(content, dict) and name in content]
    if len(named) != 1 or set(content) - OTHERS != set(named):
        raise _fault(f"expected an object with one of {', '.join(FORMATS)}")
    rows = _ROWS[named[0]](content[named[0]])
    if not rows:
        raise _fault("found no rows")
    return rows


def _split(frame: Any) -> list[Any]:
    if not isinstance(frame, dict) or not {"columns", "data"} <= set(frame) <= {"columns", "data", "index"}:
        raise _fault("dataframe_split is no object with 'columns' and 'data'")
    columns, data = frame["columns"], frame["data"]
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _fault("the columns of dataframe_split are no list of texts")
    if len(set(columns)) != len(columns):
        raise _fault("a column of dataframe_split occurs twice")
    if not isinstance(data, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        raise _fault(f"a row of dataframe_split has not {len(columns)} values, one for each column")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _records(rows: Any) -> list[Any]:
    if not isinstance(rows, list):
        raise _fault("the rows are no list of objects")
    return rows


def _inputs(values: Any) -> list[Any]:
    if isinstance(values, list):
        return values
    if not isinstance(values, dict) or not all(isinstance(column, list) for column in values.values()):
        raise _fault("inputs is no list of objects, and no object with a list for each column")
    if len({len(column) for column in values.values()}) > 1:
        raise _fault("the columns of inputs have different numbers of rows")
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _fault(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_frame", f"{message}; send one of MLflow's JSON formats")


_ROWS = {"dataframe_split": _split, "dataframe_records": _records, "inputs": _inputs, "instances": _records}
