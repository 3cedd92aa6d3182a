"""OnnxModel: a schema, a graph and mostly a compact file, which run without scikit-learn or pickled code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tasks.arrays import FloatArray
from tasks.inference.model_runner import Run, model_runner
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import ModelSchema
from tasks.model.predictor import Predictor


@dataclass(frozen=True)
class OnnxModel(Predictor):
    """A model that runs with the compact evaluator, or with onnxruntime.

    Attributes
    ----------
    schema : ModelSchema
        Meaning of the input and output of the graph.
    onnx_bytes : bytes
        The graph: from a matrix (n, columns) of doubles to (n, outputs) doubles.
    threads : int
        Threads of one call of onnxruntime; one by default, because partitions are scored in parallel.
    compact_bytes : bytes or None
        The same model as a compact file, with which it answers where the evaluator is built.

    Notes
    -----
    What runs it is created at the first call, and is not pickled with the model.
    """

    onnx_bytes: bytes
    threads: int = 1
    compact_bytes: bytes | None = None

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of the file."""
        return ONNX_FILE, self.onnx_bytes

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the output of the model: shape (n, outputs)."""
        return self._run(columns)

    @cached_property
    def _run(self) -> Run:
        return model_runner(self.onnx_bytes, self.compact_bytes, self.schema.project, self.threads)

    def __reduce__(self) -> tuple[type[OnnxModel], tuple[ModelSchema, bytes, int, bytes | None]]:
        return OnnxModel, (self.schema, self.onnx_bytes, self.threads, self.compact_bytes)
