"""Metrics next to the one that is minimised: measured of one model, or of a challenger and a champion."""

from __future__ import annotations

import math
from dataclasses import dataclass


def known(value: float) -> float | None:
    """Return a number, or None for one that is not finite.

    >>> known(0.5), known(float("nan"))
    (0.5, None)
    """
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class MeasuredMetric:
    """A metric of some rows, with its interval; None where it is not defined or cannot be known.

    Parameters
    ----------
    name : str
        As `FurtherMetric.name` gives it.
    fault : str
        Why it has no number: what its function said, or which rows have no truth or no answer.
    """

    name: str
    higher_is_better: bool
    value: float | None
    low: float | None = None
    high: float | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """A metric of a challenger and of the champion on the same rows.

    `difference` is challenger minus champion, with its paired interval. With `max_loss` it is a guardrail: the most by
    which the challenger may be worse, in units of the metric.
    """

    challenger: MeasuredMetric
    champion: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    max_loss: float | None = None

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.challenger.name

    @property
    def worst_loss(self) -> float | None:
        """By how much the challenger is worse at the bad end of the interval; below 0 it is better even there.

        >>> auc = MeasuredMetric("roc_auc", higher_is_better=True, value=0.75)
        >>> MetricComparison(auc, 0.8, -0.05, -0.07, -0.03).worst_loss
        0.07
        """
        if self.difference_low is None or self.difference_high is None:
            return None
        return -self.difference_low if self.challenger.higher_is_better else self.difference_high

    @property
    def is_held(self) -> bool:
        """Whether it is no guardrail, or the challenger is surely no worse than allowed; unknown is not held."""
        if self.max_loss is None:
            return True
        return self.worst_loss is not None and self.worst_loss <= self.max_loss
