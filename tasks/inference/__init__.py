"""Inference: from a matrix of model inputs to answers, with numpy, C and onnxruntime only.

The nightly batch and the prediction service answer with the same code. `ModelSchema` says what inputs and outputs mean,
`MatrixModel` runs a model, and `answers` returns predictions, confidence, deferred rows and their reasons.
"""

from tasks.inference.confidence import confidence
from tasks.inference.explanations import reasons, typical_values
from tasks.inference.matrix_model import MatrixModel, decision_threshold
from tasks.inference.model_answers import Answers, answers
from tasks.inference.model_runner import model_runner
from tasks.inference.onnx_session import ONNX_FILE, onnx_session, run_session
from tasks.inference.schema import PROTOCOL, SCHEMA_FILE, ModelSchema

__all__ = [
    "ONNX_FILE",
    "PROTOCOL",
    "SCHEMA_FILE",
    "Answers",
    "MatrixModel",
    "ModelSchema",
    "answers",
    "confidence",
    "decision_threshold",
    "model_runner",
    "onnx_session",
    "reasons",
    "run_session",
    "typical_values",
]
