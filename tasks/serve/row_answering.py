"""From rows of JSON values to answers: faults of every row by name, a deadline, and turns for other requests."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from tasks.errors import DataError
from tasks.logs import line
from tasks.row_contract import RowRefused, TypedRow
from tasks.row_contract.made_values import FAILED
from tasks.serve.champions import Champions, Serving
from tasks.serve.paired_answering import PairedAnswering, SentAnswer
from tasks.serve.processes.shared_counters import WorkerCounters
from tasks.serve.replies import Headers, Refusal
from tasks.serve.served_version import Answer, AnsweredRow, ServedVersion
from tasks.serve.service_request import ServiceRequest
from tasks.serve.service_settings import ServiceSettings
from tasks.serve.tick_batch import MOST_ROWS
from tasks.serving_store.logged_rows import Draw

LOG = logging.getLogger("leeway.serve")
MOST_FAULTS = 100
SHED_SHARE = 0.5  # of the budget: a loop that lags behind by more answers no new request in time
UNPAIRED_SHARE = 0.25  # of the budget: a loop that lags behind by more runs no candidate


class RowLog(Protocol):
    """Keeps answered rows; it never waits and never fails."""

    def add(
        self, request: ServiceRequest, serving: Serving, answered: Sequence[tuple[Any, AnsweredRow]], draw: Draw
    ) -> None:
        """Take the rows of a request as they were sent, with their answers, and what was drawn for it in a rollout."""


class Answered(NamedTuple):
    """The answers to the rows of a request, in order, and the version that gave all of them."""

    version: ServedVersion
    answers: list[Answer]


class RowAnswering:
    """Answers rows for all endpoints.

    Parameters
    ----------
    log : RowLog, optional
        Takes every row that is answered in time.
    paired : PairedAnswering, optional
        Lets candidates answer their share.

    Attributes
    ----------
    lag_seconds : float
        How far the event loop is behind: time that a request has waited before it was seen.
    in_flight : int
        Requests that have arrived whole and are being answered: one that arrives slowly takes no place of others.
    """

    def __init__(
        self,
        champions: Champions,
        settings: ServiceSettings,
        counters: WorkerCounters,
        log: RowLog | None = None,
        paired: PairedAnswering | None = None,
    ) -> None:
        self.champions, self.settings, self.counters, self._log = champions, settings, counters, log
        self._paired = paired
        self.lag_seconds = 0.0
        self.in_flight = 0

    def serving(self, project: str) -> Serving:
        """Return what answers a project.

        Raises
        ------
        Refusal
            503, before its first verified package.
        """
        found = self.champions.get(project)
        if found is None:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "no_version",
                f"no verified version of {project} is here yet; see /ready on the admin port",
                headers=retry_after(),
            )
        return found

    def admit(self, request: ServiceRequest) -> None:
        """Refuse a request that cannot be answered in time, before its body is read.

        Raises
        ------
        Refusal
            429 with Retry-After.
        """
        behind = self.lag_seconds > SHED_SHARE * request.budget_seconds
        if behind or self.in_flight >= self.settings.max_in_flight:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "overloaded",
                "more requests arrive than can be answered in time; try again later, or add workers",
                headers=retry_after(),
            )

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Count a request that has arrived whole as one that is being answered."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def answers(self, request: ServiceRequest, serving: Serving, rows: Sequence[Any]) -> Answered:
        """Return the answers to rows, in order, and the version that gave them: the champion, or its candidate.

        Raises
        ------
        Refusal
            413 for too many rows, 422 with every fault of every row, 504 when the deadline cannot be met.
        """
        if len(rows) > self.settings.max_rows:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_many_rows",
                f"found {len(rows)} rows; expected at most {self.settings.max_rows} in a request",
            )
        self._check_estimate(request, serving, len(rows))
        with self.taken():
            typed = await self._with_features(request, serving, await self._typed(serving, rows))
            answered = await self._answered(request, serving, typed)
            self._check_time(request)
            chosen = await self._chosen(request, serving, typed, answered)
        if self._log is not None:
            self._log.add(request, chosen.serving, list(zip(rows, chosen.answers, strict=True)), chosen.draw)
        shown = [one.answer for one in chosen.answers]
        counters, project = self.counters, serving.route.project
        counters.add_project(project, "rows", len(shown))
        counters.add_project(project, "deferred", sum(answer["deferred"] for answer in shown))
        return Answered(chosen.serving.version, shown)

    async def _chosen(
        self, request: ServiceRequest, serving: Serving, typed: list[TypedRow], answered: list[AnsweredRow]
    ) -> SentAnswer:
        """Return what answers: the candidate of a rollout, if it may, and there is time for both."""
        busy = self.lag_seconds > UNPAIRED_SHARE * request.budget_seconds
        if self._paired is None or busy or request.names_version:
            return SentAnswer(serving, answered)

        def run(candidate: Serving, rows: list[TypedRow]) -> Awaitable[list[AnsweredRow]]:
            return self._answered_in_time(request, candidate, rows)

        return await self._paired.chosen(serving, typed, answered, run)

    async def _answered_in_time(
        self, request: ServiceRequest, serving: Serving, typed: list[TypedRow]
    ) -> list[AnsweredRow]:
        """Return the answers of a candidate; with one that is late, it has failed, and the champion's are sent.

        Raises
        ------
        Refusal
            There is no time for both: of this request, or of this turn, in which others wait.
        """
        self._check_estimate(request, serving, len(typed))
        answered = await self._answered(request, serving, typed)
        if self._passed(request) > request.budget_seconds:
            raise TimeoutError("the candidate answered too late")
        return answered

    async def _answered(self, request: ServiceRequest, serving: Serving, typed: list[TypedRow]) -> list[AnsweredRow]:
        batch = serving.batch
        if len(typed) == 1 and batch.rows_in_turn(1):
            return [await batch.add(typed[0])]
        answered: list[AnsweredRow] = []
        while (start := len(answered)) < len(typed):
            if start:
                await asyncio.sleep(0)
                self._check_estimate(request, serving, len(typed) - start)
            if not (fit := batch.rows_in_turn(len(typed) - start)):
                batch.doubt()
                raise self._late(request, "the candidate has no time left in this turn: the rows were not answered")
            answered += batch.answers_in_turn(typed[start : start + fit])
        return answered

    async def _typed(self, serving: Serving, rows: Sequence[Any]) -> list[TypedRow]:
        read, typed, faults = serving.read, [], []
        for number, row in enumerate(rows):
            if number and not number % MOST_ROWS:
                await asyncio.sleep(0)
            if not isinstance(row, dict):
                faults.append(
                    {"row": number, "column": "", "reason": "not_an_object", "expected": "an object of columns"}
                )
                continue
            try:
                typed.append(read(row))
            except RowRefused as refusal:
                faults += [{"row": number, **fault._asdict()} for fault in refusal.faults]
        if faults:
            raise _refused(faults)
        return typed

    async def _with_features(self, request: ServiceRequest, serving: Serving, typed: list[TypedRow]) -> list[TypedRow]:
        """Return rows with what the project's function makes of them, in what is left of the time.

        Raises
        ------
        Refusal
            422 for rows that the function fails on, 503 when its process gives no answer, 504 when that is late.
        """
        features = serving.version.features
        if features is None:
            return typed
        left_seconds = request.budget_seconds - self._passed(request)
        try:
            made = await asyncio.wait_for(features.made_apart(typed), left_seconds)
        except TimeoutError:
            raise self._late(request, "features.function gave no answer") from None
        except DataError as error:
            LOG.error(line("feature_function_failed", project=serving.route.project, reason=error))  # noqa: TRY400 - the reason is enough
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "no_features",
                "features.function of the project gave no answer; see the service's log, and try again later",
                headers=retry_after(),
            ) from None
        if None in made:
            raise _refused([{"row": number, **FAILED._asdict()} for number, row in enumerate(made) if row is None])
        return [row for row in made if row is not None]

    def _check_estimate(self, request: ServiceRequest, serving: Serving, rows: int) -> None:
        """Refuse rows that would be answered late, before the model is run."""
        self._check_time(request)
        if self._passed(request) + rows * serving.batch.row_seconds > request.budget_seconds:
            serving.batch.doubt()
            raise self._late(request, f"{rows} rows cannot be answered")

    def _check_time(self, request: ServiceRequest) -> None:
        if self._passed(request) > request.budget_seconds:
            raise self._late(request, "the request was not answered")

    def _passed(self, request: ServiceRequest) -> float:
        return request.age_seconds() + self.lag_seconds

    def _late(self, request: ServiceRequest, what: str) -> Refusal:
        return Refusal(
            HTTPStatus.GATEWAY_TIMEOUT,
            "late",
            f"{what} within {request.budget_seconds * 1000:.0f} ms, of which {self._passed(request) * 1000:.0f} have "
            "passed; send fewer rows, or more time in X-Deadline-Ms",
        )


def retry_after() -> Headers:
    """Return a Retry-After of one to three seconds, so that clients do not come back all at once."""
    return [(b"retry-after", str(random.randint(1, 3)).encode())]  # noqa: S311 - it spreads load


def _refused(faults: list[dict[str, Any]]) -> Refusal:
    more = f"; {len(faults) - MOST_FAULTS} more are not listed" if len(faults) > MOST_FAULTS else ""
    rows = len({fault["row"] for fault in faults})
    return Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "row_refused",
        f"{rows} of the rows break the contract, with {len(faults)} faults{more}; no row was answered",
        faults[:MOST_FAULTS],
    )
