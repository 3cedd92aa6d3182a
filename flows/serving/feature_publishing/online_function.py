"""Proves that a project's function for one row makes what its function for frames makes, bit for bit.

The function runs in a process of its own, as all code of a project: the controller that packages it holds keys.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tasks.dataset.feature_assembly import Assembled
from tasks.errors import DataError
from tasks.package.joined_references import plain_cells
from tasks.row_contract import RowContract, TypedRow
from tasks.row_contract.made_values import MadeColumns
from tasks.row_contract.row_reader import cells
from tasks.row_contract.table_values import kinds_of
from tasks.spec import home
from tasks.spec.find_project import FILE
from tasks.user_code.confined.child_process import ChildProcess, EndedError
from tasks.user_code.confined.confinement import hidden_folders
from tasks.user_code.confined.framing import ChildMessage
from tasks.user_code.on_request.online_rows import typed_row

PATIENCE_SECONDS = 60.0


def prove_online_function(contract: RowContract, batch: Assembled, folder: Path) -> None:
    """Call `features.online_function` on rows that the batch has completed; without one, there is nothing to prove.

    Raises
    ------
    DataError
        It cannot be called, fails on a row, or makes another value of a column; it names the columns.
    """
    function = contract.function
    if function is None or not function.source:
        return
    kinds = {name: kind for name, _, kind in cells(contract)}
    for table in contract.tables:
        kinds |= kinds_of(table)
    names, own = list(kinds_of(function)), kinds_of(function)
    asked = {
        "online": msgspec.to_builtins(function),
        "time_zone": contract.time_zone,
        "kinds": kinds,
        "rows": plain_cells(batch.rows[list(kinds)]),
    }
    columns, made = MadeColumns(function, contract.time_zone), plain_cells(batch.rows.reindex(columns=names))
    faults = list[str]()
    for one, wanted, passes in zip(_called(asked, folder), made, batch.passing, strict=True):
        found = None if one is None else TypedRow("", typed_row(one, own))
        other = columns.added(TypedRow("", {}), wanted if passes or not columns.refuses else None)
        faults += _differences(found, other, names)
    if faults:
        raise DataError(
            f"features.online_function {function.path!r} is not features.function for one row: of {len(made)} rows, "
            f"{'; '.join(f'{count} differ in {fault}' for fault, count in Counter(faults).items())}. Correct one of "
            "them, or take features.online_function out"
        )


def _called(asked: dict[str, Any], folder: Path) -> list[dict[str, Any] | None]:
    """Return what the function makes of each row, from its process."""
    path, hidden = asked["online"]["path"], hidden_folders(home(folder / FILE), os.environ)
    child = ChildProcess(folder, os.environ, hidden, PATIENCE_SECONDS)
    try:
        answer = child.ask(ChildMessage(asked), len(asked["rows"]), lambda message: message.header)
    except EndedError as error:
        raise DataError(f"features.online_function {path!r} cannot be tried: its process {error}") from error
    finally:
        child.end()
    if "unusable" in answer:
        raise DataError(f"features.online_function {path!r} cannot be called: {answer['unusable'][1]}")
    made: list[dict[str, Any] | None] = answer["made"]
    return made


def _differences(online: TypedRow | None, batch: TypedRow | None, names: Sequence[str]) -> list[str]:
    if online is None or batch is None:
        return [] if online is batch else ["whether the function fails"]
    return [name for name in names if repr(online.values[name]) != repr(batch.values[name])]  # it keeps every bit
