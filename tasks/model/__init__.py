"""Models: a schema and a file that predict as the trained pipeline does, mostly without scikit-learn.

Input: a frame of feature columns. Output: scores on the scale of the model, and predictions: label units or
probabilities. `export_model` converts a fitted estimator, `prove_parity` compares the export with it before the export
is used, `load_model` reads a model from the verified files of a version. `deferral`, `confidence` and `reasons` decide
which rows go to people and explain them.
"""

from tasks.inference import PROTOCOL, ModelSchema, confidence, reasons, typical_values
from tasks.inference.schema_parts import Calibration, DatePart, Deferral, ErrorTable, PreprocessingStep, TimeFeature
from tasks.model.adoption.adopted_pipeline import AdoptedPipeline, adopted_pipeline
from tasks.model.adoption.foreign_file import MOST_ADOPTED_BYTES, foreign_estimator
from tasks.model.deferral import deferral_rule, fit_deferral, wrong_decisions
from tasks.model.error_table import fit_error_table
from tasks.model.export.boosted_trees import boosting_graph
from tasks.model.export.compact_parity import TOLERANCE
from tasks.model.export.exporters import EXPORTERS, export_model, load_model, model_facts, model_files, raw_scores
from tasks.model.export.parity import ParityProof, prove_parity
from tasks.model.onnx_model import OnnxModel
from tasks.model.predictor import Predictor
from tasks.model.skops_model import SkopsModel

__all__ = [
    "EXPORTERS",
    "MOST_ADOPTED_BYTES",
    "PROTOCOL",
    "TOLERANCE",
    "AdoptedPipeline",
    "Calibration",
    "DatePart",
    "Deferral",
    "ErrorTable",
    "ModelSchema",
    "OnnxModel",
    "ParityProof",
    "Predictor",
    "PreprocessingStep",
    "SkopsModel",
    "TimeFeature",
    "adopted_pipeline",
    "boosting_graph",
    "confidence",
    "deferral_rule",
    "export_model",
    "fit_deferral",
    "fit_error_table",
    "foreign_estimator",
    "load_model",
    "model_facts",
    "model_files",
    "prove_parity",
    "raw_scores",
    "reasons",
    "typical_values",
    "wrong_decisions",
]
