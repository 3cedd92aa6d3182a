"""The sections of a spec about its policy: splits, training, gate, monitoring, automation, and when it runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from tasks.inference.automation_degree import Degree, are_answers_kept_back
from tasks.spec.field_types import IMPORT_PATH, Column, Share, SpecSection, secret_reference

CRON_FIELDS = 5
ANSWER_FILE_COLUMNS = (
    *("row_id", "event_date", "prediction", "score", "confidence", "deferred", "reasons", "probabilities"),
    *("predicted_class", "version", "time", "proposal"),
)
ESTIMATORS = ("hist_gradient_boosting", "random_forest", "extra_trees", "linear")


class Split(SpecSection):
    """How rows are split by time."""

    holdout_days: int = Field(
        28, ge=1, description="The newest days with labels, held out from every candidate and from the champion."
    )
    folds: int = Field(3, ge=1, le=20, description="Forward-validation steps: fit on the past, score the next cohort.")
    fold_days: int = Field(28, ge=1, description="The length of each scored cohort, in days.")
    group: Column | None = Field(
        None,
        description="A column that groups rows, such as a customer or a house. Rows of one group are never in both the "
        "training and the scored rows, and the gate compares whole groups.",
    )


class Estimator(SpecSection):
    """One kind of model to try."""

    use: str = Field(
        min_length=1,
        description="hist_gradient_boosting, random_forest, extra_trees, linear, or a scikit-learn estimator as "
        "`sklearn.module:Class`, which gets imputed, scaled and one-hot encoded columns.",
    )
    parameters: dict[str, bool | int | float | str | list[bool | int | float | str]] = Field(
        {},
        description="Its parameters by their names in scikit-learn. The search chooses from a list; without a search, "
        "the first value counts.",
    )

    @field_validator("use")
    @classmethod
    def _is_known(cls, value: str) -> str:
        is_path = IMPORT_PATH.fullmatch(value) and value.startswith(("sklearn.", "sklearn:"))
        if value not in ESTIMATORS and not is_path:
            # Only models of scikit-learn are registered, and another class would run with the key that signs them.
            names = ", ".join(ESTIMATORS)
            raise ValueError(f"found {value!r}; expected {names}, or a class of scikit-learn as 'sklearn.module:Class'")
        return value


class Training(SpecSection):
    """Which models are trained, and how."""

    task: Literal["regression", "binary", "multiclass"] = Field(
        "regression", description="The kind of label: a number, 0 or 1, or the name of one of several classes."
    )
    target_scale: Literal["identity", "log"] = Field(
        "identity", description="The scale of the label on which the model is fitted."
    )
    time_treatments: list[Literal["all_history", "recency", "event_time", "level"]] = Field(
        ["all_history", "recency", "event_time", "level"],
        min_length=1,
        description="How candidates treat time: all rows have equal weight, newer rows have more weight, event time "
        "is a feature kept at its newest value when scoring, or the level is corrected from the newest "
        "labelled rows. Forward validation chooses.",
    )
    half_lives_days: list[Annotated[float, Field(gt=0)]] = Field(
        [30.0, 90.0], description="The half-lives to try for recency, in days."
    )
    level_days: int = Field(
        28, ge=1, description="The newest days with labels from which a level correction is computed."
    )
    iterations: list[Annotated[int, Field(ge=1, le=5000)]] = Field(
        [200], min_length=1, description="The numbers of boosting rounds to try."
    )
    learning_rate: float = Field(0.1, gt=0, le=1, description="The learning rate of boosting.")
    estimators: list[Estimator] = Field([], description="The kinds of model to try; by default gradient-boosted trees.")
    event_time_parts: list[Literal["month", "weekday", "hour"]] = Field(
        [], description="Parts of the event time to use as features: month, day of the week, hour (UTC)."
    )
    trials: int = Field(
        0,
        ge=0,
        le=10_000,
        description="The number of further recipes that a search tries within scope.training_minutes, after the fixed "
        "ones; 0 turns the search off.",
    )
    selection: bool = Field(
        default=False,
        description="Leave out features with a permutation importance within the noise, if the recipe is as good "
        "without them.",
    )
    calibration: Literal["none", "auto", "sigmoid", "isotonic"] = Field(
        "auto",
        description="How the probabilities of a classifier are calibrated, learned in forward validation; with several "
        "classes, one against the rest. auto chooses a method that helps beyond the noise, if the metric uses "
        "probabilities.",
    )
    min_rows: int = Field(500, ge=20, description="The fewest labelled rows for a training.")
    seed: int = Field(0, ge=0, description="The same data and the same seed give the same model.")


class Gate(SpecSection):
    """What a challenger must prove before a person is asked to approve it."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="The confidence level of the paired interval.")
    min_gain: Share = Field(0.0, description="The smallest relative improvement of the metric that counts as better.")
    min_rows: int = Field(200, ge=10, description="The fewest labelled rows that are newer than both models.")
    slices: list[Column] = Field([], description="Columns that define slices; no slice may become clearly worse.")
    max_slice_loss: Share = Field(
        0.1, description="The relative loss of a slice above which the challenger is refused."
    )
    evidence_days: int = Field(30, ge=1, description="Days after which the evidence is stale and approval is refused.")
    max_latency_ms: float = Field(50, gt=0, description="The longest time for a single row, in milliseconds.")
    max_size_mb: float = Field(100, gt=0, description="The largest size of the model file, in megabytes.")
    max_memory_mb: float = Field(
        1000, gt=0, description="The most memory of the loaded model while it predicts, in megabytes."
    )
    min_labelled: Share = Field(
        0.5,
        description="The smallest share of hold-out rows with a label; the labels that arrive first may not be "
        "typical.",
    )


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


