"""What is erased: which stored rows, labels, answers and values of feature tables belong to a person or a thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.errors import DataError
from tasks.spec.cells.cell_types import categories
from tasks.spec.cells.entity_keys import joined, parts_of
from tasks.spec.project_spec import ProjectSpec

PseudonymOf = Callable[[str, str], str]
"""From the name of a column and a value to the pseudonym that is stored instead."""


@dataclass(frozen=True)
class Subject:
    """Rows with one of some values in a column, or one of some row ids; or all of some deliveries.

    Parameters
    ----------
    column : str or None
        The column; None means that the values are whole row ids.
    values : frozenset of str
        The values as they are stored: of a hidden column, its pseudonyms.
    batch_ids : frozenset of str
        Deliveries that are erased as a whole.
    labels_only : bool
        Whether only their labels are erased.
    """

    column: str | None = None
    values: frozenset[str] = frozenset()
    batch_ids: frozenset[str] = frozenset()
    labels_only: bool = False

    def digest(self, salt: str) -> str:
        """Return a digest by which an interrupted erasure is recognised; with another salt it is another one."""
        content = json.dumps([salt, self.column, sorted(self.values), sorted(self.batch_ids), self.labels_only])
        return hashlib.sha256(content.encode()).hexdigest()

    def in_rows(self, rows: pd.DataFrame, spec: ProjectSpec) -> BoolArray:
        """Return which rows are its own, by `row_id` and `batch_id`, and by the column if the rows have it.

        Examples
        --------
        >>> rows = pd.DataFrame({"row_id": ["a", "b"], "batch_id": ["x", "y"], "customer": ["7", "8"]})
        >>> Subject("customer", frozenset(["8"])).in_rows(rows, None).tolist()
        [False, True]
        >>> Subject(batch_ids=frozenset(["x"])).in_rows(rows, None).tolist()
        [True, False]
        """
        own = rows["batch_id"].isin(self.batch_ids).to_numpy(bool)
        if self.column is None:
            return own | self.in_names(rows["row_id"], [])
        if self.column not in rows:
            return own | self.in_names(rows["row_id"], spec.key_columns)
        cells = rows[self.column]
        if is_text(cells) or self.column not in spec.key_columns:
            return own | self.in_cells(cells)
        own = own | self.in_names(rows["row_id"], spec.key_columns)  # with its text: 0042 is not 42
        return own | self.in_cells(cells) if cells.dtype == object else own

    def in_cells(self, cells: pd.Series) -> BoolArray:
        """Return which cells of its column are its own, whatever type they have.

        >>> Subject("room", frozenset(["7", "true"])).in_cells(pd.Series([7.0, 8.5])).tolist()
        [True, False]
        """
        return categories(cells).column.isin(self.values).to_numpy(bool)

    def in_names(self, names: pd.Series, columns: Sequence[str]) -> BoolArray:
        """Return which row ids, or entities, are its own.

        `columns` are those of which the names are made: `ProjectSpec.key_columns`, or the entity of a feature table.

        >>> names = pd.Series(["7|2026-01-02", "8|2026-01-02", None])
        >>> Subject("patient", frozenset(["8"])).in_names(names, ["patient", "day"]).tolist()
        [False, True, False]
        """
        if self.column is not None and self.column not in columns:
            return np.zeros(len(names), dtype=bool)
        if self.column is None or len(columns) == 1:
            return names.isin(self.values).to_numpy(bool)
        at = columns.index(self.column)
        return np.array([isinstance(name, str) and self._has(parts_of(name), at) for name in names], dtype=bool)

    def owns(self, row_id: str, stored: AbstractSet[str], columns: Sequence[str]) -> bool:
        """Return whether a row id is its own: it is that of a stored row of it, or has its value in its column.

        >>> subject = Subject("patient", frozenset(["7"]))
        >>> [subject.owns(row_id, {"8|2"}, ["patient", "ward"]) for row_id in ("7|1", "1|7", "8|2")]
        [True, False, True]
        """
        return row_id in stored or bool(self.in_names(pd.Series([row_id], dtype="str"), columns)[0])

    def _has(self, parts: Sequence[str], at: int) -> bool:
        return len(parts) > at and parts[at] in self.values


def is_text(cells: pd.Series) -> bool:
    """Return whether a column is stored as text; one that was delivered may have numbers and texts."""
    return isinstance(cells.dtype, pd.StringDtype)


def subject_of(
    ids: Sequence[str], column: str | None, spec: ProjectSpec, pseudonym_of: PseudonymOf, *, labels_only: bool = False
) -> Subject:
    """Return the subject that a person names, by ids as the source has them, or as Leeway shows them.

    Parameters
    ----------
    ids : sequence of str
        Values of the column, or whole row ids.
    column : str or None
        A column of ids or entities. By default, the only column of `source.id`; with several, ids are whole row ids.
    pseudonym_of : callable
        For columns that are stored as pseudonyms.

    Raises
    ------
    DataError
        The column is none by which rows can be found.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> hidden = Part(pseudonymise=["patient"])
    >>> spec = Part(source=Part(id=["patient"]), features=Part(entities=[]), key_columns=["patient"], privacy=hidden)
    >>> subject_of(["7"], None, spec, lambda column, text: f"<{column} {text}>")
    Subject(column='patient', values=frozenset({...}), batch_ids=frozenset(), labels_only=False)
    """
    known = list(dict.fromkeys([*spec.source.id, *spec.features.entities]))
    if column is not None and column not in known:
        raise DataError(f"found --column {column!r}; expected a column of ids or of entities: {', '.join(known)}")
    if column is None and len(spec.source.id) == 1:
        column = spec.source.id[0]
    texts = [text.strip() for text in ids]
    hidden = set(spec.privacy.pseudonymise)
    if column is not None:
        stored = [pseudonym_of(column, text) for text in texts] if column in hidden else []
        return Subject(column, frozenset([*texts, *stored]), labels_only=labels_only)
    named = [_id_of_parts(text, spec, lambda _, part: part) for text in texts]
    stored = [_id_of_parts(text, spec, pseudonym_of) for text in texts]
    return Subject(None, frozenset([*named, *stored]), labels_only=labels_only)


def _id_of_parts(row_id: str, spec: ProjectSpec, pseudonym_of: PseudonymOf) -> str:
    """Return a whole row id with the pseudonyms of its hidden parts, without blanks around the parts."""
    parts, columns = [part.strip() for part in parts_of(row_id)], spec.key_columns
    if len(parts) != len(columns):
        raise DataError(
            f"found an id of {len(parts)} parts; expected {len(columns)}, joined by `|`: {'|'.join(columns)}. Or name "
            "one of these columns with --column"
        )
    hidden = set(spec.privacy.pseudonymise)
    stored = [pseudonym_of(name, part) if name in hidden else part for name, part in zip(columns, parts, strict=True)]
    return str(joined([pd.Series([part], dtype="str") for part in stored]).iloc[0])
