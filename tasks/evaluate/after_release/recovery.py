"""Recovery: whether a released model keeps its promise on its first rows with matured labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd

from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import CHANGE_LEVEL, DayEvidence, DaySums, weighted_values, weights_of

RecoveryVerdict = Literal["too_early", "as_promised", "better", "worse", "unknown"]

LEVEL = CHANGE_LEVEL / 4  # of an interval: a person is asked as rarely as by each of the four tests of a night
REACH = NormalDist().inv_cdf(1 - LEVEL / 2)  # in standard errors
SMALLEST_COUNT = 2


@dataclass(frozen=True, slots=True)
class Cohort:
    """Rows of one period with matured labels: their number, their mean loss, and the standard deviation of the loss."""

    rows: int
    loss: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """The verdict, the mean loss of the cohorts with its interval, and the interval that was promised."""

    verdict: RecoveryVerdict
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
        promise = f"promised were {self.promised_low:.4g} to {self.promised_high:.4g}"
        return f"found {found}; {promise}: {self.verdict.replace('_', ' ')}"


def check_recovery(cohorts: Sequence[Cohort], promised: tuple[float, float], min_rows: int) -> Recovery:
    """Return whether the first matured cohorts of a released model keep the promise of the gate.

    Parameters
    ----------
    cohorts : sequence of Cohort
        The cohorts of the released model since its release, in any order.
    promised : (low, high)
        The interval of the challenger's mean loss at the gate.
    min_rows : int
        With fewer rows the verdict is "too_early".

    Returns
    -------
    Recovery
        "worse" when the whole interval of the cohorts is above the promise, "better" when it is below, "unknown"
        when a number is not finite, else "as_promised".

    Examples
    --------
    400 rows of deviation 1 have a standard error of 1 / 20, and 2.81 of them at the level .005: the interval of 0.5 is
    0.36 to 0.64, above 0.3.

    >>> check_recovery([Cohort(200, 0.4, 1.0), Cohort(200, 0.6, 1.0)], promised=(0.2, 0.3), min_rows=100).verdict
    'worse'
    >>> check_recovery([Cohort(200, 0.4, 1.0)], promised=(0.2, 0.3), min_rows=100).verdict
    'as_promised'
    """
    low, high = promised
    rows = sum(cohort.rows for cohort in cohorts)
    if rows < max(min_rows, SMALLEST_COUNT):
        return Recovery("too_early", rows, math.nan, math.nan, math.nan, low, high)
    loss = sum(cohort.rows * cohort.loss for cohort in cohorts) / rows
    reach = REACH * math.sqrt(sum(cohort.rows * cohort.deviation**2 for cohort in cohorts)) / rows
    verdict = _verdict((loss - reach, loss + reach), promised)
    return Recovery(verdict, rows, loss, loss - reach, loss + reach, low, high)


def first_cohort(
    losses: pd.DataFrame, promised: tuple[float, float], spec: ProjectSpec, evidence: DayEvidence | None = None
) -> Recovery:
    """Return whether a released model keeps its promise on the first rows it was not trained on.

    The first rows are those of `monitoring.cohort_days` from its first day of predictions on or, where these are fewer
    than `gate.min_rows`, all rows so far.

    Parameters
    ----------
    losses : DataFrame
        `row_id`, `event_date`, `loss` and any `weight` of rows newer than the training data, with matured labels.
    promised : (low, high)
        The interval of its mean loss at the gate.
    evidence : DayEvidence, optional
        Its own promise by day, which counts in place of the gate's: days resemble each other, in promise and cohort.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(monitoring=Part(cohort_days=2), gate=Part(min_rows=4))
    >>> days = [date(2026, 1, day) for day in (1, 1, 2, 2, 9)]
    >>> losses = pd.DataFrame({"event_date": days, "loss": [0.4, 0.6, 0.4, 0.6, 99.0]})
    >>> first_cohort(losses, (0.4, 0.6), spec).verdict, first_cohort(losses[:3], (0.4, 0.6), spec).verdict
    ('as_promised', 'too_early')
    """
    rows = losses.dropna(subset="loss").sort_values("event_date", kind="stable")
    if len(rows):
        last: date = rows["event_date"].iloc[0] + timedelta(days=spec.monitoring.cohort_days - 1)
        first = rows[rows["event_date"] <= last]
        rows = first if len(first) >= spec.gate.min_rows else rows
        rows = rows.assign(loss=weighted_values(rows["loss"].to_numpy(float), weights_of(rows)))
    if evidence is not None and len(rows) >= max(spec.gate.min_rows, SMALLEST_COUNT):
        return _by_evidence(rows, evidence)
    deviation = float(rows["loss"].std(ddof=1)) if len(rows) > 1 else 0.0
    mean = float(rows["loss"].mean()) if len(rows) else 0.0
    return check_recovery([Cohort(len(rows), mean, deviation)], promised, spec.gate.min_rows)


def _by_evidence(rows: pd.DataFrame, evidence: DayEvidence) -> Recovery:
    days = rows["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    cohort, promise = DaySums.of(rows["loss"].to_numpy(float), days), evidence.promised
    own = replace(evidence.effects, row_variance=max(evidence.effects.row_variance, cohort.row_variance))
    (low, high), promised = (
        (span.mean - REACH * own.mean_deviation(span), span.mean + REACH * own.mean_deviation(span))
        for span in (cohort, promise)
    )
    return Recovery(_verdict((low, high), promised), len(rows), cohort.mean, low, high, *promised)


def _verdict(measured: tuple[float, float], promised: tuple[float, float]) -> RecoveryVerdict:
    if not all(map(math.isfinite, (*measured, *promised))):
        return "unknown"
    if measured[0] > promised[1]:
        return "worse"
    return "better" if measured[1] < promised[0] else "as_promised"
