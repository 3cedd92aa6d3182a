"""Realised and estimated error of a model, compared with what its gate promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Bounded:
    """A measured mean with its interval, the promised value, and the leeway between the two.

    The interval from `low` to `high` includes the uncertainty of both the measurement and the promise.
    """

    value: float
    low: float
    high: float
    expected: float
    leeway: float

    @property
    def tolerated(self) -> float:
        """The largest value within leeway."""
        return self.at(1)

    def at(self, leeways: int) -> float:
        """Return the value that is a number of leeways above the promised one.

        >>> Bounded(1.0, 0.9, 1.1, expected=2.0, leeway=0.5).at(-1)
        1.5
        """
        return self.expected + leeways * self.leeway

    @property
    def past_leeway(self) -> bool:
        """Whether it is further from the promise than tolerated, and than chance explains."""
        return abs(self.value - self.expected) > self.leeway and not self.low <= self.expected <= self.high


@dataclass(frozen=True, slots=True)
class Sustained:
    """Realised error over every matured row since training; the intervals hold at all nights of a champion at once."""

    rows: int
    loss: Bounded
    bias: Bounded


@dataclass(frozen=True, slots=True)
class Performance:
    """Realised error of a model over the newest matured cohort.

    `loss` is the project's metric, where only a rise counts; `bias` the mean signed residual (truth minus prediction)
    on the metric's scale, where both directions count. `strain` is the larger share of leeway used, by the point
    estimates. `sustained` is the same since training: a deviation of a cohort too small to be sure counts if all rows
    since training confirm it.
    """

    start: date
    end: date
    rows: int
    loss: Bounded
    bias: Bounded
    sustained: Sustained | None = None

    @property
    def past_leeway(self) -> bool:
        """Whether error or bias is surely beyond what is tolerated."""
        return self.error_past_leeway or self.bias_past_leeway

    @property
    def error_past_leeway(self) -> bool:
        """Whether the error is surely higher than tolerated."""
        lasting = self.sustained.loss if self.sustained else None
        return self.loss.value > self.loss.expected and _surely(self.loss, lasting)

    @property
    def bias_past_leeway(self) -> bool:
        """Whether the bias is surely beyond what is tolerated, either way."""
        return _surely(self.bias, self.sustained.bias if self.sustained else None)

    @property
    def strain(self) -> float:
        """Share of the leeway that is used, by the worse of error and bias; intervals are not considered."""
        rise, tilt = self.loss.value - self.loss.expected, abs(self.bias.value - self.bias.expected)
        pairs = ((rise, self.loss.leeway), (tilt, self.bias.leeway))
        # The leeway of a hold-out without any error is 0: every rise is past it.
        return max(*(distance / leeway if leeway else distance for distance, leeway in pairs), 0.0)


def _surely(now: Bounded, lasting: Bounded | None) -> bool:
    """Return whether a cohort is past its leeway, surely by itself or, on the same side, by all rows since training."""
    if lasting is None or now.past_leeway:
        return now.past_leeway
    beyond = abs(now.value - now.expected) > now.leeway
    return beyond and lasting.past_leeway and (now.value > now.expected) == (lasting.value > lasting.expected)


@dataclass(frozen=True, slots=True)
class Estimated:
    """Mean loss that is estimated for the newest predictions without labels.

    The estimate assumes that a prediction has the same loss as on the hold-out: it shows covariate drift, never concept
    drift. `error` is its standard error, `expected` the hold-out's loss; `trusted` is False where such estimates were
    wrong on the hold-out or on matured labels since.
    """

    loss: float
    error: float
    expected: float
    trusted: bool
