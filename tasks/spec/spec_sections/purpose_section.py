"""The section of a spec about what the project is for, and what counts as success."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from tasks.spec.field_types import Column, Metric, SpecSection
from tasks.spec.own_names import kept_apart


class Scope(SpecSection):
    """What the project is for, and what counts as success."""

    owner: str = Field(description="Who is responsible for this model: a name or an address.")
    objective: str = Field(description="What the model decides and who uses it, in a sentence.")
    metric: Metric = Field(
        description="The metric that is minimised; every metric is a mean over rows, and lower is better. "
        "pinball_loss_90 is that of a predicted .9 quantile; gradient-boosted trees then predict that quantile."
    )
    weight: Column | None = Field(
        None,
        description="A column with how much a row counts, a number above 0: a row with weight 2 counts as two rows, in "
        "every fit, in the metrics, at the gate and every night. It is no feature. A row without one is refused.",
    )
    target: float | None = Field(None, gt=0, description="The value of the metric that counts as a success.")
    baseline: Annotated[str, AfterValidator(kept_apart)] = Field(
        "median",
        min_length=1,
        description="The trivial rule that a model must beat: mean, median or majority of the label, last_value (its "
        "newest weekly level), quantile (that of a pinball loss), a feature column (a number is the prediction itself; "
        "for a category or boolean it is the label's level), or `module:function`, which maps rows without their label "
        "to predictions.",
    )
    human_level: float | None = Field(
        None, gt=0, description="The value of the metric that people reach on the same task; shown for comparison."
    )
    false_positive_cost: float | None = Field(
        None,
        ge=0,
        description="The cost of a wrong decision for class 1. Together with false_negative_cost it sets the decision "
        "threshold to the one with the lowest cost, and `leeway replay` compares the costs of schedules.",
    )
    false_negative_cost: float | None = Field(
        None, ge=0, description="The cost of a wrong decision for class 0, in the same currency."
    )
    training_minutes: float = Field(10, gt=0, description="The longest duration of a training, in minutes.")
    training_cost: float = Field(
        0, ge=0, description="The cost of one retraining, including reviews, in the owner's currency."
    )
    loss_cost_per_row: float | None = Field(
        None,
        ge=0,
        description="The cost of one unit of the metric per row, in the same currency; if given, a retraining must "
        "pay off.",
    )
