"""Measured drift: a statistic of a column, or the error of a slice, against its leeway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DriftKind = Literal["none", "covariate", "concept", "both", "age", "unclear", "quality", "prior", "slice", "virtual"]


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
