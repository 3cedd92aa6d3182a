"""OnnxModel: a schema and a graph, run by onnxruntime without scikit-learn or pickled code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.arrays import FloatArray
from tasks.inference.onnx_session import ONNX_FILE, onnx_session, run_session
from tasks.inference.schema import ModelSchema
from tasks.model.predictor import Predictor


@dataclass(frozen=True)
class OnnxModel(Predictor):
    """A model that runs with onnxruntime.

    Attributes
    ----------
    schema : ModelSchema
        Meaning of the input and output of the graph.
    onnx_bytes : bytes
        The graph: from a matrix (n, columns) of doubles to (n, outputs) doubles.
    threads : int
        Threads of one call; one by default, because partitions are scored in parallel.

    Notes
    -----
    The session is created at the first call, and is not pickled with the model.
    """

    onnx_bytes: bytes
    threads: int = 1

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of the file."""
        return ONNX_FILE, self.onnx_bytes

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the output of the graph: shape (n, outputs)."""
        return run_session(self._session, columns)

    @cached_property
    def _session(self) -> Any:
        return onnx_session(self.onnx_bytes, self.schema.project, self.threads)

    def __reduce__(self) -> tuple[type[OnnxModel], tuple[ModelSchema, bytes, int]]:
        return OnnxModel, (self.schema, self.onnx_bytes, self.threads)
