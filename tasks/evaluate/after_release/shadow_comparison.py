"""Afterwards: what became of models in service, from the losses of rows whose labels have matured.

The losses come as frames of `row_id`, `event_date` and `loss`, one row each.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tasks.evaluate.after_release.recovery import Cohort, Recovery, recovered
from tasks.evaluate.loss_comparison import compare
from tasks.spec.project_spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """A version that waits beside the champion, on the rows that both answered: mean losses, and the paired interval.

    `difference` is the waiting version's minus the champion's: below zero it is better.
    """

    rows: int
    start: date
    end: date
    loss: float
    champion_loss: float
    difference: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """The numbers in words."""
        return (
            f"{self.loss:.4g} in service, the champion {self.champion_loss:.4g}, on the same {self.rows} rows of "
            f"{self.start} to {self.end}; difference {self.difference:+.4g} ({self.low:+.4g} to {self.high:+.4g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}


def first_cohort(losses: pd.DataFrame, promised: tuple[float, float], spec: ProjectSpec) -> Recovery:
    """Return whether a released model did, on the first rows it had not seen, what the gate promised of its recipe.

    The first rows are those of `monitoring.cohort_days` from its first answered day on, or, where these are fewer than
    `gate.min_rows`, all there are so far.

    Parameters
    ----------
    losses : DataFrame
        Of the model's answers to rows newer than what it learned from, whose labels have matured.
    promised : (low, high)
        The interval of its mean loss at the gate.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(monitoring=Part(cohort_days=2), gate=Part(min_rows=4))
    >>> days = [date(2026, 1, day) for day in (1, 1, 2, 2, 9)]
    >>> losses = pd.DataFrame({"event_date": days, "loss": [0.4, 0.6, 0.4, 0.6, 99.0]})
    >>> first_cohort(losses, (0.4, 0.6), spec).verdict, first_cohort(losses[:3], (0.4, 0.6), spec).verdict
    ('as_promised', 'too_early')
    """
    known = losses.dropna(subset="loss").sort_values("event_date", kind="stable")
    if len(known):
        last: date = known["event_date"].iloc[0] + timedelta(days=spec.monitoring.cohort_days - 1)
        inside = known[known["event_date"] <= last]
        known = inside if len(inside) >= spec.gate.min_rows else known
    deviation = float(known["loss"].std(ddof=1)) if len(known) > 1 else 0.0
    mean = float(known["loss"].mean()) if len(known) else 0.0
    return recovered([Cohort(len(known), mean, deviation)], promised, spec.gate.min_rows)


def beside(waiting: pd.DataFrame, champion: pd.DataFrame, spec: ProjectSpec) -> ShadowComparison | None:
    """Return how a waiting version does beside the champion; None where no row was answered by both.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> first, second = date(2026, 1, 1), date(2026, 1, 2)
    >>> served = pd.DataFrame({"row_id": ["a", "b"], "event_date": [first, second], "loss": [3.0, 3.0]})
    >>> found = beside(served.assign(loss=2.0), served, Part(gate=Part(confidence=0.95)))
    >>> found.rows, found.difference
    (2, -1.0)
    """
    both = waiting.merge(champion[["row_id", "loss"]], on="row_id", suffixes=("", "_champion")).dropna()
    if both.empty:
        return None
    both = both.sort_values(["event_date", "row_id"], kind="stable")
    mine, other = both["loss"].to_numpy(float), both["loss_champion"].to_numpy(float)
    days = pd.to_datetime(both["event_date"]).to_numpy()
    found = compare(mine, other, days, min_gain=0.0, confidence=spec.gate.confidence)
    return ShadowComparison(
        rows=len(both),
        start=both["event_date"].iloc[0],
        end=both["event_date"].iloc[-1],
        loss=found.challenger_loss,
        champion_loss=found.other_loss,
        difference=found.difference,
        low=found.low,
        high=found.high,
    )
