"""Fitted linear models as an ONNX graph: a matrix product in doubles, plus the intercept."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.model.export.onnx_graph import INPUT, OUTPUT, double_tensor, graph_bytes

WEIGHTS, INTERCEPT, PRODUCT, SUMMED = "weights", "intercept", "product", "summed"


def linear_graph(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted linear model with one label, `X @ coef_.T + intercept_`.

    Returns
    -------
    bytes
        A graph from `features` (n, columns) to `score`, both double: the prediction, or the decision function, (n, 1),
        or (n, k) for more than two classes.
    """
    return _graph(estimator, exponential=False)


def log_linear_graph(estimator: Any) -> bytes:
    """Return the graph of a generalised linear model that predicts exp of that sum (PoissonRegressor, ...)."""
    return _graph(estimator, exponential=True)


def _graph(estimator: Any, *, exponential: bool) -> bytes:
    from onnx import helper

    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    columns, outputs = weights.shape
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64).ravel(), (outputs,))
    last = SUMMED if exponential else OUTPUT
    nodes = [
        helper.make_node("MatMul", [INPUT, WEIGHTS], [PRODUCT]),
        helper.make_node("Add", [PRODUCT, INTERCEPT], [last]),
    ]
    if exponential:
        nodes.append(helper.make_node("Exp", [SUMMED], [OUTPUT]))
    tensors = [double_tensor(WEIGHTS, np.ascontiguousarray(weights)), double_tensor(INTERCEPT, np.array(intercept))]
    return graph_bytes(nodes, columns, outputs, tensors)
