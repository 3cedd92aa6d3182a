"""`/v1/projects/{project}/labels`: takes labels of rows, which the controller lands as a delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tasks import clock
from tasks.row_contract import RowContract
from tasks.row_contract.cell_values import CellFaultError, category, number, time_reader
from tasks.serve.json_body import decoded
from tasks.serve.replies import Refusal, Reply, json_reply
from tasks.serve.row_answering import MOST_FAULTS, RowAnswering, retry_after
from tasks.serve.service_request import ServiceRequest
from tasks.serving_store.label_files import LABEL_FOLDER, keep_labels
from tasks.serving_store.waiting_bytes import WaitingBytes

Cells = dict[str, Callable[[Any], Any]]


class LabelIntake:
    """Keeps the labels of a project on the disk until they land.

    Parameters
    ----------
    root : Path
        The serving folder.
    """

    def __init__(self, root: Path, project: str) -> None:
        self._root, self._waiting = root, WaitingBytes(root / LABEL_FOLDER / project, lambda _: True)

    async def labels(self, request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
        """Keep the labels of `{"labels": [{ids..., label}, ...]}`; the reply is sent once they are on the disk."""
        body, settings = await request.json_bytes(), answering.settings
        with answering.taken():
            content, version = decoded(body), answering.serving(project).version
            column, is_class = settings.labels[project], bool(version.schema.class_names)
            found = label_rows(content, label_cells(version.contract, column, is_class=is_class), settings.max_rows)
            try:
                await asyncio.to_thread(self._keep, project, found, settings.max_label_bytes)
            except OSError:
                raise Refusal(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "not_kept",
                    "the labels could not be written to the disk of the service; send them again later",
                    headers=retry_after(),
                ) from None
        return json_reply({"project": project, "labels": len(found), "request_id": request.id})

    def _keep(self, project: str, labels: list[dict[str, Any]], most_bytes: int) -> None:
        if self._waiting.total() >= most_bytes:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "labels_full",
                f"labels of {most_bytes} bytes have not landed yet, the most that may wait; send them again later, and "
                "see in the log of the service why they do not land",
                headers=retry_after(),
            )
        self._waiting.add(keep_labels(self._root, project, labels, clock.now()))


def label_cells(contract: RowContract, column: str, *, is_class: bool) -> Cells:
    """Return how each column of a label is read: those of the id of its row, and then the label."""
    time = time_reader(contract.time_zone)
    ids: Cells = {name: time if name == contract.event_time else category for name in contract.ids}
    return {**ids, column: category if is_class else _number}


def label_rows(content: Any, cells: Cells, max_rows: int) -> list[dict[str, Any]]:
    """Return the labels of a body, their columns in the order of `cells`.

    Examples
    --------
    >>> cells = {"flat": category, "price": _number}
    >>> label_rows({"labels": [{"price": 5, "flat": 7}]}, cells, 10)
    [{'flat': 7, 'price': 5}]
    >>> label_rows({"labels": [{"price": "5", "size": 1}]}, cells, 10)
    Traceback (most recent call last):
    tasks.serve.replies.Refusal: 422 label_refused: 3 faults in the labels; none was kept
    """
    rows = content.get("labels") if isinstance(content, dict) and set(content) == {"labels"} else None
    if not isinstance(rows, list) or not rows:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "no_labels",
            f'expected {{"labels": [...]}} with objects of {", ".join(cells)}, and no other name',
        )
    if len(rows) > max_rows:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_many_rows",
            f"found {len(rows)} labels; expected at most {max_rows} in a request",
        )
    faults = [{"row": place, **fault} for place, row in enumerate(rows) for fault in _faults(row, cells)]
    if faults:
        message = f"{len(faults)} faults in the labels; none was kept"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "label_refused", message, faults[:MOST_FAULTS])
    return [{name: row[name] for name in cells} for row in rows]


def _faults(row: Any, cells: Cells) -> Sequence[dict[str, str]]:
    if not isinstance(row, dict):
        return [{"column": "", "reason": "not_an_object", "expected": "an object of columns"}]
    faults = [_fault(name, "unknown_column", "only the id and the label") for name in sorted(set(row) - set(cells))]
    for name, cell in cells.items():
        try:
            if cell(row.get(name)) is None:
                faults.append(_fault(name, "missing", "a value"))
        except CellFaultError as error:
            faults.append(_fault(name, error.code, "a value of its kind; numbers are no texts"))
    return faults


def _fault(name: str, code: str, expected: str) -> dict[str, str]:
    return {"column": name[:80], "reason": f"{code}:{name[:80]}", "expected": expected}


def _number(value: Any) -> float | None:
    """Return a number; a text is none, because the decimal sign of a file of labels says nothing of it."""
    if isinstance(value, str):
        raise CellFaultError("not_a_number")
    return number(value)
