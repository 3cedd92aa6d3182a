"""The frozen records that pass between rooms; frames travel inside them, never alone with their meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

Kind = Literal["rows", "labels", "features"]
Verdict = Literal["accepted", "partly_quarantined", "quarantined"]
Action = Literal["score", "hold", "quarantine", "retrain", "ask", "wait"]
DriftKind = Literal["none", "covariate", "concept", "both", "age", "unclear", "quality", "prior", "slice", "virtual"]


@dataclass(frozen=True, slots=True)
class Landed:
    """A delivery in the landing place: what a listing shows before anything is read.

    `stamp` changes when the object is written again (its size and moment of writing), so that what was taken in before
    need not be read again. `table` names the feature table it belongs to; rows and labels have none. `parts` are the
    keys of a folder's objects; it is empty when the delivery is the object `key` itself.
    """

    kind: Kind
    key: str
    size_bytes: int
    arrival: date
    stamp: str = ""
    table: str = ""
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells it apart from every other delivery of its kind: two feature tables may have files of one name."""
        return f"{self.table}/{self.key}" if self.table else self.key


class Chunks(Protocol):
    """The rows of a large delivery, kept on disk, known to be readable and made private: to be read piece by piece.

    Can be called as often as needed, and pickled, as long as the folder it was spooled to is there.
    """

    @property
    def row_count(self) -> int:
        """Rows in all pieces."""
        ...

    def __call__(self) -> Iterator[pd.DataFrame]:
        """Yield pieces of at most 200,000 rows, all with the same columns."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery brought: its content's sha256 names the batch; `frame` is as delivered, every csv cell text.

    A delivery too large to be held has `chunks`, and a `frame` with its columns but none of its rows.
    """

    batch_id: str
    landed: Landed
    frame: pd.DataFrame
    chunks: Chunks | None = None

    @property
    def row_count(self) -> int:
        """Rows delivered, whether they are held or not."""
        return len(self.frame) if self.chunks is None else self.chunks.row_count

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in pieces with the same columns, in order; each call begins anew."""
        yield from (self.frame,) if self.chunks is None else self.chunks()


@dataclass(frozen=True, slots=True)
class Unread:
    """An object whose content is not what its format says: a quarantined batch, with its reason and what was found."""

    batch_id: str
    landed: Landed
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule of the contract that did not hold, for how many rows, and the ids of the first of them."""

    rule: str
    column: str
    severity: Literal["critical", "warning", "info"]
    rows_failed: int
    message: str
    row_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A delivery after the contract: typed accepted rows, refused rows as delivered with reasons, and the verdict."""

    batch_id: str
    landed: Landed
    verdict: Verdict
    accepted: pd.DataFrame
    refused: pd.DataFrame
    findings: tuple[Finding, ...] = ()

    @property
    def rows_in(self) -> int:
        """Rows delivered: accepted plus quarantined."""
        return len(self.accepted) + len(self.refused)

    @property
    def rows_refused(self) -> int:
        """Rows set aside."""
        return len(self.refused)


@dataclass(frozen=True, slots=True)
class DriftStatistic:
    """One statistic of a column against its reference: how far, how far it may, and which way (1 up, -1 down, 0 both).

    `creep` says that it added up over nights; otherwise one night did it. `where` names the slice (`plan is 'pro'`) if
    the statistic is of one.
    """

    column: str
    statistic: str
    distance: float
    leeway: float
    creep: bool = False
    direction: int = 0
    where: str = ""

    @property
    def strain(self) -> float:
        """Share of the leeway that is used; above 1 is an alarm."""
        return self.distance / self.leeway if self.leeway > 0 else 0.0


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
class LocalError:
    """Mean loss of the newest labelled rows of one slice of a column, against what is expected of them.

    That is their loss on the hold-out, and as much more as the loss of all other rows has risen since. `where` names
    the slice (`plan is 'pro'`); `alone` says that the loss of all other rows is within its leeway.
    """

    column: str
    where: str
    rows: int
    loss: float
    expected: float
    leeway: float
    alone: bool

    @property
    def strain(self) -> float:
        """Share of the leeway that is used; only a rise uses any.

        >>> LocalError("plan", "plan is 'pro'", 90, loss=0.5, expected=0.25, leeway=0.125, alone=True).strain
        2.0
        """
        return max(self.loss - self.expected, 0.0) / self.leeway


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


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the decision, its answer and the numbers it rests on."""

    question: str
    answer: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one night came to, and why."""

    project: str
    night: date
    action: Action
    kind: DriftKind
    reason: str
    answers: tuple[Answer, ...]

    @property
    def name(self) -> str:
        """The decision's name, also the idempotency key of the retraining it starts."""
        return f"{self.project}/{self.night.isoformat()}"