class Automation(SpecSection):
    """How much Leeway may do without a person."""

    degree: Degree = Field(
        "partial",
        description="human: people decide every row and Leeway only monitors; shadow: predictions are logged but never "
        "used; assist: predictions are shown to the person who decides; partial: rows with a sure prediction are "
        "automatic; full: all rows are.",
    )
    retrain: Literal["automatic", "ask"] = Field(
        "automatic", description="Start a retraining, or only ask a person for one."
    )
    promote: Literal["approval", "automatic"] = Field(
        "approval", description="A person approves each version, or a clear win is promoted automatically."
    )
    approvers: list[str] = Field(
        [], description="Who is asked for approval; shown in the request and in the model card."
    )
    target_error: float | None = Field(
        None,
        gt=0,
        description="The highest error of automatic decisions: the share of wrong predictions for classes, the mean of "
        "the metric for numbers. Rows with a less certain prediction are deferred to a person; by default no row is.",
    )

    @property
    def answers_kept_back(self) -> bool:
        """Whether predictions are hidden from the people who decide, so that they decide independently."""
        return are_answers_kept_back(self.degree)


class Scoring(SpecSection):
    """What happens to the predictions."""

    output: str | None = Field(
        None,
        description="A folder (relative to the spec) or s3://bucket/prefix for a file of predictions for each "
        "delivery; by default they are only in the lake.",
    )
    format: Literal["parquet", "csv"] = Field("parquet", description="The format of these files.")
    rename: dict[str, Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        {},
        description="Other names for columns of these files, such as `{row_id: call, event_date: day, prediction: "
        "voiced_seconds}`, so that a project downstream can read them as a feature table.",
    )
    threads: int = Field(1, ge=1, le=256, description="The number of threads that score a batch.")
    shadow: bool = Field(
        default=False,
        description="The version that waits for approval scores the rows of each night too. Its predictions stay in "
        "the lake and are never used; the report and the page of the version compare its error with the "
        "champion's.",
    )

    @field_validator("rename")
    @classmethod
    def _names_columns(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(ANSWER_FILE_COLUMNS)):
            raise ValueError(f"found {', '.join(unknown)}; expected columns of {', '.join(ANSWER_FILE_COLUMNS)}")
        kept = [name for name in ANSWER_FILE_COLUMNS if name not in value]
        if len({*kept, *value.values()}) < len(ANSWER_FILE_COLUMNS):
            raise ValueError(f"found {', '.join(value.values())}; expected a name of its own for each column")
        return value


