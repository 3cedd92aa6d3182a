"""`/v1/projects/{project}/labels`, `/feedback` and `/decisions`: take what is known of rows, which lands later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from tasks import clock
from tasks.inference.schema import Task
from tasks.row_contract import RowContract
from tasks.row_contract.cell_values import CellFaultError, boolean, category, number, time_reader
from tasks.row_contract.feedback_columns import DECISION, EVENT, TIME
from tasks.serve.json_body import decoded
from tasks.serve.replies import Refusal, Reply, json_reply
from tasks.serve.row_answering import MOST_FAULTS, RowAnswering, retry_after
from tasks.serve.service_request import ServiceRequest
from tasks.serving_store.sent_files import DECISION_FOLDER, FEEDBACK_FOLDER, LABEL_FOLDER, keep_sent
from tasks.serving_store.waiting_bytes import WaitingBytes

EXPECTED = {"not_a_boolean": "0, 1, false or true; no text"}
Cells = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class LabelTerms:
    """Labels, as they are taken: the column of the label."""

    column: str
    name: ClassVar[str] = "labels"
    kept_in: ClassVar[str] = LABEL_FOLDER
    once_a_row: ClassVar[bool] = True

    def cells(self, contract: RowContract, task: Task) -> Cells:
        """Return how each column is read."""
        return label_cells(contract, self.column, task)

    def lines(self, rows: Sequence[dict[str, Any]], _moment: datetime) -> Sequence[dict[str, Any]]:
        """Return what is kept."""
        return rows


@dataclass(frozen=True, slots=True)
class FeedbackTerms:
    """Feedback, as it is taken: the events that there are."""

    events: tuple[str, ...]
    name: ClassVar[str] = "feedback"
    kept_in: ClassVar[str] = FEEDBACK_FOLDER
    once_a_row: ClassVar[bool] = False

    def cells(self, contract: RowContract, task: Task) -> Cells:
        """Return how each column is read."""
        del task
        return {**id_cells(contract), EVENT: self._event}

    def lines(self, rows: Sequence[dict[str, Any]], moment: datetime) -> Sequence[dict[str, Any]]:
        """Return what is kept: the events with the time at which they came."""
        return with_time(rows, moment)

    def _event(self, value: Any) -> Any:
        if value is not None and value not in self.events:
            raise CellFaultError("unknown_event")
        return value


@dataclass(frozen=True, slots=True)
class DecisionTerms:
    """What people decided of rows, as it is taken: a number or the name of a class, as a label."""

    name: ClassVar[str] = "decisions"
    kept_in: ClassVar[str] = DECISION_FOLDER
    once_a_row: ClassVar[bool] = True

    def cells(self, contract: RowContract, task: Task) -> Cells:
        """Return how each column is read."""
        return label_cells(contract, DECISION, task)

    def lines(self, rows: Sequence[dict[str, Any]], moment: datetime) -> Sequence[dict[str, Any]]:
        """Return what is kept: the decisions with the time at which they came."""
        return with_time(rows, moment)


class SentIntake:
    """Keeps the labels, the feedback or the decisions of a project on the disk until they land.

    Parameters
    ----------
    root : Path
        The serving folder.
    """

    def __init__(self, root: Path, project: str, terms: LabelTerms | FeedbackTerms | DecisionTerms) -> None:
        self._root, self._terms = root, terms
        self._waiting = WaitingBytes(root / terms.kept_in / project, lambda _: True)

    async def taken(self, request: ServiceRequest, answering: RowAnswering, project: str) -> Reply:
        """Keep the rows of `{"labels": [{ids..., label}, ...]}`; the reply is sent once they are on the disk."""
        body, settings, terms = await request.json_bytes(), answering.settings, self._terms
        with answering.taken():
            content, version = decoded(body), answering.serving(project).version
            cells = terms.cells(version.contract, version.schema.task)
            once = id_cells(version.contract) if terms.once_a_row else None
            found = sent_rows(content, cells, settings.max_rows, terms.name, once)
            try:
                await asyncio.to_thread(self._keep, project, found, settings.max_label_bytes)
            except OSError:
                raise Refusal(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "not_kept",
                    f"the {terms.name} could not be written to the disk of the service; send them again later",
                    headers=retry_after(),
                ) from None
        return json_reply({"project": project, terms.name: len(found), "request_id": request.id})

    def _keep(self, project: str, rows: list[dict[str, Any]], most_bytes: int) -> None:
        terms, moment = self._terms, clock.now()
        if self._waiting.total() >= most_bytes:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{terms.name}_full",
                f"{terms.name} of {most_bytes} bytes have not landed yet, the most that may wait; send them again "
                "later, and see in the log of the service why they do not land",
                headers=retry_after(),
            )
        self._waiting.add(keep_sent(self._root, project, terms.lines(rows, moment), moment, terms.kept_in))


def with_time(rows: Sequence[dict[str, Any]], moment: datetime) -> list[dict[str, Any]]:
    """Return rows with the time at which they came, in UTC.

    >>> with_time([{"flat": 7, "decision": 5}], datetime(2026, 2, 3, tzinfo=UTC))
    [{'flat': 7, 'decision': 5, 'time': '2026-02-03T00:00:00+00:00'}]
    """
    return [{**row, TIME: moment.astimezone(UTC).isoformat()} for row in rows]


def id_cells(contract: RowContract) -> Cells:
    """Return how each column of the id of a row is read."""
    time = time_reader(contract.time_zone)
    return {name: time if name == contract.event_time else category for name in contract.ids}


def label_cells(contract: RowContract, column: str, task: Task) -> Cells:
    """Return how each column of a label is read: those of the id of its row, and then the label, as a night does."""
    readers: dict[Task, Callable[[Any], Any]] = {"binary": _flag, "multiclass": category, "regression": _number}
    return {**id_cells(contract), column: readers[task]}


def sent_rows(content: Any, cells: Cells, max_rows: int, name: str, once: Cells | None = None) -> list[dict[str, Any]]:
    """Return the labels, the feedback or the decisions of a body, their columns in the order of `cells`.

    Parameters
    ----------
    name : str
        The only name of the body: `labels`, `feedback` or `decisions`.
    once : mapping, optional
        How the columns of the id of a row are read, where an id may be in a request once only: which of two labels is
        right, a request does not say.

    Examples
    --------
    >>> cells = {"flat": category, "price": _number}
    >>> sent_rows({"labels": [{"price": 5, "flat": 7}]}, cells, 10, "labels")
    [{'flat': 7, 'price': 5}]
    >>> sent_rows({"labels": [{"price": "5", "size": 1}]}, cells, 10, "labels")
    Traceback (most recent call last):
    tasks.serve.replies.Refusal: 422 label_refused: faults in the labels: 3; none was kept
    >>> once = {"flat": category}
    >>> sent_rows({"labels": [{"price": 5, "flat": 7}, {"price": 6, "flat": "7"}]}, cells, 10, "labels", once)
    Traceback (most recent call last):
    tasks.serve.replies.Refusal: 422 label_refused: faults in the labels: 1; none was kept
    """
    rows = content.get(name) if isinstance(content, dict) and set(content) == {name} else None
    if not isinstance(rows, list) or not rows:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"no_{name}",
            f'expected {{"{name}": [...]}} with objects of {", ".join(cells)}, and no other name',
        )
    if len(rows) > max_rows:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_many_rows",
            f"found {len(rows)} {name}; expected at most {max_rows} in a request",
        )
    faults = [{"row": place, **fault} for place, row in enumerate(rows) for fault in _faults(row, cells)]
    if once and not faults:
        faults = [
            {"row": place, **_fault("|".join(once), "duplicate_id", "each id once in a request")}
            for place in _repeated(rows, once)
        ]
    if faults:
        message = f"faults in the {name}: {len(faults)}; none was kept"
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{name.removesuffix('s')}_refused", message, faults[:MOST_FAULTS]
        )
    return [{name: row[name] for name in cells} for row in rows]


def _repeated(rows: Sequence[dict[str, Any]], ids: Cells) -> Iterator[int]:
    """Yield the places of rows with the id of an earlier one, as a night reads ids: 7 and "7" are one."""
    seen = set[tuple[Any, ...]]()
    for place, row in enumerate(rows):
        parts = [read(row[name]) for name, read in ids.items()]
        named = tuple((part, part.fold) if isinstance(part, datetime) else part for part in parts)
        if named in seen:
            yield place
        seen.add(named)


def _faults(row: Any, cells: Cells) -> Sequence[dict[str, str]]:
    if not isinstance(row, dict):
        return [{"column": "", "reason": "not_an_object", "expected": "an object of columns"}]
    faults = [_fault(name, "unknown_column", f"only {', '.join(cells)}") for name in sorted(set(row) - set(cells))]
    for name, cell in cells.items():
        try:
            if cell(row.get(name)) is None:
                faults.append(_fault(name, "missing", "a value"))
        except CellFaultError as error:
            faults.append(
                _fault(name, error.code, EXPECTED.get(error.code, "a value of its kind; numbers are no texts"))
            )
    return faults


def _fault(name: str, code: str, expected: str) -> dict[str, str]:
    return {"column": name[:80], "reason": f"{code}:{name[:80]}", "expected": expected}


def _flag(value: Any) -> bool | None:
    """Return a label of two classes: 0, 1, false or true; a text is none, as of numbers."""
    if isinstance(value, str):
        raise CellFaultError("not_a_boolean")
    return boolean(value)


def _number(value: Any) -> float | None:
    """Return a number; a text is none, because the decimal sign of a file of labels says nothing of it."""
    if isinstance(value, str):
        raise CellFaultError("not_a_number")
    return number(value)
