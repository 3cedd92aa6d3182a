"""Proves that a project's function for one row makes what its function for frames makes, bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks.dataset.feature_assembly import Assembled
from tasks.errors import DataError
from tasks.package.joined_references import plain_cells
from tasks.row_contract import RowContract, TypedRow
from tasks.row_contract.made_values import MadeColumns, OwnRowFunction
from tasks.row_contract.row_reader import cells
from tasks.row_contract.table_values import kinds_of


def prove_online_function(contract: RowContract, batch: Assembled) -> None:
    """Call `features.online_function` on rows that the batch has completed; without one, there is nothing to prove.

    Raises
    ------
    DataError
        It fails on a row, or makes another value of a column; it names the columns.
    """
    function = contract.function
    if function is None or not function.source:
        return
    kinds = {name: kind for name, _, kind in cells(contract)}
    for table in contract.tables:
        kinds |= kinds_of(table)
    columns, names = MadeColumns(function, contract.time_zone), list(kinds_of(function))
    rows = [TypedRow("", _typed(row, kinds)) for row in plain_cells(batch.rows[list(kinds)])]
    online, made = OwnRowFunction(function).made(rows), plain_cells(batch.rows.reindex(columns=names))
    faults = list[str]()
    for row, one, wanted, passes in zip(rows, online, made, batch.passing, strict=True):
        found, other = columns.added(row, one), columns.added(row, wanted if passes or not columns.refuses else None)
        faults += _differences(found, other, names)
    if faults:
        raise DataError(
            f"features.online_function {function.path!r} is not features.function for one row: of {len(rows)} rows, "
            f"{'; '.join(f'{count} differ in {fault}' for fault, count in Counter(faults).items())}. Correct one of "
            "them, or take features.online_function out"
        )


def _typed(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return cells in JSON as a request's row has them."""
    return {
        name: datetime.fromisoformat(cell) if kinds[name] == "time" and cell is not None else cell
        for name, cell in row.items()
    }


def _differences(online: TypedRow | None, batch: TypedRow | None, names: Sequence[str]) -> list[str]:
    if online is None or batch is None:
        return [] if online is batch else ["whether the function fails"]
    return [name for name in names if repr(online.values[name]) != repr(batch.values[name])]  # it keeps every bit