class Compute(SpecSection):
    """Where the computations run."""

    backend: Literal["threads", "dask"] = Field(
        "threads",
        description="One machine, or a Dask cluster. A cluster profiles and scores the partitions of a night, and "
        "trains the candidates of a retraining.",
    )
    workers: int = Field(2, ge=1, le=1024, description="The number of worker processes of a local Dask cluster.")
    address: str | None = Field(
        None,
        description="The address of a Dask scheduler (tcp://host:port); by default a local cluster. Its workers need "
        "the same version of Leeway, access to the lake, and the project's folder at the same path.",
    )


class Notification(SpecSection):
    """Who is notified of which events."""

    to: str = Field(description="`env:NAME`, a variable with an Apprise address; never the address itself.")
    on: list[Literal["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]] = Field(
        ["alarm", "quarantine", "approval", "failure"], description="Which events are sent."
    )
    remind_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days until a notification is repeated while its cause lasts: an alarm, a request, a failure.",
    )

    @field_validator("to")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        return secret_reference(value)


class Retention(SpecSection):
    """How long data is kept in the lake; by default for ever."""

    rows_days: int | None = Field(
        None, ge=1, description="Days after the event that rows and labels are kept; no model learns from older ones."
    )
    predictions_days: int | None = Field(None, ge=1, description="Days after the event that predictions are kept.")
    profiles_days: int | None = Field(
        None, ge=1, description="Days after the event that profiles are kept; replay needs them."
    )
    quarantine_days: int | None = Field(
        None, ge=1, description="Days after the arrival that refused rows are kept as delivered."
    )
    history_days: int = Field(
        30,
        ge=1,
        description="Days that earlier states of a table can be read. States that a registered model was trained on "
        "are kept longer, so that its training can be reproduced.",
    )


@cache
def _known_zones() -> frozenset[str]:
    """Return the names of the time zones; looking for them opens some 600 files, and a night reads several specs."""
    return frozenset(available_timezones())


class Schedule(SpecSection):
    """When the flows run."""

    nightly: str = Field("0 2 * * *", description="Cron expression of the nightly flow, in the time zone below.")
    monitoring: str | None = Field(
        None,
        description="Cron expression of the monitor flow, which measures drift and decides. By default every night "
        "does this itself. If given, nights only ingest, validate and score, and the monitor flow judges "
        "all rows since its last run together.",
    )
    promote: str = Field("* * * * *", description="Cron expression of the promote flow, which carries out approvals.")
    upkeep: str = Field(
        "0 5 * * 0", description="Cron expression of the upkeep flow: compaction, retention, unused files."
    )
    time_zone: str = Field("UTC", description="The time zone of the schedule: an IANA name, such as Europe/Berlin.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in _known_zones():
            raise ValueError(f"found {value!r}; expected an IANA time zone such as 'Europe/Berlin'")
        return str(ZoneInfo(value))

    @property
    def looks(self) -> str:
        """The cron expression of the flow that decides: `monitoring`, or else `nightly`.

        >>> Schedule(nightly="0 2 * * *", monitoring="0 6 * * MON").looks
        '0 6 * * MON'
        """
        return self.monitoring or self.nightly

    @field_validator("nightly", "monitoring", "promote", "upkeep")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if value is None:
            return None
        refusal = f"found {value!r}; expected five cron fields, such as '0 2 * * *'"
        if len(value.split()) != CRON_FIELDS:
            raise ValueError(refusal)
        try:
            CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(refusal) from error
        return value
