"""PortableModel: a schema and a graph, answered by onnxruntime; no scikit-learn, no pickled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import EvidenceError
from tasks.model.matrix import FloatArray, matrix
from tasks.model.schema import ModelSchema

ROWS_AT_ONCE = 65_536
ERRORS_ONLY = 3  # onnxruntime's log severity


def _identity(score: FloatArray) -> FloatArray:
    return score


def _exp(score: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(score)


def _logistic(score: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-score)), written so that nothing overflows."""
    return 0.5 * (1.0 + np.tanh(0.5 * score))


LINKS: dict[str, Callable[[FloatArray], FloatArray]] = {"identity": _identity, "exp": _exp, "logistic": _logistic}


@dataclass(frozen=True)
class PortableModel:
    """A model that answers wherever onnxruntime runs.

    Attributes
    ----------
    schema : ModelSchema
        What the graph's input and output mean.
    onnx_bytes : bytes
        The graph, from a matrix (n, columns) of doubles to a score (n, 1).
    threads : int
        Threads of one call; one by default, because nights score partitions side by side.

    Notes
    -----
    The session is created once, at the first answer, and is left behind when the model is pickled to another process.
    """

    schema: ModelSchema
    onnx_bytes: bytes
    threads: int = 1

    @classmethod
    def from_files(cls, schema_json: bytes, onnx_bytes: bytes) -> PortableModel:
        """Return a model from its two files, as `schema.to_json()` and the exporter wrote them.

        Raises
        ------
        EvidenceError
            The schema is damaged, or of a protocol this version does not know.
        """
        return cls(ModelSchema.from_json(schema_json), onnx_bytes)

    def score(self, frame: pd.DataFrame) -> FloatArray:
        """Return the raw score of each row, level correction included: shape (n,), on the model's scale.

        Memory does not grow with the frame beyond the answer itself: rows go through in blocks.

        Raises
        ------
        DataError
            A column is missing or cannot be read as its kind.
        EvidenceError
            The graph is not one onnxruntime can load.
        """
        out = np.empty(len(frame), dtype=np.float64)
        for start in range(0, len(frame), ROWS_AT_ONCE):
            rows = frame.iloc[start : start + ROWS_AT_ONCE]
            out[start : start + len(rows)] = self.score_matrix(matrix(rows, self.schema))
        return out

    def score_matrix(self, inputs: FloatArray) -> FloatArray:
        """Return the raw score of rows that already are the graph's input: shape (n,), level correction included."""
        (scores,) = self._session.run(None, {self._session.get_inputs()[0].name: inputs})
        return np.asarray(scores, dtype=np.float64).ravel() + self.schema.offset

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Return the prediction of each row, in label units, or P(class 1) for a binary label: shape (n,)."""
        return self.from_score(self.score(frame))

    def from_score(self, score: FloatArray) -> FloatArray:
        """Return label units, or probabilities, from scores on the model's scale."""
        return LINKS[self.schema.link](score)

    @property
    def size_mb(self) -> float:
        """Size of the graph, in megabytes (10^6 bytes)."""
        return len(self.onnx_bytes) / 1e6

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        try:
            return onnxruntime.InferenceSession(self.onnx_bytes, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise EvidenceError(
                f"onnxruntime cannot load the model of {self.schema.project!r} ({error}); expected an ONNX graph with "
                "ai.onnx.ml opset 5 or older. Register the version again, or install a newer onnxruntime."
            ) from error

    def __reduce__(self) -> tuple[type[PortableModel], tuple[ModelSchema, bytes, int]]:
        return PortableModel, (self.schema, self.onnx_bytes, self.threads)
