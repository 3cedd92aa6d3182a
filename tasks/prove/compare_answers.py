"""Compares logged answers with those of the batch, bit by bit, and names the first step at which a row differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.model import ModelSchema
from tasks.model.input_matrix import input_matrix
from tasks.records import AnswerStep, ServedProof, SkewedRow
from tasks.records.performance import SHOWN
from tasks.serving_store.logged_rows import LoggedAnswer, inputs_digest, numbers_of, same_bits

NUMBERS: tuple[AnswerStep, ...] = ("score", "prediction", "confidence")
BatchAnswer = tuple[float, float, float, bool]


def batch_answers(scored: pd.DataFrame) -> dict[str, BatchAnswer]:
    """Return the score, prediction, confidence and deferral of each row, as `tasks.score.predictions` returns them."""
    columns = (scored[name] for name in ("row_id", *NUMBERS, "deferred"))
    return {row: (score, value, sure, bool(unsure)) for row, score, value, sure, unsure in zip(*columns, strict=True)}


def compared(
    logged: Sequence[LoggedAnswer],
    batch: Mapping[str, BatchAnswer],
    rows: pd.DataFrame,
    schema: ModelSchema,
    refused: int = 0,
) -> ServedProof:
    """Return how the logged answers of one delivery compare with those of the batch.

    Parameters
    ----------
    batch : mapping of str to tuple
        See `batch_answers`.
    rows : DataFrame
        The rows of the batch with their features: `row_id` and the columns of the model.
    refused : int
        How many of the logged rows the contract of the batch has refused. Other rows that are not in `batch` are in
        another delivery, because they were asked for again.
    """
    differing = [
        (answer, step)
        for answer in logged
        if answer.row_id in batch and (step := _first_step(answer, batch[answer.row_id])) is not None
    ]
    skewed = [SkewedRow(answer.row_id, answer.version, step) for answer, step in _explained(differing, rows, schema)]
    away = [answer for answer in logged if answer.row_id not in batch]
    named = away if len(away) == refused else []
    skewed += [SkewedRow(answer.row_id, answer.version, "contract") for answer in named]
    return ServedProof(
        rows=len(logged) - len(away) + refused,
        differing=len(differing) + refused,
        skewed=tuple(skewed[:SHOWN]),
        versions=tuple(sorted({answer.version for answer in logged})),
    )


def _first_step(answer: LoggedAnswer, batch: BatchAnswer) -> AnswerStep | None:
    """Return the first number in which two answers differ."""
    for step, online, again in zip(NUMBERS, numbers_of(answer.bits), batch[:3], strict=True):
        if not same_bits(online, again):
            return step
    return None if answer.unsure == batch[3] else "unsure"


def _explained(
    differing: Sequence[tuple[LoggedAnswer, AnswerStep]], rows: pd.DataFrame, schema: ModelSchema
) -> list[tuple[LoggedAnswer, AnswerStep]]:
    """Return the first differing answers; where the model received other inputs, that is the step."""
    shown = differing[:SHOWN]
    asked = rows[rows["row_id"].isin([answer.row_id for answer, _ in shown])]
    if asked.empty:
        return list(shown)
    inputs = dict(zip(asked["row_id"], input_matrix(asked.reset_index(drop=True), schema), strict=True))
    return [
        (answer, step if inputs_digest(inputs[answer.row_id]) == answer.inputs else "inputs") for answer, step in shown
    ]
