"""The interface of all models, whatever their file format: from model inputs to scores, predictions and decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.inference.answer_scale import predictions_from_scores, scores_from_probabilities
from tasks.inference.preprocessing import preprocess
from tasks.inference.schema import ModelSchema


@dataclass(frozen=True)
class MatrixModel(ABC):
    """A model and its schema; subclasses implement how the file of the model runs.

    Attributes
    ----------
    schema : ModelSchema
        Meaning of the input and output of the model.

    Notes
    -----
    Where a shape is (n,), a model of k > 2 classes returns (n, k), in the order of `schema.classes`.
    """

    schema: ModelSchema

    @abstractmethod
    def run(self, columns: FloatArray) -> FloatArray:
        """Return the raw output for preprocessed columns: shape (n,), (n, 1) or (n, k)."""

    def score_matrix(self, inputs: FloatArray) -> FloatArray:
        """Return the raw score of rows of model inputs, with level correction: shape (n,)."""
        raw = self.run(preprocess(inputs, self.schema))
        if self.schema.output == "probability":
            raw = scores_from_probabilities(raw)
        score = np.asarray(raw + np.asarray(self.schema.offset), dtype=np.float64)
        return score if self.schema.task == "multiclass" else score.ravel()

    def from_score(self, score: FloatArray) -> FloatArray:
        """Return label units, or probabilities, from scores on the scale of the model."""
        return predictions_from_scores(score, self.schema)

    def decisions(self, prediction: FloatArray) -> IntArray:
        """Return the index of the chosen class of each row: 0 or 1 by the threshold, or the most probable of several.

        Raises
        ------
        TypeError
            The model predicts a number, not a class.
        """
        if self.schema.task == "regression":
            raise TypeError("a regression has no classes to decide between; use its prediction")
        if self.schema.task == "multiclass":
            return np.asarray(prediction.argmax(axis=1), dtype=np.int64)
        return np.asarray(prediction >= decision_threshold(self.schema), dtype=np.int64)


def decision_threshold(schema: ModelSchema) -> float:
    """Return the smallest P(class 1) at which a binary model decides for class 1."""
    return 0.5 if schema.threshold is None else schema.threshold
