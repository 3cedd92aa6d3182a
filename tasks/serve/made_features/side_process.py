"""A function of the project from a frame to a frame, called for requests in a process of its own.

The process gets no secret, and may be ended at any time. One call is made at a time; the rows that arrive meanwhile are
the next call.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from tasks.errors import DataError
from tasks.row_contract import RowContract, TypedRow
from tasks.row_contract.compiled_contract import ServedFunction
from tasks.row_contract.made_values import Made
from tasks.row_contract.row_reader import cells
from tasks.row_contract.table_values import kinds_of
from tasks.user_code.confined.child_process import ChildProcess, EndedError
from tasks.user_code.confined.confinement import hidden_folders
from tasks.user_code.confined.framing import ChildMessage

PATIENCE_SECONDS = 10.0
MOST_ROWS = 64
_CHILDREN: dict[Path, ChildProcess] = {}
_ONE_AT_A_TIME = Lock()


class SideProcess:
    """Makes columns of rows in a process, which is started with the first call, and again when it has ended.

    Parameters
    ----------
    function : ServedFunction
        What is called: a function of the code that has the digest of the contract.
    contract : RowContract
        The columns of a row.
    home : Path
        The home of Leeway, of which the process sees nothing but the folder of the project.
    """

    def __init__(self, function: ServedFunction, contract: RowContract, home: Path) -> None:
        self._function, self._home = function, home
        self._kinds = {name: kind for name, _, kind in cells(contract)}
        for table in contract.tables:
            self._kinds |= kinds_of(table)

    def made(self, rows: Sequence[TypedRow]) -> list[Made]:
        """Return the columns that the function makes of each row; None for rows that it fails on.

        Raises
        ------
        DataError
            It gave no answer: the process ended, took too long, or the code has changed.
        """
        plain = [msgspec.to_builtins(row.values) for row in rows]
        question: dict[str, Any] = {
            "path": self._function.path,
            "code": self._function.digest,
            "kinds": self._kinds,
            "makes": list(kinds_of(self._function)),
            "cells": {name: [values[name] for values in plain] for name in self._kinds},
        }
        try:
            answer = self._running().ask(ChildMessage(question), len(rows), lambda message: _made(message, len(rows)))
        except EndedError as error:
            raise DataError(f"the process that runs {self._function.path!r} {error}") from error
        if isinstance(answer, str):
            raise DataError(f"{self._function.path!r} cannot be called for requests: {answer}")
        return answer

    def _running(self) -> ChildProcess:
        """Return the process of the project, which all its versions share: each call says which code it means."""
        folder = Path(self._function.folder)
        with _ONE_AT_A_TIME:
            child = _CHILDREN.get(folder)
            if child is None or not child.is_alive:
                if child is not None:
                    child.end()
                hidden = hidden_folders(self._home, os.environ)
                child = _CHILDREN[folder] = ChildProcess(folder, os.environ, hidden, PATIENCE_SECONDS)
            return child


def _end_all() -> None:
    for child in _CHILDREN.values():
        child.end()


atexit.register(_end_all)


def _made(answer: ChildMessage, rows: int) -> list[Made] | str:
    """Return the made columns of an answer, or why there are none."""
    if "unusable" in answer.header:
        kind = str(answer.header["unusable"][0])
        return "its code has changed since it was proven" if kind == "changed" else f"its module is {kind}"
    made: list[Made] = answer.header["made"]
    if len(made) != rows or not all(one is None or isinstance(one, dict) for one in made):
        raise ValueError(f"found another answer than one for each of {rows} rows")
    return made


class SideBatch:
    """Lets the rows of several requests be one call of a process.

    Parameters
    ----------
    process : SideProcess
        What is called.
    """

    def __init__(self, process: SideProcess) -> None:
        self._process = process
        self._waiting: list[tuple[TypedRow, asyncio.Future[Made]]] = []
        self._calling: asyncio.Task[None] | None = None

    async def made(self, rows: Sequence[TypedRow]) -> list[Made]:
        """Return the columns that the function makes of each row; see `SideProcess.made`."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Made]] = [loop.create_future() for _ in rows]
        self._waiting += zip(rows, futures, strict=True)
        if self._calling is None or self._calling.done():
            self._calling = loop.create_task(self._call(), name="feature-function")
        return list(await asyncio.gather(*futures))

    async def _call(self) -> None:
        while self._waiting:
            called, self._waiting = self._waiting[:MOST_ROWS], self._waiting[MOST_ROWS:]
            called = [(row, future) for row, future in called if not future.done()]  # others have given up
            try:
                made = await asyncio.to_thread(self._process.made, [row for row, _ in called]) if called else []
            except Exception as error:  # noqa: BLE001 - each request gets it, and the next call is made
                for _, future in called:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), one in zip(called, made, strict=True):
                if not future.done():
                    future.set_result(one)
