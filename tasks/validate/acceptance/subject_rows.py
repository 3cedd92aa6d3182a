"""What is stored of a subject that is erased."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.dataset.erasure_subject import Subject
from tasks.errors import DataError
from tasks.lake import Deliveries, Lake, deliveries
from tasks.row_contract.feedback_columns import DECISION, EVENT
from tasks.spec import ProjectSpec
from tasks.spec.cells.cell_types import categories
from tasks.spec.cells.entity_keys import parts_of, row_of_event
from tasks.spec.landing_sections.decisions_section import DECISIONS
from tasks.spec.landing_sections.feedback_section import FEEDBACK
from tasks.validate.acceptance.quarantine_rows import ids_of
from tasks.validate.acceptance.reconcile import contained


@dataclass
class StoredSubject:
    """What is stored of a subject: in the tables as they are, whether it counts or not.

    Attributes
    ----------
    counts : dict of str to int
        Its rows by table.
    row_ids : set of str
        The ids of its rows.
    entities : set of (str, str)
        The feature tables and the entities of its values: another table may have the same name for another entity.
    unclear : int
        Quarantined rows without its column and with one of its ids in another: it is not known if they are its own.
    counted, stored : set of str
        The ids of the batches with rows, labels or values of it that count, and of all with any of it.
    former_tables : set of str
        The feature tables with values that left the spec.
    accepted : dict of str to int
        How many of its rows or labels count, by batch.
    quarantined : dict of str to list of str
        Its quarantined rows as delivered, by batch; of labels that are withdrawn, its quarantined labels.
    refused_labels : dict of str to list of str
        Its quarantined rows that were delivered with a label, by batch, where only labels are withdrawn.
    """

    counts: dict[str, int] = field(default_factory=dict)
    row_ids: set[str] = field(default_factory=set)
    entities: set[tuple[str, str]] = field(default_factory=set)
    unclear: int = 0
    counted: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    former_tables: set[str] = field(default_factory=set)
    accepted: Counter[str] = field(default_factory=Counter)
    quarantined: dict[str, list[str]] = field(default_factory=dict)
    refused_labels: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ids(self) -> pd.Series:
        """The row ids as a column."""
        return pd.Series(sorted(self.row_ids), dtype="str")

    def add(self, table: str, rows: pd.DataFrame, known: Deliveries) -> None:
        """Note rows of a table that are the subject's."""
        self.counts[table] = self.counts.get(table, 0) + len(rows)
        active = known.active(rows)
        self.stored |= set(rows["batch_id"])
        self.counted |= set(active["batch_id"])
        batches = ((str(batch_id), known.get(str(batch_id))) for batch_id in active["batch_id"])
        self.accepted.update(batch_id for batch_id, batch in batches if batch is not None and batch.kind == table)


def stored_subject(lake: Lake, spec: ProjectSpec, subject: Subject) -> StoredSubject:
    """Look for a subject in every table; one piece of a table is in memory at a time."""
    known, found = deliveries(lake, spec.project), StoredSubject()
    for piece in _pieces(lake, spec, subject):
        own = piece[subject.in_rows(piece, spec)]
        found.row_ids |= set(own["row_id"])
        if not subject.labels_only:
            found.add("rows", own, known)
        elif spec.source.label.uri is None:
            found.stored |= set(own["batch_id"])
            found.counted |= set(known.active(own)["batch_id"])
    found.row_ids -= _of_others(lake, spec, subject, found, known)
    ids, columns = found.ids, ["row_id", "batch_id", "revision"]
    for table in ("labels",) if subject.labels_only else ("labels", "predictions"):
        for piece in lake.pieces(spec.project, table, columns=columns):
            named = subject.in_rows(piece, spec)
            found.add(table, piece[named | contained(piece["row_id"], ids)], known)
            named = named & ~piece["batch_id"].isin(subject.batch_ids).to_numpy(bool, copy=True)
            found.row_ids |= set(piece["row_id"][named])
    if not subject.labels_only:
        _add_values(lake, spec, subject, found, known)
    _add_refused(lake, spec, subject, found)
    return found


def _of_others(lake: Lake, spec: ProjectSpec, subject: Subject, found: StoredSubject, known: Deliveries) -> set[str]:
    """Return the ids under which a row of another subject, or of another delivery, counts now."""
    others, ids = set[str](), found.ids
    for piece in _pieces(lake, spec, subject) if len(ids) else ():
        same = piece[contained(piece["row_id"], ids) & ~subject.in_rows(piece, spec)]
        others |= set(known.active(same)["row_id"])
    return others


def _add_values(lake: Lake, spec: ProjectSpec, subject: Subject, found: StoredSubject, known: Deliveries) -> None:
    for piece in lake.pieces(spec.project, "features", columns=["table", "entity", "batch_id", "revision"]):
        former = piece[~piece["table"].isin([table.name for table in spec.value_tables]).to_numpy(bool)]
        found.former_tables |= set(former["table"])
        _refuse_unknown(former, subject)
        own = piece[own_values(piece, subject, spec, found.ids)]
        named = own[~own["batch_id"].isin(subject.batch_ids).to_numpy(bool)]
        found.entities |= set(zip(named["table"], named["entity"], strict=True))
        found.add("features", own, known)


def _add_refused(lake: Lake, spec: ProjectSpec, subject: Subject, found: StoredSubject) -> None:
    label = spec.source.label.column
    for piece in lake.pieces(spec.project, "quarantine", columns=["batch_id", "kind", "raw"]):
        own = _own_refused(piece, subject, spec, found.ids)
        whole = np.ones(len(piece), dtype=bool)
        if subject.labels_only:
            whole = (piece["kind"] == "labels").to_numpy(bool)
            own &= whole | [json.loads(raw).get(label) is not None for raw in piece["raw"]]
        else:
            found.unclear += _unclear(piece[~own], subject)
        found.counts["quarantine"] = found.counts.get("quarantine", 0) + int(own.sum())
        _add_by_batch(piece[own & whole], found.quarantined)
        _add_by_batch(piece[own & ~whole], found.refused_labels)


