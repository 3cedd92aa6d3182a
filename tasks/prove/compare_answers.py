"""Compares logged answers with those of the batch, bit by bit, and names the first step at which a row differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from tasks.arrays import FloatArray
from tasks.records import AnswerStep, ServedProof, SkewedRow
from tasks.records.performance import SHOWN
from tasks.serving_store.logged_rows import LoggedAnswer, inputs_digest, numbers_of, same_numbers

NUMBERS: tuple[AnswerStep, ...] = ("score", "prediction", "confidence")
OTHER_CONTRACT = "they were answered under another contract than that of the night"


class BatchAnswer(NamedTuple):
    """What the batch makes of a row: its numbers, whether the deferral rule leaves it to a person, and its inputs."""

    score: float
    prediction: float
    confidence: float
    unsure: bool
    inputs: FloatArray


def batch_answers(scored: pd.DataFrame, inputs: FloatArray) -> list[BatchAnswer]:
    """Return the answer to each row, from what `tasks.score.predictions` returns and what the model received."""
    columns = (scored[name] for name in (*NUMBERS, "deferred"))
    made = zip(*columns, inputs, strict=True)
    return [BatchAnswer(score, value, sure, bool(unsure), row) for score, value, sure, unsure, row in made]


def compared(
    logged: Sequence[LoggedAnswer], batch: Sequence[BatchAnswer | None], contract: str, *, named: bool = True
) -> ServedProof:
    """Return how logged answers compare with those of the batch, line by line.

    An answer under another contract is proven where it has the bits of the batch; where it has not, the contract may be
    the reason, so that it counts as not proven.

    Parameters
    ----------
    batch : sequence of BatchAnswer or None
        What the batch makes of each line; None where its contract refuses the row.
    contract : str
        The digest of the contract of the batch.
    named : bool
        Whether rows may be named by their ids.
    """
    steps = [(answer, _first_step(answer, again)) for answer, again in zip(logged, batch, strict=True)]
    other = [(answer, step) for answer, step in steps if step is not None]
    differing = [(answer, step) for answer, step in other if answer.contract in {"", contract}]
    unproven = len(other) - len(differing)
    return ServedProof(
        rows=len(logged) - unproven,
        differing=len(differing),
        skewed=tuple(SkewedRow(_name(answer, named), answer.version, step) for answer, step in differing[:SHOWN]),
        unproven=unproven,
        why=OTHER_CONTRACT if unproven else "",
        versions=tuple(sorted({answer.version for answer in logged})),
    )


def _name(answer: LoggedAnswer, named: bool) -> str:
    return answer.row_id if named else f"number {answer.number} of worker {answer.worker}"


def _first_step(answer: LoggedAnswer, batch: BatchAnswer | None) -> AnswerStep | None:
    """Return the first step at which two answers differ; where the model received other inputs, that is the step."""
    if batch is None:
        return "contract"
    again = (batch.score, batch.prediction, batch.confidence)
    numbers = zip(NUMBERS, numbers_of(answer.bits), again, strict=True)
    different = [step for step, online, offline in numbers if not same_numbers(online, offline, answer.rounding)]
    if not different and answer.unsure == batch.unsure:
        return None
    if inputs_digest(batch.inputs) != answer.inputs:
        return "inputs"
    return different[0] if different else "unsure"
