"""The interface of models for frames: what training, the gate and the nightly batch use."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.inference.matrix_model import MatrixModel
from tasks.model.input_matrix import input_matrix


@dataclass(frozen=True)
class Predictor(MatrixModel):
    """A model that also reads the rows of frames; subclasses implement how the file of the model runs."""

    @property
    @abstractmethod
    def file(self) -> tuple[str, bytes]:
        """Name and content of the file of the model."""

    def score(self, frame: pd.DataFrame) -> FloatArray:
        """Return the raw score of each row, with level correction: shape (n,), on the scale of the model.

        Rows are scored in blocks, so that memory does not grow with the frame except for the scores.

        Raises
        ------
        DataError
            A column is missing or has values of another kind.
        EvidenceError
            The file of the model cannot be loaded.
        """
        block = self.schema.block_rows
        starts = range(0, max(len(frame), 1), block)
        scores = [self.score_matrix(input_matrix(frame.iloc[start : start + block], self.schema)) for start in starts]
        return scores[0] if len(scores) == 1 else np.concatenate(scores)

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Return the prediction of each row: label units, P(class 1), or the probability of each class."""
        return self.from_score(self.score(frame))

    @property
    def size_mb(self) -> float:
        """Size of the file of the model, in megabytes (10^6 bytes)."""
        return len(self.file[1]) / 1e6
