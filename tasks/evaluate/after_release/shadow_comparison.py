"""The comparison of a waiting version with the champion in service, on rows that both predicted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.evaluate.loss_comparison import compare
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import weighted_values, weights_of


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """Mean losses of a waiting version and the champion on the rows that both predicted, with the paired interval.

    `difference` is the loss of the waiting version minus that of the champion: below zero, it is better.
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


def compare_in_service(waiting: pd.DataFrame, champion: pd.DataFrame, spec: ProjectSpec) -> ShadowComparison | None:
    """Return how a waiting version performs compared with the champion; None where no row was predicted by both.

    Parameters
    ----------
    waiting, champion : DataFrame
        `row_id`, `event_date`, `loss` and any `weight` of rows with matured labels.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> first, second = date(2026, 1, 1), date(2026, 1, 2)
    >>> served = pd.DataFrame({"row_id": ["a", "b"], "event_date": [first, second], "loss": [3.0, 3.0]})
    >>> found = compare_in_service(served.assign(loss=2.0), served, Part(gate=Part(confidence=0.95)))
    >>> found.rows, found.difference
    (2, -1.0)
    """
    both = waiting.merge(champion[["row_id", "loss"]], on="row_id", suffixes=("", "_champion")).dropna()
    if both.empty:
        return None
    both = both.sort_values(["event_date", "row_id"], kind="stable")
    weights = weights_of(both)
    loss, champion_loss = (weighted_values(both[name].to_numpy(float), weights) for name in ("loss", "loss_champion"))
    days = pd.to_datetime(both["event_date"]).to_numpy()
    comparison = compare(loss, champion_loss, days, min_gain=0.0, confidence=spec.gate.confidence)
    return ShadowComparison(
        rows=len(both),
        start=both["event_date"].iloc[0],
        end=both["event_date"].iloc[-1],
        loss=comparison.challenger_loss,
        champion_loss=comparison.other_loss,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
    )
