"""The section of a spec about differences between groups of rows."""

from __future__ import annotations

from pydantic import Field

from tasks.spec.field_types import Column, Share, SpecSection


class FairnessLimits(SpecSection):
    """How far a group may differ from all other rows; what is left out is only reported."""

    selection_rate: Share | None = Field(
        None, description="Of the share of rows that are decided to be of class 1 (demographic parity)."
    )
    true_positive_rate: Share | None = Field(
        None, description="Of the share of the rows of class 1 that are decided to be (equal opportunity)."
    )
    false_positive_rate: Share | None = Field(
        None, description="Of the share of the rows of class 0 that are decided to be of class 1."
    )
    error: float | None = Field(None, ge=0, description="Of the mean of scope.metric, in its unit.")
    calibration: float | None = Field(
        None,
        ge=0,
        description="Of the mean of truth minus prediction, on the scale of scope.metric: predictions that are too "
        "high for one group and too low for others.",
    )

    def of(self, measure: str) -> float | None:
        """Return the limit of a measure.

        >>> FairnessLimits(error=0.5).of("error"), FairnessLimits().of("error")
        (0.5, None)
        """
        limit: float | None = getattr(self, measure)
        return limit


class Fairness(SpecSection):
    """The groups between which the model's answers are compared, and how far they may differ."""

    groups: list[Column] = Field(
        [],
        max_length=10,
        description="Columns that define groups: categories or booleans among the features, or further columns of the "
        "rows, which are read as text and which no model sees. Each value is compared with all other rows.",
    )
    limits: FairnessLimits = Field(default_factory=FairnessLimits)
