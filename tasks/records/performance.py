"""Realised and estimated error of a model, against what its gate promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Bounded:
    """A measured mean with its interval, what was promised, and how far it may be from it.

    `low` and `high` hold the chance of both the measurement and the promise.
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
        """Return the value so many leeways above what was promised.

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
    estimates. `sustained` is the same since training: what the cohort shows but is too small to be sure of counts when
    all rows together are sure.
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
        # Of a hold-out without any error the leeway is nothing: whatever rises is past it.
        used = (
            (moved / each.leeway if each.leeway else moved) for moved, each in ((rise, self.loss), (tilt, self.bias))
        )
        return max(*used, 0.0)


def _surely(now: Bounded, lasting: Bounded | None) -> bool:
    """Tell whether a cohort is past its leeway, surely by itself or, on the same side, by all rows since training."""
    if lasting is None or now.past_leeway:
        return now.past_leeway
    beyond = abs(now.value - now.expected) > now.leeway
    return beyond and lasting.past_leeway and (now.value > now.expected) == (lasting.value > lasting.expected)


@dataclass(frozen=True, slots=True)
class Estimated:
    """Mean loss to be expected of the newest predictions if they mean what they meant on the hold-out.

    It sees what other rows cost, never concept drift. `error` is its standard error, `expected` the hold-out's loss;
    `trusted` is False where such estimates were wrong on the hold-out or on matured labels since.
    """

    loss: float
    error: float
    expected: float
    trusted: bool
