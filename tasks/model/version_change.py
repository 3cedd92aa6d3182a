"""How the answers of two versions to the same rows differ, as the gate promises and a rollout measures it."""

from __future__ import annotations

from tasks.arrays import FloatArray
from tasks.inference.matrix_model import MatrixModel
from tasks.rollout import AnswerChange, class_change, number_change, probability_change
from tasks.rollout.answer_change import aligned


def version_change(
    versions: tuple[MatrixModel, MatrixModel], answers: tuple[FloatArray, FloatArray], unit: float
) -> AnswerChange:
    """Return what changes when the second version answers instead of the first.

    Parameters
    ----------
    answers : (array, array)
        Their predictions for the same rows: numbers, P(class 1), or the probability of each class.
    unit : float
        The usual error of the first version, if the label is a number; see `tasks.rollout.number_change`.
    """
    (champion, candidate), (before, after) = versions, answers
    if candidate.schema.task == "regression":
        return number_change(before, after, unit)
    if candidate.schema.task == "binary":
        return probability_change(before, after, (champion.decisions(before) == 1, candidate.decisions(after) == 1))
    return class_change(*aligned((before, champion.schema.class_names), (after, candidate.schema.class_names)))
