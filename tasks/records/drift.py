"""Measured drift: a statistic of a column, or the error of a slice, against its leeway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

SHOWN = 5
DriftKind = Literal["none", "covariate", "concept", "both", "age", "unclear", "quality", "prior", "slice", "virtual"]


class Statistic(StrEnum):
    """What is measured of a column, of the champion's answers, or of the labels given its answers.

    A name is stored in the decision record: see `tasks.records.entry_codec` before you change one.
    """

    LEVEL = "level"  # mean of a number column
    NULLS = "nulls"  # share of rows without a value
    SPREAD = "spread"  # mean distance of a number column from its middle, by rank
    SHAPE = "shape"  # shares of the cells of a column: bins or categories
    CONVERTED = "converted"  # share of rows in another unit
    OUTSIDE = "outside"  # share of rows beyond the reference's range
    UNKNOWN = "unknown"  # share of rows in categories that the reference does not have
    SLICE = "slice"  # share of rows of one slice
    RESIDUAL = "residual"  # truth minus prediction
    LOSS = "loss"
    LABEL = "label"
    ANSWERS_OF_1 = "answers_of_1"  # answers to rows of label 1
    ANSWERS_OF_0 = "answers_of_0"
    ANSWERS = "answers"
    FIFTH_1 = "slice_0"  # residual in a fifth of the rows, by their answers, the lowest first
    FIFTH_2 = "slice_1"
    FIFTH_3 = "slice_2"
    FIFTH_4 = "slice_3"
    FIFTH_5 = "slice_4"
    OTHER = "other"  # read from a record that a newer version wrote; never measured

    @property
    def unit(self) -> str:
        """The unit of a distance of this statistic; empty for a number without a unit.

        >>> Statistic.LEVEL.unit, Statistic.SHAPE.unit, Statistic.LOSS.unit
        ('sd', 'of rows', '')
        """
        return UNITS.get(self, "")


UNITS: dict[Statistic, str] = {
    Statistic.LEVEL: "sd",
    Statistic.SPREAD: "sd",
    **dict.fromkeys(
        (Statistic.NULLS, Statistic.SHAPE, Statistic.CONVERTED, Statistic.OUTSIDE, Statistic.UNKNOWN, Statistic.SLICE),
        "of rows",
    ),
}


@dataclass(frozen=True, slots=True)
class DriftStatistic:
    """One statistic of a column compared with its reference.

    Attributes
    ----------
    distance, leeway : float
        How far it moved, and how far it may move, in `statistic.unit`.
    creep : bool
        Whether the distance added up over nights; otherwise it is of one night.
    direction : {1, -1, 0}
        Up, down, or both.
    where : str
        The slice (`plan is 'pro'`) if the statistic is of one.
    how : str
        What is known of the rows that moved, where they are no slice: they are some of the rows, by their values.
    """

    column: str
    statistic: Statistic
    distance: float
    leeway: float
    creep: bool = False
    direction: int = 0
    where: str = ""
    how: str = ""

    @property
    def strain(self) -> float:
        """Share of the leeway that is used; above 1 is an alarm."""
        return self.distance / self.leeway if self.leeway > 0 else 0.0

    @property
    def subject(self) -> str:
        """What moved, in words: a slice, the column, or the column and how.

        >>> some = DriftStatistic("dist", Statistic.CONVERTED, 0.3, 0.1, how="in some rows as if 1.609 x")
        >>> some.subject, DriftStatistic("plan", Statistic.SLICE, 0.3, 0.1, where="plan is 'pro'").subject
        ('dist in some rows as if 1.609 x', "plan is 'pro'")
        """
        return self.where or " ".join(part for part in (self.column, self.how) if part)


def subjects(past: Iterable[DriftStatistic]) -> dict[str, str]:
    """Return what moved in each column, in its most specific words: a slice, else how, else the column.

    >>> level, some = (DriftStatistic("dist", Statistic.LEVEL, 0.3, 0.1, how=how) for how in ("", "in some rows"))
    >>> subjects([level, some, DriftStatistic("age", Statistic.LEVEL, 0.3, 0.1)])
    {'dist': 'dist in some rows', 'age': 'age'}
    """
    found: dict[str, DriftStatistic] = {}
    for one in past:
        known = found.setdefault(one.column, one)
        if (bool(one.where), bool(one.how)) > (bool(known.where), bool(known.how)):
            found[one.column] = one
    return {column: one.subject for column, one in found.items()}


@dataclass(frozen=True, slots=True)
class ColumnDistribution:
    """The distribution of a column in the reference and in the newest window, for people to look at.

    Attributes
    ----------
    reference, window : tuple of float
        Share of the rows with a value in each bar, 0 to 1.
    names : tuple of str
        The value of each bar; empty for bars of equal width from `low` to `high`.
    reference_nulls, window_nulls : float
        Share of the rows without a value.
    """

    column: str
    reference: tuple[float, ...]
    window: tuple[float, ...]
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    reference_nulls: float = 0.0
    window_nulls: float = 0.0


@dataclass(frozen=True, slots=True)
class LocalError:
    """Mean loss of the newest labelled rows of one slice of a column, compared with what is expected of them.

    Expected is their loss on the hold-out, plus the rise of the loss of all other rows since. `where` is the slice
    (`plan is 'pro'`); `alone` is True where the loss of all other rows is within its leeway.
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


FAULT_KINDS = frozenset(
    {
        "null_burst",
        "empty_column",
        "stuck",
        "unit_change",
        "rotation",
        "shock",
        "renamed_category",
        "missing_slice",
        "swapped_columns",
        "duplicated_rows",
        "truncated",
        "unclear",
    }
)
"""The kinds of suspicion; a name is stored in the decision record and with quarantined batches."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A way in which a source seems to be broken.

    Attributes
    ----------
    kind : str
        null_burst, empty_column, stuck, unit_change, rotation, renamed_category, missing_slice, swapped_columns,
        duplicated_rows, truncated; shock: it moved suddenly, alone, and the error rose; or unclear: outside the
        reference, in none of these ways.
    columns : tuple of str
        The columns; empty for the table as a whole.
    evidence : str
        What was measured, in words.
    numbers : dict
        The same as numbers, for the record.
    since : date or None
        First event date of the rows in which it was found; None where the profile says nothing about dates.
    """

    kind: str
    columns: tuple[str, ...]
    evidence: str
    numbers: dict[str, int | float | str] = field(default_factory=dict)
    since: date | None = None

    @property
    def sentence(self) -> str:
        """The same in words.

        >>> Suspicion("null_burst", ("area",), "40 % of the rows are empty, .1 % before").sentence
        'null burst in area (40 % of the rows are empty, .1 % before)'
        """
        where = f" in {', '.join(self.columns)}" if self.columns else ""
        return f"{self.kind.replace('_', ' ')}{where} ({self.evidence})"


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """One step of the data: its rows (None where unknown), and what is past its leeway there, worst first."""

    name: str
    rows: int | None
    moved: tuple[str, ...] = ()
    strain: float = 0.0

    @property
    def sentence(self) -> str:
        """The step, and what moved in it, in words.

        >>> PipelineStage("rows accepted", 90, ("area", "plan is 'pro'"), 2.0).sentence
        "rows accepted (area, plan is 'pro')"
        """
        return f"{self.name} ({', '.join(self.moved[:SHOWN])})" if self.moved else self.name
