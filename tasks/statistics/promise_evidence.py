"""What a champion promises, day by day, on rows that it was not trained on.

PROTOCOL is the number of the stored format; a reader of every older number is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tasks.statistics.day_effects import DayEffects, fit_day_effects
from tasks.statistics.day_sums import DaySums

PROTOCOL = 1


@dataclass(frozen=True, eq=False)
class DayEvidence:
    """A measure by day, on rows that the model was not trained on.

    Parameters
    ----------
    history : DaySums
        All days: how days differ is learned from them.
    promised : DaySums
        The days of the promise: it is their mean.
    """

    history: DaySums
    promised: DaySums

    @cached_property
    def effects(self) -> DayEffects:
        """What the history says about day effects."""
        return fit_day_effects(self.history)


@dataclass(frozen=True)
class PromiseEvidence:
    """Losses and residuals by day, and the unit of the bias: a residual's deviation, or the base rate."""

    loss: DayEvidence
    bias: DayEvidence
    bias_unit: float


def evidence_to_dict(evidence: PromiseEvidence) -> dict[str, Any]:
    """Return the evidence as plain values."""
    measures = {"loss": evidence.loss, "bias": evidence.bias}
    return {
        "protocol": PROTOCOL,
        "bias_unit": evidence.bias_unit,
        **{
            f"{name}_{part}": [column.tolist() for column in (sums.days, sums.rows, sums.sums, sums.squares)]
            for name, measure in measures.items()
            for part, sums in (("history", measure.history), ("promised", measure.promised))
        },
    }


def evidence_from_dict(content: Mapping[str, Any]) -> PromiseEvidence:
    """Return the evidence that `evidence_to_dict` wrote.

    Examples
    --------
    >>> days = DaySums(np.array([1, 2]), np.ones(2), np.array([0.5, 0.25]), np.ones(2))
    >>> written = evidence_to_dict(PromiseEvidence(DayEvidence(days, days), DayEvidence(days, days), 0.5))
    >>> evidence_to_dict(evidence_from_dict(written)) == written
    True
    """
    loss, bias = (
        DayEvidence(_sums(content[f"{name}_history"]), _sums(content[f"{name}_promised"])) for name in ("loss", "bias")
    )
    return PromiseEvidence(loss, bias, float(content["bias_unit"]))


def _sums(columns: Sequence[Sequence[float]]) -> DaySums:
    days, *values = columns
    rows, sums, squares = (np.array(column, dtype=np.float64) for column in values)
    return DaySums(np.array(days, dtype=np.int64), rows, sums, squares)
