"""KeptModel: what no exporter can say, kept with skops and read only if every type in the file is on our own list.

A skops file is a tree of type names and arrays, never code. Which types may be built from it is decided here, by name,
before anything of it is built; what the file says about itself counts for nothing. The registry has verified the file
against the signed manifest by then: the list is the second lock, not the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError
from tasks.model.predictor import Predictor
from tasks.model.schema import ModelSchema

SKOPS_FILE = "model.skops"
PACKAGES = ("sklearn.", "scipy.sparse.")
NEVER = ("sklearn.datasets.", "sklearn.externals.", "sklearn.utils._testing.", "sklearn.experimental.")
NAMES = ("numpy.dtype",)


@dataclass(frozen=True)
class SkopsModel(Predictor):
    """A model that answers where scikit-learn is installed.

    Attributes
    ----------
    schema : ModelSchema
        What the model's input and output mean.
    skops_bytes : bytes
        The fitted estimator or pipeline, from a matrix (n, inputs).
    """

    skops_bytes: bytes

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of the model's file."""
        return SKOPS_FILE, self.skops_bytes

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the prediction (n,), P(class 1) (n,), the decision function, or k probabilities (n, k)."""
        if self.schema.task == "regression":
            out = self._fitted.predict(columns)
        elif self.schema.output == "score":
            out = self._fitted.decision_function(columns)
        else:
            out = self._fitted.predict_proba(columns)
            out = out[:, 1] if self.schema.task == "binary" else out
        return np.asarray(out, dtype=np.float64)

    @cached_property
    def _fitted(self) -> Any:
        return read_skops(self.skops_bytes, self.schema.project)

    def __reduce__(self) -> tuple[type[SkopsModel], tuple[ModelSchema, bytes]]:
        return SkopsModel, (self.schema, self.skops_bytes)


def skops_bytes(fitted: Any) -> bytes:
    """Return a fitted estimator as a skops file that `read_skops` will read again.

    Raises
    ------
    EvidenceError
        It holds a type that is not on our list: a class of somebody else's, or a function.
    """
    from skops import io

    content = bytes(io.dumps(fitted))
    _refuse_strangers(content, type(fitted).__name__)
    return content


def read_skops(content: bytes, project: str) -> Any:
    """Return the estimator of a verified skops file.

    Raises
    ------
    EvidenceError
        The file holds a type that is not on our list, or is no skops file.
    """
    from skops import io

    return io.loads(content, trusted=_refuse_strangers(content, project))


def is_allowed(name: str) -> bool:
    """Tell whether a type may be built from a file: a class of scikit-learn or scipy.sparse, or a numpy dtype.

    What skops itself builds without being asked (numbers, lists, arrays, ufuncs, scikit-learn's public estimators) does
    not come here.

    Examples
    --------
    >>> is_allowed("sklearn.tree._tree.Tree"), is_allowed("builtins.eval"), is_allowed("sklearn.base.clone")
    (True, False, False)
    """
    if name in NAMES:
        return True
    module, _, kind = name.rpartition(".")
    if not name.startswith(PACKAGES) or name.startswith(NEVER) or ".tests." in name:
        return False
    try:
        found = getattr(import_module(module), kind, None)
    except ImportError:
        return False
    return isinstance(found, type) and found.__module__.startswith(("sklearn.", "scipy.sparse."))


def _refuse_strangers(content: bytes, whose: str) -> list[str]:
    """Return the types of the file that only our list allows, or refuse the file."""
    from zipfile import BadZipFile

    from skops import io

    try:
        named = list(io.get_untrusted_types(data=content))
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise EvidenceError(
            f"found no skops file for {whose} ({error}); expected the one that was registered. "
            "Register the version again."
        ) from error
    strangers = [name for name in named if not is_allowed(name)]
    if strangers:
        raise EvidenceError(
            f"the model of {whose} holds the types {strangers}; only classes of scikit-learn, numpy and scipy.sparse "
            "are kept. Use an estimator of scikit-learn, or take the function out of it."
        )
    return named
