"""Evaluates a compact model: with C, which `make` and `make wheel` build where there is a compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import EvidenceError

if TYPE_CHECKING:
    from tasks.compact._native import Evaluator


def _native_evaluator() -> type[Evaluator] | None:
    try:
        from tasks.compact._native import Evaluator
    except ImportError:
        return None
    return Evaluator


_EVALUATOR = _native_evaluator()


def is_built() -> bool:
    """Return whether this installation can evaluate compact models."""
    return _EVALUATOR is not None


class CompactEvaluator:
    """A compact model that answers.

    Its answers are those of scikit-learn's trees in every bit, whatever the number of rows; a linear model sums in the
    order of its columns. Calls may come from several threads at once, and run side by side.

    Parameters
    ----------
    content : bytes
        A file of `trees_file` or `linear_file`. It is checked whole before it is used.
    project : str
        Named in errors.

    Raises
    ------
    EvidenceError
        The file is damaged, or this installation has no evaluator.

    Examples
    --------
    1 + 2 x 10 + 3 x 100 = 321.

    >>> from tasks.compact import linear_file
    >>> model = CompactEvaluator(linear_file(np.array([[2.0, 3.0]]), np.array([1.0]), "none"), "demo")
    >>> model.run(np.array([[10.0, 100.0]])).tolist()
    [[321.0]]
    """

    def __init__(self, content: bytes, project: str) -> None:
        if _EVALUATOR is None:
            raise EvidenceError(
                f"found a compact model of {project!r}, but no evaluator for it; expected one, built when Leeway was "
                "installed. Install it again with a C compiler and the headers of Python (`leeway doctor`)."
            )
        try:
            self._evaluator = _EVALUATOR(content)
        except ValueError as error:
            raise EvidenceError(
                f"the compact model of {project!r} cannot be read: {error}. Register the version again."
            ) from error
        self._outputs, self._is_exponential = self._evaluator.outputs, self._evaluator.is_exponential

    @property
    def is_exponential(self) -> bool:
        """Whether a score is exp of a sum."""
        return self._is_exponential

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the scores of rows: shape (n, outputs), from (n, columns); a missing value is NaN."""
        scores = np.empty((len(columns), self._outputs))
        try:  # asking first takes a tenth of the time of a single row
            self._evaluator.score(columns, scores)
        except (BufferError, ValueError):
            self._evaluator.score(np.ascontiguousarray(columns, dtype=np.float64), scores)
        if not self._is_exponential:
            return scores
        with np.errstate(over="ignore"):
            return np.exp(scores, out=scores)
