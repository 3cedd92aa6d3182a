"""A session of onnxruntime for the graph of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError

ONNX_FILE = "model.onnx"
ERRORS_ONLY = 3  # onnxruntime's log severity


def onnx_session(onnx_bytes: bytes, project: str, threads: int = 1) -> Any:
    """Return a session for a graph.

    Parameters
    ----------
    onnx_bytes : bytes
        The graph: from a matrix (n, columns) of doubles to (n, outputs) doubles.
    project : str
        Named in errors.
    threads : int
        Threads of one call. With one thread, a row has the same bits in a batch of any size; with several it may not.

    Raises
    ------
    EvidenceError
        The graph cannot be loaded.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EvidenceError(
            f"onnxruntime cannot load the model of {project!r} ({error}); expected an ONNX graph with "
            "ai.onnx.ml opset 5 or older. Register the version again, or install a newer onnxruntime."
        ) from error


def run_session(session: Any, columns: FloatArray) -> FloatArray:
    """Return the output of the graph: shape (n, outputs)."""
    (out,) = session.run(None, {session.get_inputs()[0].name: columns})
    return np.asarray(out, dtype=np.float64)
