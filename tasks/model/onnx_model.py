"""OnnxModel: a schema and a graph, run by onnxruntime without scikit-learn or pickled code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError
from tasks.model.answer_scale import LINKS
from tasks.model.predictor import Predictor
from tasks.model.schema import ModelSchema

__all__ = ["LINKS", "ONNX_FILE", "OnnxModel"]
ONNX_FILE = "model.onnx"
ERRORS_ONLY = 3  # onnxruntime's log severity


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
        (out,) = self._session.run(None, {self._session.get_inputs()[0].name: columns})
        return np.asarray(out, dtype=np.float64)

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

    def __reduce__(self) -> tuple[type[OnnxModel], tuple[ModelSchema, bytes, int]]:
        return OnnxModel, (self.schema, self.onnx_bytes, self.threads)
