"""Which version answers a request while a rollout runs: both compute the answer, and one of them is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.logs import raised_at
from tasks.rollout import AnswerChange, class_change, number_change, probability_change
from tasks.rollout.answer_change import aligned
from tasks.row_contract import TypedRow
from tasks.serve.candidates import Candidate, Candidates
from tasks.serve.champions import Serving
from tasks.serve.replies import Refusal
from tasks.serve.served_version import AnsweredRow, ServedVersion
from tasks.serving_store.logged_rows import Draw

Run = Callable[[Serving, list[TypedRow]], Awaitable[list[AnsweredRow]]]


class SentAnswer(NamedTuple):
    """What answers a request, its answers, and what chance has drawn for it in a rollout."""

    serving: Serving
    answers: list[AnsweredRow]
    draw: Draw = Draw()


class PairedAnswering:
    """Lets candidates answer their share of the requests.

    The champion has answered each request before. A candidate that fails, has no time, or would send more changed
    answers than its quota has, leaves that answer as it is; so does a request with rows of both versions.

    Parameters
    ----------
    candidates : Candidates
        The candidates of running rollouts.
    """

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates

    async def chosen(self, champion: Serving, rows: list[TypedRow], before: list[AnsweredRow], run: Run) -> SentAnswer:
        """Return what answers a request.

        Parameters
        ----------
        before : list of AnsweredRow
            The answers of the champion.
        run : callable
            Runs a version.
        """
        clock = asyncio.get_running_loop().time
        candidate, after, change = self.candidates.get(champion, clock()), None, None
        if candidate is None:
            return SentAnswer(champion, before)
        try:
            after = await run(candidate.serving, rows)
            change = difference(champion.version, candidate, before, after)
        except Refusal:
            pass  # there is no time for both
        except Exception as error:  # noqa: BLE001 - whatever a candidate does, the champion has answered
            if self.candidates.get(champion, clock()) is candidate:
                candidate.failed(f"{type(error).__name__} at {raised_at(error)}", rows)
        if self.candidates.get(champion, clock()) is not candidate:
            return SentAnswer(champion, before)  # its rollout has ended meanwhile
        draw = candidate.draw(rows)
        if after is not None and change is not None:
            candidate.asked(clock())
            changed = candidate.compared(rows, change, _deferred(before) != _deferred(after))
            if draw.arm == "candidate" and _may_send(candidate, changed):
                candidate.answered(len(rows))
                return SentAnswer(candidate.serving, after, draw)
        return SentAnswer(champion, before, draw)


def _may_send(candidate: Candidate, changed: int) -> bool:
    """Return whether the quota of a candidate, if writable, has the changed answers."""
    try:
        return candidate.spend(changed)
    except OSError as error:
        candidate.failed(f"{type(error).__name__} at {raised_at(error)}", [])
        return False


def difference(
    champion: ServedVersion, candidate: Candidate, before: Sequence[AnsweredRow], after: Sequence[AnsweredRow]
) -> AnswerChange:
    """Return how the answers of two versions to the same rows differ.

    Raises
    ------
    ValueError
        The candidate has answered another number of rows, or with no number where the champion has one: also one
        without probabilities, of which the largest would be a class by chance.
    """
    if len(before) != len(after):
        raise ValueError("the candidate has answered another number of rows")
    version, task = candidate.serving.version, champion.schema.task
    one, other = _predictions(before), _predictions(after)
    if (_are_numbers(before, one) & ~_are_numbers(after, other)).any():
        raise ValueError("the candidate has answered with no number")
    if task == "regression":
        return number_change(one, other, candidate.grant.unit)
    if task == "binary":
        return probability_change(one, other, (champion.is_positive(one), version.is_positive(other)))
    names = champion.schema.class_names, version.schema.class_names
    return class_change(*aligned((_probabilities(before), names[0]), (_probabilities(after), names[1])))


def _are_numbers(rows: Sequence[AnsweredRow], predictions: FloatArray) -> BoolArray:
    """Return whether the prediction of each row is a finite number, and so are its probabilities of several classes."""
    shares = _probabilities(rows)
    return np.asarray(np.isfinite(predictions) & np.isfinite(shares).all(axis=1), dtype=np.bool_)


def _predictions(rows: Sequence[AnsweredRow]) -> FloatArray:
    return np.array([row.computed.prediction[row.place] for row in rows], dtype=np.float64)


def _probabilities(rows: Sequence[AnsweredRow]) -> FloatArray:
    found = [(row.computed.probabilities, row.place) for row in rows]
    return np.array([[] if several is None else several[place] for several, place in found], dtype=np.float64)


def _deferred(rows: Sequence[AnsweredRow]) -> BoolArray:
    return np.array([row.answer["deferred"] for row in rows], dtype=bool)
