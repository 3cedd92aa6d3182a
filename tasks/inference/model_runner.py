"""Runs the portable files of a model: the compact one with C where it can, else the ONNX graph with onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tasks.arrays import FloatArray
from tasks.compact import CompactEvaluator, is_built
from tasks.inference.onnx_session import onnx_session, run_session

Run = Callable[[FloatArray], FloatArray]


def model_runner(onnx_bytes: bytes, compact_bytes: bytes | None, project: str, threads: int = 1) -> Run:
    """Return what computes the output of a model: shape (n, outputs), from (n, columns).

    Parameters
    ----------
    onnx_bytes : bytes
        The graph.
    compact_bytes : bytes or None
        The compact file of the same model, if the version has one. It is used where the evaluator is built.
    project : str
        Named in errors.
    threads : int
        Threads of one call of onnxruntime; the compact evaluator uses that of the caller.

    Raises
    ------
    EvidenceError
        The file that is used cannot be loaded.
    """
    if compact_bytes is not None and is_built():
        return CompactEvaluator(compact_bytes, project).run
    return partial(run_session, onnx_session(onnx_bytes, project, threads))
