"""Converts stored columns to the kinds that a changed spec gives them, where every stored value has an exact one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.lake import Deliveries, KindConflict, Lake, deliveries, rewrite_table
from tasks.render.values import counted
from tasks.spec import ProjectSpec
from tasks.spec.cells.cell_types import Read
from tasks.spec.cells.kind_conversion import Kind, converted

EXAMPLES = 3
TYPES: Mapping[Kind, pa.DataType] = {
    "numbers": pa.float64(),
    "booleans": pa.bool_(),
    "categories": pa.string(),
    "dates": pa.timestamp("us"),
}
WORDS = {"not_exact": "has more digits than a number keeps"}


@dataclass(frozen=True, slots=True)
class Survey:
    """What a conversion does to a column.

    Attributes
    ----------
    values : int
        How many values are stored in rows that count.
    without_value : int
        How many of them have no exact value in the new kind.
    examples : tuple of str
        Some of these, with their fault and the row they are in; of a private project, the row alone.
    """

    conflict: KindConflict
    values: int = 0
    without_value: int = 0
    examples: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is converted."""
        found, lost = self.conflict, self.without_value
        left = f"; {lost:,} without a value there" if lost else ""
        what = f"{found.column!r} from {found.stored} to {found.kind} in {found.table}"
        return f"{what}: {counted(self.values, 'value')}{left}"


def surveyed(lake: Lake, spec: ProjectSpec, conflicts: Iterable[KindConflict]) -> list[Survey]:
    """Return what the conversion of each column does, without changing anything; memory does not grow with the rows."""
    known = deliveries(lake, spec.project)
    return [_surveyed(lake, spec, conflict, known) for conflict in conflicts]


def convert(lake: Lake, spec: ProjectSpec, conflicts: Iterable[KindConflict], key: str) -> None:
    """Write the tables of some conflicts again, each in one commit; what has no exact value is missing afterwards.

    A repeated call with the same key changes nothing.
    """
    by_table: dict[str, dict[str, Kind]] = {}
    for conflict in conflicts:
        by_table.setdefault(conflict.table, {})[conflict.column] = conflict.kind
    for table, kinds in by_table.items():

        def change(rows: pa.Table, kinds: Mapping[str, Kind] = kinds) -> pa.Table:
            for name, kind in kinds.items():
                column = _converted(rows.column(name), kind, spec).column
                values = pa.array(column, from_pandas=True, type=TYPES[kind])
                rows = rows.set_column(rows.column_names.index(name), name, values)
            return rows

        rewrite_table(lake, spec.project, table, change, key)


def _converted(column: pa.ChunkedArray, kind: Kind, spec: ProjectSpec) -> Read:
    return converted(pa.table({"values": column}).to_pandas()["values"], kind, spec)


def _surveyed(lake: Lake, spec: ProjectSpec, conflict: KindConflict, known: Deliveries) -> Survey:
    column, named = conflict.column, "row_id" if conflict.table == "rows" else "entity"
    values, lost, examples = 0, 0, list[str]()
    wanted = [named, "batch_id", "revision", column]
    for stored in lake.pieces(spec.project, conflict.table, columns=wanted):
        piece = known.active(stored)
        read = converted(piece[column], conflict.kind, spec)
        values += int(piece[column].notna().sum())
        lost += int(read.bad.sum())
        examples += _examples(piece, read, (named, column), private=spec.privacy.is_set)[: EXAMPLES - len(examples)]
    return Survey(conflict, values, lost, tuple(examples))


def _examples(piece: pd.DataFrame, read: Read, names: tuple[str, str], *, private: bool) -> list[str]:
    found = []
    for place in np.flatnonzero(read.bad)[:EXAMPLES]:
        row, value = (piece[name].iloc[place] for name in names)
        fault = next(code for code, rows in read.faults.items() if rows[place])
        why = WORDS.get(fault, fault.replace("_", " "))
        found.append(f"row {row}: {why}" if private else f"{str(value)[:40]!r} of row {row}: {why}")
    return found
