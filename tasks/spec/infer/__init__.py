"""Infer a first spec from a user's data: the text of project.yaml, the spec, and its expectations."""

from tasks.spec.infer.infer_spec import InferredProject, infer_spec
from tasks.spec.infer.spec_text import Arrival

__all__ = ["Arrival", "InferredProject", "infer_spec"]
