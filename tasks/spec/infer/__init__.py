"""A first spec from a person's own data: frame in; a page of YAML, its spec and its expectations out."""

from tasks.spec.infer.infer_spec import InferredProject, infer_spec
from tasks.spec.infer.spec_text import Arrival

__all__ = ["Arrival", "InferredProject", "infer_spec"]
