"""SkopsModel: an estimator without an exporter, stored with skops and read only if every type is on an allow-list.

A skops file is a tree of type names and arrays, never code. The allowed types are decided here, by name, before any of
them is built; the file itself has no say. The registry has already verified the file against the signed manifest: the
list is the second check, not the first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError
from tasks.inference.schema import ModelSchema
from tasks.model.predictor import Predictor

SKOPS_FILE = "model.skops"
PACKAGES = ("sklearn.", "scipy.sparse.")
NEVER = ("sklearn.datasets.", "sklearn.externals.", "sklearn.utils._testing.", "sklearn.experimental.")
NAMES = ("numpy.dtype",)


@dataclass(frozen=True)
class SkopsModel(Predictor):
    """A model that needs scikit-learn.

    Attributes
    ----------
    schema : ModelSchema
        Meaning of the input and output of the model.
    skops_bytes : bytes
        The fitted estimator or pipeline, from a matrix (n, inputs).
    """

    skops_bytes: bytes

    @property
    def file(self) -> tuple[str, bytes]:
        """Name and content of the file."""
        return SKOPS_FILE, self.skops_bytes

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the prediction (n,), P(class 1) (n,), the decision function, or k probabilities (n, k)."""
        if self.schema.task == "regression":
            with np.errstate(over="ignore"):  # exp of a large value is infinite, as in a graph
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
    """Return a fitted estimator as a skops file for `read_skops`.

    Raises
    ------
    EvidenceError
        It has a type that is not allowed: a class of another package, or a function.
    """
    from skops import io

    content = bytes(io.dumps(fitted))
    _checked_types(content, type(fitted).__name__)
    return content


def read_skops(content: bytes, project: str, also: Collection[str] = ()) -> Any:
    """Return the estimator of a verified skops file.

    Parameters
    ----------
    also : collection of str
        Names that are allowed too.

    Raises
    ------
    EvidenceError
        The file has a type that is not allowed, or is no skops file.
    """
    from skops import io

    return io.loads(content, trusted=_checked_types(content, project, also))


def is_allowed(name: str) -> bool:
    """Return whether a type may be built from a file: a class of scikit-learn or scipy.sparse, or a numpy dtype.

    Types that skops trusts itself (numbers, lists, arrays, ufuncs, public estimators of scikit-learn) are not checked
    here.

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
        attribute = getattr(import_module(module), kind, None)
    except ImportError:
        return False
    return isinstance(attribute, type) and attribute.__module__.startswith(("sklearn.", "scipy.sparse."))


def _checked_types(content: bytes, name: str, also: Collection[str] = ()) -> list[str]:
    """Return the types of the file that need the allow-list; raise an error if one is not on it."""
    from zipfile import BadZipFile

    from skops import io

    try:
        named = list(io.get_untrusted_types(data=content))
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise EvidenceError(
            f"found no skops file for {name} ({error}); expected the one that was registered. "
            "Register the version again."
        ) from error
    refused = [kind for kind in named if kind not in also and not is_allowed(kind)]
    if refused:
        raise EvidenceError(
            f"the model of {name} has the types {refused}; only classes of scikit-learn, numpy and scipy.sparse "
            "are allowed. Use an estimator of scikit-learn, or take the function out of it."
        )
    return named
