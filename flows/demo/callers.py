"""Callers of a prediction service in a demo, which ask it all the while that something happens to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Event, Thread
from typing import Any

from flows.serving.leeway_client import LeewayClient, LeewayError

Row = Mapping[str, Any]


class Callers:
    """They ask for one row after the other until they are stopped.

    Parameters
    ----------
    pause_seconds : float
        The time between an answer and the next request.

    Attributes
    ----------
    answered : Counter of int
        Requests by the version that answered, in the order in which the versions first did.
    failed : int
        Requests without an answer.
    rows : sequence of mapping
        What is asked for, again and again; another one may be set at any time.
    """

    def __init__(self, client: LeewayClient, project: str, rows: Sequence[Row], pause_seconds: float) -> None:
        self._client, self._project, self._pause_seconds = client, project, pause_seconds
        self.rows = rows
        self.answered, self.failed = Counter[int](), 0
        self._stopped = Event()
        self._thread = Thread(target=self._ask, name="callers", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()
        self._thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._stopped.wait(self._pause_seconds):
            rows = self.rows
            try:
                answer = self._client.predict(self._project, rows[number % len(rows)])
                self.answered[answer.version] += 1
            except LeewayError:
                self.failed += 1
            number += 1
