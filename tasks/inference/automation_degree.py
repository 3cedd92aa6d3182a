"""The degree of automation: a row is decided by the model, proposed by it, or left to a person."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray

Degree = Literal["human", "shadow", "assist", "partial", "full"]


def are_answers_kept_back(degree: Degree) -> bool:
    """Return whether predictions are hidden from the people who decide, so that they decide independently.

    >>> [are_answers_kept_back(degree) for degree in ("human", "shadow", "assist", "partial", "full")]
    [True, True, False, False, False]
    """
    return degree in {"human", "shadow"}


def deferred_under(degree: Degree, unsure: npt.ArrayLike) -> BoolArray:
    """Return which rows a person decides, given which ones the model is too unsure of.

    Examples
    --------
    >>> [deferred_under(degree, [True, False]).tolist() for degree in ("human", "assist", "partial", "full")]
    [[True, True], [True, True], [True, False], [False, False]]
    """
    rows = np.asarray(unsure, dtype=bool)
    if degree == "partial":
        return rows
    return np.full(rows.shape, degree != "full")
