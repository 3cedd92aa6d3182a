"""Realised and estimated error of a model, compared with what it promised; whether rows are served as scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

SHOWN = 10  # rows of a proof that differ


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
    def growth(self) -> float:
        """How much further from zero the value is than the promise; below 0 where it is nearer.

        >>> [Bounded(value, 0, 0, expected=-0.5, leeway=0.1).growth for value in (-0.75, 0.25)]
        [0.25, -0.25]
        """
        return abs(self.value) - abs(self.expected)

    @property
    def rose_past_leeway(self) -> bool:
        """Whether it is higher than tolerated, and than chance explains."""
        return self.value > self.tolerated and self.low > self.expected

    @property
    def grew_past_leeway(self) -> bool:
        """Whether it is further from zero than tolerated, and than chance explains, on either side."""
        nearest = self.low if self.value > 0 else -self.high
        return self.growth > self.leeway and nearest > abs(self.expected)


@dataclass(frozen=True, slots=True)
class Sustained:
    """Realised error over every matured row since training; the intervals hold at all nights of a champion at once."""

    rows: int
    loss: Bounded
    bias: Bounded


@dataclass(frozen=True, slots=True)
class UnknownClass:
    """A class of labels that the model does not know, so that it can only answer wrongly; in how many rows.

    Its name is empty where `privacy` keeps values of the rows out of what is recorded.
    """

    name: str
    rows: int


def without_names(classes: Sequence[UnknownClass]) -> tuple[UnknownClass, ...]:
    """Return the same rows as of one class without a name.

    >>> without_names([UnknownClass("a", 2), UnknownClass("b", 1)]), without_names([])
    ((UnknownClass(name='', rows=3),), ())
    """
    return (UnknownClass("", sum(one.rows for one in classes)),) if classes else ()


@dataclass(frozen=True, slots=True)
class Performance:
    """Realised error of a model over the newest matured cohort.

    `loss` is the project's metric, where only a rise counts; `bias` the mean signed residual (truth minus prediction)
    on the metric's scale, where only a growth away from zero counts, on either side. `strain` is the larger share of
    leeway used, by the point estimates. `sustained` is the same since training: a deviation of a cohort too small to be
    sure counts if all rows since training confirm it. `regime_rows` and `regime_days` are the rows and days since error
    or bias have likeliest left the promise: of an error past its leeway, what is known of the new regime.
    `unknown_classes` are those of the cohort's labels that the model does not know, the most frequent first;
    `unknown_alone` says that without their rows the error is not past its leeway. Where rows have weights, means of
    `effective_rows` of equal weight are as certain.
    """

    start: date
    end: date
    rows: int
    loss: Bounded
    bias: Bounded
    sustained: Sustained | None = None
    regime_rows: int | None = None
    regime_days: int | None = None
    unknown_classes: tuple[UnknownClass, ...] = ()
    effective_rows: float | None = None
    unknown_alone: bool = False

    @property
    def past_leeway(self) -> bool:
        """Whether error or bias is surely beyond what is tolerated."""
        return self.error_past_leeway or self.bias_past_leeway

    @property
    def error_past_leeway(self) -> bool:
        """Whether the error is surely higher than tolerated."""
        lasting = self.sustained.loss if self.sustained else self.loss
        beyond = self.loss.value > self.loss.tolerated
        return self.loss.rose_past_leeway or (beyond and lasting.rose_past_leeway)

    @property
    def bias_past_leeway(self) -> bool:
        """Whether the bias has surely grown further from zero than tolerated, either way."""
        lasting = self.sustained.bias if self.sustained else self.bias
        beyond = self.bias.growth > self.bias.leeway and (self.bias.value > 0) == (lasting.value > 0)
        return self.bias.grew_past_leeway or (beyond and lasting.grew_past_leeway)

    @property
    def within_leeway(self) -> bool:
        """Whether the leeway covers error and bias: chance need not explain anything."""
        return self.loss.value <= self.loss.tolerated and self.bias.growth <= self.bias.leeway

    @property
    def strain(self) -> float:
        """Share of the leeway that is used, by the worse of error and bias; intervals are not considered."""
        rise, tilt = self.loss.value - self.loss.expected, self.bias.growth
        pairs = ((rise, self.loss.leeway), (tilt, self.bias.leeway))
        # The leeway of a hold-out without any error is 0: every rise is past it.
        return max(*(distance / leeway if leeway else distance for distance, leeway in pairs), 0.0)


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


AnswerStep = Literal["contract", "inputs", "score", "prediction", "confidence", "unsure"]
"""The steps from a row to its answer, in their order."""


@dataclass(frozen=True, slots=True)
class SkewedRow:
    """A row that was answered in another way than the batch answers it, and the first step at which they differ."""

    row_id: str
    version: int
    step: AnswerStep


@dataclass(frozen=True, slots=True)
class ServedProof:
    """What was found of the logged rows of a night.

    Attributes
    ----------
    rows : int
        Rows that were scored again.
    differing : int
        Those with another answer; `skewed` has the first of them.
    unproven : int
        Logged rows that could not be scored again, and `why` not.
    versions : tuple of int
        The versions that answered.
    """

    rows: int = 0
    differing: int = 0
    skewed: tuple[SkewedRow, ...] = ()
    unproven: int = 0
    why: str = ""
    versions: tuple[int, ...] = ()

    def __add__(self, other: ServedProof) -> ServedProof:
        """Return the proof of the rows of both.

        >>> (ServedProof(2, versions=(1,)) + ServedProof(3, 1, versions=(2,))).rows
        5
        """
        return ServedProof(
            self.rows + other.rows,
            self.differing + other.differing,
            (self.skewed + other.skewed)[:SHOWN],
            self.unproven + other.unproven,
            self.why or other.why,
            tuple(sorted({*self.versions, *other.versions})),
        )
