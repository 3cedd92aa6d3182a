"""The degree of automation: a row is decided by the model, proposed by it, or left to a person."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray

Degree = Literal["human", "shadow", "assist", "partial", "full"]


DEGREES: tuple[Degree, ...] = ("human", "shadow", "assist", "partial", "full")
"""The degrees, from people deciding alone to the model deciding alone."""
PLACES = 2**64


def lower_degree(one: Degree, other: Degree) -> Degree:
    """Return the degree that leaves more to people.

    >>> lower_degree("full", "assist")
    'assist'
    """
    return min(one, other, key=DEGREES.index)


def is_drawn(row_id: str, share: float, purpose: Literal["audit", "blind"]) -> bool:
    """Return whether a row belongs to a share of the rows, the same for the service and the batch.

    The id decides it, by a hash, so that a row that is asked for again is drawn again, and that no model has an
    influence on it. The hash is no secret: who chooses the ids of rows can know which of them are drawn.

    >>> is_drawn("a", 1.0, "audit"), is_drawn("a", 0.0, "audit")
    (True, False)
    >>> sum(is_drawn(str(row), 0.25, "audit") for row in range(1000))
    259
    """
    digest = hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), key=purpose.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < int(share * PLACES)


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
