"""How many labels were inside the prediction intervals that rows were answered with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntervalCoverage:
    """The share of labels inside their intervals, next to the share that was promised.

    Parameters
    ----------
    rows : int
        Rows with a label and an interval.
    value, low, high : float
        The share inside, with its interval; the bounds are None where there are too few days for one.
    share : float
        The share that was promised.
    leeway : float
        How far below it the share may be.
    width : float
        The mean width of the intervals, in label units.
    is_past_leeway : bool
        Whether the share is surely further below.
    """

    rows: int
    value: float
    share: float
    leeway: float
    width: float
    low: float | None = None
    high: float | None = None
    is_past_leeway: bool = False

    @property
    def sentence(self) -> str:
        """The share in words.

        >>> IntervalCoverage(200, 0.8, 0.9, 0.05, 12.5, 0.75, 0.85, is_past_leeway=True).sentence
        '80.0 % of 200 labels (75.0 to 85.0) in intervals for 90.0 %, mean width 12.5: past the leeway of 5.0 %'
        """
        known = self.low is not None and self.high is not None
        sure = f" ({100 * self.low:.1f} to {100 * self.high:.1f})" if known else ""  # type: ignore[operator]  # not None
        past = f": past the leeway of {100 * self.leeway:.1f} %" if self.is_past_leeway else ""
        promised = f"in intervals for {100 * self.share:.1f} %, mean width {self.width:.4g}"
        return f"{100 * self.value:.1f} % of {self.rows:,} labels{sure} {promised}{past}"


@dataclass(frozen=True, slots=True)
class SliceCoverage:
    """The share of labels inside their intervals in one slice of a column; `where` is the slice in words."""

    column: str
    where: str
    coverage: IntervalCoverage

    @property
    def sentence(self) -> str:
        """The share in words.

        >>> SliceCoverage("plan", "plan is 'pro'", IntervalCoverage(200, 0.8, 0.9, 0.05, 12.5)).sentence
        "plan is 'pro': 80.0 % of 200 labels in intervals for 90.0 %, mean width 12.5"
        """
        return f"{self.where}: {self.coverage.sentence}"