def _add_by_batch(refused: pd.DataFrame, by_batch: dict[str, list[str]]) -> None:
    for batch_id, rows in refused.groupby("batch_id"):
        by_batch.setdefault(str(batch_id), []).extend(rows["raw"])


def _refuse_unknown(former: pd.DataFrame, subject: Subject) -> None:
    """Refuse an erasure if a table that left the spec may have values of the subject: its columns are not known.

    Examples
    --------
    >>> former = pd.DataFrame({"table": ["tests", "wards"], "entity": ["7|A", "B"]})
    >>> _refuse_unknown(former, Subject("patient", frozenset("8")))
    >>> _refuse_unknown(former, Subject("patient", frozenset("7")))
    Traceback (most recent call last):
    tasks.errors.DataError: found such an id in the feature tables tests, which left the spec; expected ...
    """
    if subject.column is None:
        return
    named = [bool(subject.values & {name, *parts_of(name)}) for name in former["entity"]]  # noqa: PD011 - a set
    if any(named):
        tables = ", ".join(sorted(set(former["table"][named])))
        raise DataError(
            f"found such an id in the feature tables {tables}, which left the spec; expected their entities to be "
            "known. Put the tables back into the spec, erase, then take them out again; or erase their deliveries with "
            "--delivery. Nothing was erased"
        )


def _pieces(lake: Lake, spec: ProjectSpec, subject: Subject) -> Iterator[pd.DataFrame]:
    """Yield the ids of stored rows, with the column of the subject if they have it."""
    opened = lake.current(spec.project, "rows")
    if opened is None:
        return
    there = {column.name for column in opened.schema().fields}
    named = [subject.column] if subject.column in there else []
    columns = ["row_id", "batch_id", "revision", *map(str, named)]
    yield from lake.pieces(spec.project, "rows", columns=columns)


def own_values(values: pd.DataFrame, subject: Subject, spec: ProjectSpec, row_ids: pd.Series) -> BoolArray:
    """Return which values of feature tables are the subject's, and which feedback and decisions of its rows."""
    own = values["batch_id"].isin(subject.batch_ids).to_numpy(bool, copy=True)
    for table in spec.value_tables if subject.column is not None else ():
        own |= (values["table"] == table.name).to_numpy(bool) & subject.in_names(values["entity"], table.entity)
    noted, id_parts = (values["table"] == FEEDBACK).to_numpy(bool), len(spec.key_columns)
    if noted.any():
        of_rows = [row_of_event(name, id_parts) for name in values.loc[noted, "entity"]]
        own[noted] |= contained(pd.Series(of_rows, dtype="str"), row_ids)
    decided = (values["table"] == DECISIONS).to_numpy(bool)
    if decided.any():
        own[decided] |= contained(values.loc[decided, "entity"], row_ids)
    return own


def _own_refused(refused: pd.DataFrame, subject: Subject, spec: ProjectSpec, row_ids: pd.Series) -> BoolArray:
    """Return which quarantined rows are the subject's: by their id, or by the column."""
    own = refused["batch_id"].isin(subject.batch_ids).to_numpy(bool, copy=True)
    of_kind = {kind: (refused["kind"] == kind).to_numpy(bool) for kind in ("rows", "labels")}
    for kind, mine in [*of_kind.items(), ("rows", _is_of_rows(refused, spec))]:
        if mine.any():
            ids = ids_of(refused.loc[mine, "raw"], kind, spec)
            own[mine] |= subject.in_names(ids, [] if subject.column is None else spec.key_columns)
            own[mine] |= contained(ids, row_ids)
    if subject.column is not None:
        own |= [_has_cell(json.loads(raw), subject) for raw in refused["raw"]]
    return own


def _is_of_rows(refused: pd.DataFrame, spec: ProjectSpec) -> BoolArray:
    """Return which quarantined rows are feedback or decisions: values with the id of a row and an event or decision."""
    taken = {EVENT: spec.feedback is not None, DECISION: spec.decisions is not None}
    marks, ids = {name for name, is_taken in taken.items() if is_taken}, set(spec.key_columns)
    values = (refused["kind"] == "features").to_numpy(bool, copy=True)
    names = (set(json.loads(raw)) for raw in refused.loc[values, "raw"])
    values[values] = [ids <= each and bool(marks & each) for each in names]
    return values


def _has_cell(row: Mapping[str, object], subject: Subject) -> bool:
    """Return whether a delivered row has a value of the subject in its column."""
    return subject.column in row and _any_of([row[str(subject.column)]], subject)


def _any_of(cells: Sequence[object], subject: Subject) -> bool:
    texts = categories(pd.Series(cells, dtype=object)).column
    return bool(texts.isin(subject.values).any())


def _unclear(refused: pd.DataFrame, subject: Subject) -> int:
    """Return how many quarantined rows without the column of a subject have one of its values in another cell or name.

    A file without a header has the values of its first row as names.

    Examples
    --------
    >>> raw = ['{"patient": "8", "beds": 7}', '{"pationt": "7"}', '{"pationt": "8"}']
    >>> _unclear(pd.DataFrame({"raw": raw}), Subject("patient", frozenset("7")))
    1
    """
    rows = [] if subject.column is None else [json.loads(raw) for raw in refused["raw"]]
    return sum(subject.column not in row and _any_of([*row, *row.values()], subject) for row in rows)
