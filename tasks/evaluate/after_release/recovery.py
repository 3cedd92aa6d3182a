"""Recovery: whether a released model does, on its first matured cohorts, what the gate promised of its recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Recovered = Literal["too_early", "as_promised", "better", "worse", "unknown"]

NORMAL_975 = 1.959964
SMALLEST_COUNT = 2


@dataclass(frozen=True, slots=True)
class Cohort:
    """Rows of one period whose labels have matured: how many, their mean loss, and the loss's standard deviation."""

    rows: int
    loss: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """The verdict, and what it rests on: the cohorts' mean loss with its 95 % interval, and the gate's interval."""

    verdict: Recovered
    rows: int
    loss: float
    low: float
    high: float
    promised_low: float
    promised_high: float

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        found = f"a loss of {self.loss:.4g} ({self.low:.4g} to {self.high:.4g}) on the first {self.rows} matured rows"
        promise = f"the gate promised {self.promised_low:.4g} to {self.promised_high:.4g}"
        return f"found {found}; {promise}: {self.verdict.replace('_', ' ')}"


def recovered(cohorts: Sequence[Cohort], promised: tuple[float, float], min_rows: int) -> Recovery:
    """Return whether the first matured cohorts of a released model keep the gate's promise.

    Parameters
    ----------
    cohorts : sequence of Cohort
        The released model's cohorts since it serves, in any order.
    promised : (low, high)
        The interval of the challenger's mean loss at the gate.
    min_rows : int
        Rows below which it is too early to tell.

    Returns
    -------
    Recovery
        "worse" when the whole interval of the cohorts lies above the promise, "better" when it lies below, "unknown"
        when a number is not finite, else "as_promised".

    Examples
    --------
    400 rows of deviation 1 have a standard error of 1 / 20: 0.5 lies 0.402 to 0.598, above 0.3.

    >>> recovered([Cohort(200, 0.4, 1.0), Cohort(200, 0.6, 1.0)], promised=(0.2, 0.3), min_rows=100).verdict
    'worse'
    >>> recovered([Cohort(200, 0.4, 1.0)], promised=(0.2, 0.3), min_rows=100).verdict
    'as_promised'
    """
    low, high = promised
    rows = sum(each.rows for each in cohorts)
    if rows < max(min_rows, SMALLEST_COUNT):
        return Recovery("too_early", rows, math.nan, math.nan, math.nan, low, high)
    loss = sum(each.rows * each.loss for each in cohorts) / rows
    reach = NORMAL_975 * math.sqrt(sum(each.rows * each.deviation**2 for each in cohorts)) / rows
    found = Recovery("as_promised", rows, loss, loss - reach, loss + reach, low, high)
    return Recovery(_verdict(found), rows, loss, found.low, found.high, low, high)


def _verdict(found: Recovery) -> Recovered:
    if not all(map(math.isfinite, (found.low, found.high, found.promised_low, found.promised_high))):
        return "unknown"
    if found.low > found.promised_high:
        return "worse"
    return "better" if found.high < found.promised_low else "as_promised"
