"""How the answers for a group of rows differ from those for all other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GroupMeasure = Literal["selection_rate", "true_positive_rate", "false_positive_rate", "error", "calibration"]


@dataclass(frozen=True, slots=True)
class GroupGap:
    """A measure of one group, and of all other rows.

    Parameters
    ----------
    rows : int
        Rows of the group that it is measured on: of a true positive rate, those of class 1.
    difference, low, high : float
        Of the group minus that of the others, with its interval; None where there are too few days for one.
    limit : float or None
        How far it may differ, on either side.
    is_past_limit : bool
        Whether it is significantly further than that, with a correction for all differences that have a limit.
    """

    column: str
    group: str
    measure: GroupMeasure
    rows: int
    value: float
    others: float
    difference: float
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    is_past_limit: bool = False


@dataclass(frozen=True, slots=True)
class GapComparison:
    """A difference of a challenger, and of the champion on the same rows; whether it refuses the challenger.

    `p_value` is that of "within the limit", corrected for all that have one; None where it is not tested.
    """

    challenger: GroupGap
    champion: float | None = None
    p_value: float | None = None
    refused: bool = False
