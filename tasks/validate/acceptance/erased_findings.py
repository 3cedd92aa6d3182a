"""The findings of batches without what they quote of a subject that is erased."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

from tasks.dataset.erasure_subject import Subject
from tasks.lake import Deliveries, Lake, change, deliveries, one_of, predicate
from tasks.spec import ProjectSpec
from tasks.spec.landing_sections.files_of_rows import FUNCTION_FAILED
from tasks.validate.acceptance.subject_rows import StoredSubject
from tasks.validate.verdict.cell_examples import INTRODUCED, QUOTED
from tasks.validate.verdict.validation_findings import MEANING

ERASED = "'(erased)'"
SHORTEST = 3  # characters of a name that is looked for in the middle of a message too, not only in quotes


def without_subject(findings: str, names: Collection[str], own: Callable[[str], bool], *, quotes: bool) -> str:
    """Return the findings of a batch, as the lake keeps them, without what they say of a subject.

    Parameters
    ----------
    names : collection of str
        Its ids: messages name a column after one if a file has no header.
    own : callable
        Whether a row id is its own.
    quotes : bool
        Whether to leave out all cells that are quoted, and what a function of the project says, which may be in any
        words: rows of the subject were refused.

    Examples
    --------
    >>> message = "2 of 9 rows: age is not a number: such as 'old', '4o'"
    >>> finding = {"rule": "not_a_number", "message": message, "row_ids": ["7", "8"]}
    >>> print(without_subject(json.dumps([finding]), ["7"], lambda row_id: row_id == "7", quotes=True))
    [{"message": "2 of 9 rows: age is not a number: such as '(erased)'", "row_ids": ["8"], "rule": "not_a_number"}]
    >>> finding = {"rule": "new_column", "message": "it has '4711', which the spec does not name"}
    >>> print(without_subject(json.dumps([finding]), ["4711"], lambda row_id: False, quotes=False))
    [{"message": "it has '(erased)', which the spec does not name", "row_ids": [], "rule": "new_column"}]
    """
    kept = []
    for finding in json.loads(findings):
        message = _without_quotes(finding) if quotes else str(finding["message"])
        row_ids = [name for name in finding.get("row_ids", ()) if not own(name)]
        column = {"column": "(erased)"} if finding.get("column") in names else {}
        kept.append({**finding, **column, "message": _without_names(message, names), "row_ids": row_ids})
    return json.dumps(kept, sort_keys=True)


def correct_findings(lake: Lake, spec: ProjectSpec, subject: Subject, found: StoredSubject) -> None:
    """Write the findings of batches again without what they say of a subject."""
    project, known = spec.project, deliveries(lake, spec.project)
    names = {*subject.values, *found.row_ids}
    quoting = {*found.quarantined, *found.refused_labels, *_without_their_rows(lake, project, known)}
    own = partial(subject.owns, stored=found.row_ids, columns=spec.key_columns)
    for batch in known.revisions:
        stays = subject.labels_only and batch.kind != "labels"  # the row itself
        its = ((), lambda _: False) if stays else (names, own)
        corrected = without_subject(batch.findings, *its, quotes=batch.batch_id in quoting)
        if json.loads(corrected) != json.loads(batch.findings):
            of_state = predicate([("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)])
            change(lake, project, "batches", str(of_state), {"findings": corrected})


def withdraw_refused_labels(lake: Lake, spec: ProjectSpec, found: StoredSubject) -> None:
    """Write refused rows that were delivered with a label again without it."""
    column = spec.source.label.column
    for batch_id, rows in found.refused_labels.items():
        for raw in rows:
            row: dict[str, Any] = json.loads(raw)
            del row[column]
            of_row = f"{one_of('batch_id', [batch_id])} AND {one_of('raw', [raw])}"
            change(lake, spec.project, "quarantine", of_row, {"raw": json.dumps(row, ensure_ascii=False)})


def _without_their_rows(lake: Lake, project: str, known: Deliveries) -> Iterator[str]:
    """Yield the batches with refused rows that are past their retention, and may be quoted in findings."""
    refused = Counter[str]()
    for batch in known.revisions:
        refused[batch.batch_id] = max(refused[batch.batch_id], batch.rows_quarantined)
    stored = Counter[str]()
    for piece in lake.pieces(project, "quarantine", columns=["batch_id"]):
        stored.update(piece["batch_id"])
    return (batch_id for batch_id, rows in refused.items() if rows > stored[batch_id])


def _without_quotes(finding: dict[str, Any]) -> str:
    message, rule = str(finding["message"]), str(finding["rule"])
    said = f"{MEANING[FUNCTION_FAILED]}: "
    mark = said if rule == FUNCTION_FAILED else f": {INTRODUCED}" if rule in QUOTED else ""
    head, found, _ = message.partition(mark) if mark else (message, "", "")
    return f"{head}{found}{ERASED}" if found else message


def _without_names(message: str, names: Collection[str]) -> str:
    """Return a message without names, but with its numbers: a number that is a name too is only looked for in quotes.

    >>> print(_without_names("100 of 120 rows: age: expected at most 100; found '100' of Ann", ["100", "Ann"]))
    100 of 120 rows: age: expected at most 100; found '(erased)' of (erased)
    """
    for name in sorted((name for name in names if name in message), key=len, reverse=True):
        message = message.replace(repr(name), ERASED)
        if len(name) >= SHORTEST and re.search(r"[^\W\d_]", name):
            message = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "(erased)", message)
    return message
