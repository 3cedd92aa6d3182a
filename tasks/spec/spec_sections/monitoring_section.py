"""The section of a spec about how far the model may drift before Leeway acts, and how often it may act."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from tasks.spec.field_types import SpecSection

DELIVERIES_ONE_IN = 10  # false alarms: few, next to those of all columns
DELIVERY_QUESTIONS = 3  # too short, overdue, of old rows


class Monitoring(SpecSection):
    """How far the model may drift before Leeway acts, and how often it may act."""

    false_alarms_per_year: float = Field(
        4,
        gt=0,
        le=365,
        description="The number of false alarms a year that the team accepts, over all columns and nights.",
    )
    window_days: int = Field(
        7, ge=1, description="The number of newest days of rows that are compared with the reference."
    )
    period_days: int = Field(
        1,
        ge=1,
        description="The length of the periods of the reference, in days; their variation sets the leeway. Single days "
        "show weekdays and how far a day depends on the one before; longer periods take less space.",
    )
    cohort_days: int = Field(28, ge=1, description="Days of labelled rows over which the realised error is computed.")
    min_rows: int = Field(
        50, ge=1, description="The fewest rows on which a night is judged; fewer rows are merged with the days before."
    )
    effect: float = Field(
        0.1,
        gt=0,
        description="The smallest shift that matters: in standard deviations for numbers, in share of rows for "
        "categories. Of rare missing values a smaller rise matters: to 4 % from 1 %, to 60 % from 50 %.",
    )
    error_leeway: float = Field(0.1, gt=0, description="The relative rise of the metric that is tolerated.")
    bias_leeway: float = Field(
        0.25,
        gt=0,
        description="The growth of the systematic error that is tolerated: in standard deviations of a residual for "
        "numbers, as a share of the rate of the rarer label for classes.",
    )
    coverage_leeway: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="How far the share of labels inside their intervals may fall below training.interval.",
    )
    cooldown_days: int = Field(
        28,
        ge=0,
        description="The most days that a retraining waits for the last; never below the label delay. An error past "
        "its leeway waits no longer once it has doubled since, or as many labelled rows have come as were known of it.",
    )
    retrainings_per_month: int = Field(2, ge=0, description="The most automatic retrainings in 30 days.")
    backoff_days: int = Field(
        28,
        ge=0,
        description="The most days without another try after the gate refused a challenger. An error past its leeway "
        "waits no longer once it has doubled since, or the labelled rows that are known of it have.",
    )
    calendar: list[date] = Field(
        [],
        description="Days with unusually few rows, such as holidays. The deliveries of that night and the next are not "
        "compared with the usual number of rows.",
    )
    max_model_age_days: int | None = Field(
        None, ge=1, description="Retrain when the champion is older, with or without drift."
    )

    @property
    def delivery_alarms_per_year(self) -> float:
        """The false alarms a year that are accepted for each question about deliveries: too short, overdue, or old.

        They share a tenth of all.

        >>> Monitoring(false_alarms_per_year=6).delivery_alarms_per_year
        0.2
        """
        return self.false_alarms_per_year / (DELIVERIES_ONE_IN * DELIVERY_QUESTIONS)
