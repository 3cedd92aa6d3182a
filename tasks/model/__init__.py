"""The portable model: a schema and an ONNX graph that answer as the trained pipeline does, without scikit-learn.

In: a frame of feature columns. Out: scores on the model's scale, or predictions in label units. `trees` writes the
graph from fitted trees, `parity` proves that it answers alike before anybody relies on it.
"""

from tasks.model.parity import TOLERANCE, prove_parity
from tasks.model.portable import PortableModel
from tasks.model.schema import PROTOCOL, ModelSchema, TimeFeature
from tasks.model.trees import tree_ensemble

__all__ = ["PROTOCOL", "TOLERANCE", "ModelSchema", "PortableModel", "TimeFeature", "prove_parity", "tree_ensemble"]
