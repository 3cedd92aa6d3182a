"""What every model answers alike, whatever file it is kept in: scores, predictions, decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray, IntArray
from tasks.model.answer_scale import predictions_from_scores, scores_from_probabilities
from tasks.model.input_matrix import input_matrix
from tasks.model.preprocessing import preprocess
from tasks.model.schema import ModelSchema


@dataclass(frozen=True)
class Predictor(ABC):
    """A model and its schema; each kind of file says only how its model runs.

    Attributes
    ----------
    schema : ModelSchema
        What the model's input and output mean.

    Notes
    -----
    Where a shape below says (n,), a model of k > 2 classes gives (n, k), in the order of `schema.classes`.
    """

    schema: ModelSchema

    @property
    @abstractmethod
    def file(self) -> tuple[str, bytes]:
        """Name and content of the model's file."""

    @abstractmethod
    def run(self, columns: FloatArray) -> FloatArray:
        """Return what the file's model answers to prepared columns: shape (n,), (n, 1) or (n, k)."""

    def score(self, frame: pd.DataFrame) -> FloatArray:
        """Return the raw score of each row, level correction included: shape (n,), on the model's scale.

        Memory does not grow with the frame beyond the answer itself: rows go through in blocks.

        Raises
        ------
        DataError
            A column is missing or cannot be read as its kind.
        EvidenceError
            The model's file cannot be loaded.
        """
        block = self.schema.block_rows
        starts = range(0, max(len(frame), 1), block)
        made = [self.score_matrix(input_matrix(frame.iloc[start : start + block], self.schema)) for start in starts]
        return made[0] if len(made) == 1 else np.concatenate(made)

    def score_matrix(self, inputs: FloatArray) -> FloatArray:
        """Return the raw score of rows that already are the model's inputs, level correction included: shape (n,)."""
        raw = self.run(preprocess(inputs, self.schema))
        if self.schema.output == "probability":
            raw = scores_from_probabilities(raw)
        score = np.asarray(raw + np.asarray(self.schema.offset), dtype=np.float64)
        return score if self.schema.task == "multiclass" else score.ravel()

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Return the prediction of each row: label units, P(class 1), or the probability of each class."""
        return self.from_score(self.score(frame))

    def from_score(self, score: FloatArray) -> FloatArray:
        """Return label units, or probabilities, from scores on the model's scale."""
        return predictions_from_scores(score, self.schema)

    def decisions(self, prediction: FloatArray) -> IntArray:
        """Return the place of the chosen class of each row: 0 or 1 by the threshold, or the most probable of several.

        Raises
        ------
        TypeError
            The model predicts a number, not a class.
        """
        if self.schema.task == "regression":
            raise TypeError("a regression has no classes to decide between; ask for its prediction")
        if self.schema.task == "multiclass":
            return np.asarray(prediction.argmax(axis=1), dtype=np.int64)
        return np.asarray(prediction >= decision_threshold(self.schema), dtype=np.int64)

    @property
    def size_mb(self) -> float:
        """Size of the model's file, in megabytes (10^6 bytes)."""
        return len(self.file[1]) / 1e6


def decision_threshold(schema: ModelSchema) -> float:
    """Return the P(class 1) from which a binary model decides for class 1."""
    return 0.5 if schema.threshold is None else schema.threshold
