"""Micro-batches: rows of requests that arrive in one turn of the event loop are answered by one run of the model.

No request waits for another one to arrive; with one thread, a row has the same bits in a batch of any size.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from tasks.row_contract import TypedRow
from tasks.serve.served_version import AnsweredRow, ServedVersion

MOST_ROWS = 64
FIRST_ESTIMATE_SECONDS = 50e-6
FORGETTING = 0.1


class TickBatch:
    """Collects rows for one version until the turn ends.

    Parameters
    ----------
    row_seconds : float
        How long the version takes for a row, as far as is known.
    turn_seconds : float
        For how long it may hold up the event loop in one turn: other requests wait meanwhile, and a candidate may not
        make them late. A run that takes longer than it was estimated counts at once.

    Attributes
    ----------
    row_seconds : float
        How long the version takes for a row: the mean of its runs, in which the newest and the largest weigh most.
    """

    def __init__(
        self, version: ServedVersion, row_seconds: float = FIRST_ESTIMATE_SECONDS, turn_seconds: float = math.inf
    ) -> None:
        self.version = version
        self.row_seconds = row_seconds
        self._turn_seconds = self._left_seconds = turn_seconds
        self._rows: list[TypedRow] = []
        self._waiting: list[asyncio.Future[AnsweredRow]] = []

    def add(self, row: TypedRow) -> asyncio.Future[AnsweredRow]:
        """Return the future answer to a row."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[AnsweredRow] = loop.create_future()
        if not self._rows:
            loop.call_soon(self._run)
        self._take(1)
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
        if self._turn_seconds < math.inf:
            self.row_seconds = max(self.row_seconds, each)
        return answered

    def rows_in_turn(self, rows: int) -> int:
        """Return how many of some rows can be answered in this turn, as far as it has time left."""
        if self._left_seconds == math.inf:
            return min(rows, MOST_ROWS)
        return min(rows, MOST_ROWS, int(self._left_seconds / self.row_seconds))

    def answers_in_turn(self, rows: Sequence[TypedRow]) -> list[AnsweredRow]:
        """Return the answers to rows at once; this turn has their time less."""
        self._take(len(rows))
        return self.answers(rows)

    def _take(self, rows: int) -> None:
        if self._turn_seconds == math.inf:
            return
        if self._left_seconds == self._turn_seconds:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._left_seconds -= rows * self.row_seconds

    def _end_turn(self) -> None:
        self._left_seconds = self._turn_seconds

    def doubt(self) -> None:
        """Trust the estimate less, because a request was refused for it: a single slow run must not refuse all others.

        Only a run corrects an estimate that is too high, so each refusal brings the next run closer. While a turn has
        time for a row, there are runs.
        """
        if self.row_seconds <= self._turn_seconds < math.inf:
            return
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
