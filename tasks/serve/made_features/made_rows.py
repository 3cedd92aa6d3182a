"""Adds the columns that a project's function makes to rows, whether a worker calls it itself or asks its process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.row_contract import RowContract, TypedRow
from tasks.row_contract.made_values import MadeColumns, OwnRowFunction
from tasks.serve.made_features.side_process import SideBatch, SideProcess


class FeatureMaker:
    """Adds columns to rows; None takes the place of a row that the function fails on, if that breaks the contract.

    Parameters
    ----------
    function : OwnRowFunction or SideProcess
        What makes them.
    columns : MadeColumns
        Their kinds.
    """

    def __init__(self, function: OwnRowFunction | SideProcess, columns: MadeColumns) -> None:
        self._function, self._columns = function, columns
        self._calls = SideBatch(function) if isinstance(function, SideProcess) else None

    def made(self, rows: Sequence[TypedRow]) -> list[TypedRow | None]:
        """Return rows with the columns, at once.

        Raises
        ------
        DataError
            The process of the function gave no answer.
        """
        made = self._function.made(rows)
        return [self._columns.added(row, one) for row, one in zip(rows, made, strict=True)]

    async def made_apart(self, rows: Sequence[TypedRow]) -> list[TypedRow | None]:
        """Return rows with the columns, while other requests go on if a process makes them; see `made`."""
        if self._calls is None:
            return self.made(rows)
        made = await self._calls.made(rows)
        return [self._columns.added(row, one) for row, one in zip(rows, made, strict=True)]


def feature_maker(contract: RowContract, home: Path) -> FeatureMaker | None:
    """Return what adds the columns of a contract's function; None if it has none."""
    function = contract.function
    if function is None:
        return None
    called = OwnRowFunction(function) if function.source else SideProcess(function, contract, home)
    return FeatureMaker(called, MadeColumns(function, contract.time_zone))
