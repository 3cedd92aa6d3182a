"""Micro-batches: rows of requests that arrive in one turn of the event loop are answered by one run of the model.

No request waits for another one to arrive; with one thread, a row has the same bits in a batch of any size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tasks.row_contract import TypedRow
from tasks.serve.served_version import AnsweredRow, ServedVersion

MOST_ROWS = 64
FIRST_ESTIMATE_SECONDS = 50e-6
FORGETTING = 0.1


class TickBatch:
    """Collects rows for one version until the turn ends.

    Attributes
    ----------
    row_seconds : float
        How long the version takes for a row: the mean of its runs, in which the newest and the largest weigh most.
    """

    def __init__(self, version: ServedVersion) -> None:
        self.version = version
        self.row_seconds = FIRST_ESTIMATE_SECONDS
        self._rows: list[TypedRow] = []
        self._waiting: list[asyncio.Future[AnsweredRow]] = []

    def add(self, row: TypedRow) -> asyncio.Future[AnsweredRow]:
        """Return the future answer to a row."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[AnsweredRow] = loop.create_future()
        if not self._rows:
            loop.call_soon(self._run)
        self._rows.append(row)
        self._waiting.append(future)
        if len(self._rows) == MOST_ROWS:
            self._run()
        return future

    def answers(self, rows: Sequence[TypedRow]) -> list[AnsweredRow]:
        """Return the answers to rows at once, and measure how long they took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        answered = self.version.answers(rows)
        each = (clock() - began) / len(rows)
        self.row_seconds += FORGETTING * len(rows) / MOST_ROWS * (each - self.row_seconds)
        return answered

    def doubt(self) -> None:
        """Trust the estimate less, because a request was refused for it: a single slow run must not refuse all others.

        Only a run corrects an estimate that is too high, so each refusal brings the next run closer.
        """
        self.row_seconds -= FORGETTING * (self.row_seconds - FIRST_ESTIMATE_SECONDS)

    def _run(self) -> None:
        rows, waiting = self._rows, self._waiting
        if not rows:
            return
        self._rows, self._waiting = [], []
        try:
            answers = self.answers(rows)
        except Exception as error:  # noqa: BLE001 - each request gets it, and the worker goes on
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
