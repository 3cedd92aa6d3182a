"""How an entry of the decision record is stored, and read again whatever version wrote it.

A row of the table `decisions` has the common fields as columns; the column `details` is a JSON object with everything
else and `protocol`, the format's number.

1   no number is written. Questions are sentences, numbers of an answer are a dictionary.
2   questions, statistics and obstacles are ids; each answer has fields of its own; units are in the names.

To change the format: a new field with a default needs nothing, since a reader ignores what it does not know and fills
in what is missing. For every other change

1. copy the current entries to `tests/unit/records/frozen/protocol_<n>.jsonl` with the code before the change,
2. raise PROTOCOL, and say above what changed,
3. add `entry_protocol_<n>.py` with a function `upgraded` that returns the details of protocol n as those of n + 1, and
   add it to UPGRADES,
4. test that the frozen file reads as the same entries.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from tasks.records.answers import QuestionId
from tasks.records.drift import Statistic
from tasks.records.entries import ENTRY_TYPES, Entry, EntryKind, NightEntry
from tasks.records.entry_protocol_1 import upgraded

PROTOCOL = 2
UPGRADES: dict[int, Callable[[EntryKind, dict[str, Any], Mapping[str, Any]], dict[str, Any]]] = {1: upgraded}
BY_KIND: dict[str, type[Entry]] = {entry_type.kind: entry_type for entry_type in ENTRY_TYPES}
COLUMNS = tuple(column.name for column in fields(Entry))


def to_row(entry: Entry) -> dict[str, Any]:
    """Return an entry as a row of `decisions`.

    Raises
    ------
    TypeError
        A field has another type than its class declares: nothing is written that could not be read.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> from tasks.records.entries import ReviewEntry
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> row = to_row(ReviewEntry(name="n", night=date(2026, 1, 1), time=moment, reason="3 labels", rows=3))
    >>> row["kind"], row["details"]
    ('review', '{"protocol": 2, "rows": 3}')
    """
    adapter = _adapter(entry.kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            content = adapter.dump_python(entry, mode="json", warnings="error")
        adapter.validate_json(_json(content), strict=True)
    except ValueError as error:  # of pydantic: both its validation and its serialization errors are
        raise TypeError(f"the {entry.kind} entry {entry.name!r} does not fit its record: {error}") from error
    row = {name: getattr(entry, name) for name in COLUMNS}
    drift = content.pop("drift", "")
    details = {"protocol": PROTOCOL} | {name: value for name, value in content.items() if name not in row}
    return row | {"kind": entry.kind, "drift": drift, "details": _json(details)}


def from_row(row: Mapping[str, Any]) -> Entry:
    """Return the entry of a row of `decisions`, of this protocol or an older one.

    Raises
    ------
    ValueError
        The row is no entry: its kind is unknown, or a field that this version reads has a value it cannot have.
    """
    kind = row["kind"]
    if kind not in BY_KIND:
        raise ValueError(f"found an entry of kind {kind!r}; this version reads {', '.join(BY_KIND)}")
    details = json.loads(row["details"])
    for protocol in range(details.get("protocol", 1), PROTOCOL):
        details = UPGRADES[protocol](kind, details, row)
    if kind == NightEntry.kind:
        details = _readable(details) | {"drift": row["drift"] or "none"}
    columns = {name: row[name] for name in COLUMNS} | details.pop("columns", {})
    try:
        return cast("Entry", _adapter(kind).validate_python(details | columns))
    except ValidationError as error:
        raise ValueError(f"the {kind} entry {row['name']!r} cannot be read: {error}") from error


def _json(content: Mapping[str, Any]) -> str:
    r"""Return JSON that any file can hold: a lone surrogate is a question mark.

    >>> _json({"b": "half a \ud83d", "a": "köln"})
    '{"a": "köln", "b": "half a ?"}'
    """
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace").decode()


def _readable(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return a night's details without the questions, and with the name OTHER for the statistics, of a later version.

    >>> _readable({"answers": [{"question": "is_it_late"}], "moved": [{"column": "area", "statistic": "new"}]})
    {'answers': [], 'moved': [{'column': 'area', 'statistic': 'other'}], 'surprises': []}
    """
    questions, statistics = set(QuestionId), set(Statistic)
    moved = {
        name: [
            one if one["statistic"] in statistics else {**one, "statistic": Statistic.OTHER.value}
            for one in details.get(name, [])
        ]
        for name in ("moved", "surprises")
    }
    answers = [answer for answer in details.get("answers", []) if answer["question"] in questions]
    return {**details, "answers": answers, **moved}


@cache
def _adapter(kind: EntryKind) -> TypeAdapter[Any]:
    return TypeAdapter(BY_KIND[kind])
