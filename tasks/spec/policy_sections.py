"""What is done with it: splits, training, gate, leeway, automation, and where and when it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from tasks.spec.field_types import IMPORT_PATH, Column, Share, SpecSection, secret_reference

CRON_FIELDS = 5
ESTIMATORS = ("hist_gradient_boosting", "random_forest", "extra_trees", "linear")


class Split(SpecSection):
    """How rows are parted by time."""

    holdout_days: int = Field(
        28, ge=1, description="Newest matured days kept from every candidate and from the champion."
    )
    folds: int = Field(3, ge=1, le=20, description="Forward-validation steps: fit on the past, score the next cohort.")
    fold_days: int = Field(28, ge=1, description="Length of each scored cohort, in days.")
    group: Column | None = Field(
        None,
        description="A column whose rows of one value (a customer, a house) are never learned from and scored upon at "
        "once; the gate then also judges by whole groups.",
    )


class Estimator(SpecSection):
    """One kind of model to try."""

    use: str = Field(
        min_length=1,
        description="hist_gradient_boosting, random_forest, extra_trees, linear, or a scikit-learn estimator as "
        "`module:Class`, which is given filled, scaled and one-hot columns.",
    )
    parameters: dict[str, bool | int | float | str | list[bool | int | float | str]] = Field(
        {},
        description="Its parameters by scikit-learn's names. A list is a choice for the search; else its first counts.",
    )

    @field_validator("use")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in ESTIMATORS and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected {', '.join(ESTIMATORS)}, or 'module:Class'")
        return value


class Training(SpecSection):
    """What is tried."""

    task: Literal["regression", "binary", "multiclass"] = Field(
        "regression", description="What kind of label it is: a number, 0 or 1, or the name of one of several classes."
    )
    target_scale: Literal["identity", "log"] = Field("identity", description="The scale the model is fitted on.")
    time_treatments: list[Literal["all_history", "recency", "event_time", "level"]] = Field(
        ["all_history", "recency", "event_time", "level"],
        min_length=1,
        description="How candidates treat time: all rows alike, newer rows weigh more, event time as a feature held at "
        "its newest value when scoring, level corrected from the newest matured rows. Forward validation chooses.",
    )
    half_lives_days: list[Annotated[float, Field(gt=0)]] = Field(
        [30.0, 90.0], description="Recency half-lives tried, in days."
    )
    level_days: int = Field(28, ge=1, description="Newest matured days from which a level correction is taken.")
    iterations: list[Annotated[int, Field(ge=1, le=5000)]] = Field(
        [200], min_length=1, description="Numbers of boosting rounds tried."
    )
    learning_rate: float = Field(0.1, gt=0, le=1, description="Boosting learning rate.")
    estimators: list[Estimator] = Field([], description="Kinds of model tried; left out, gradient-boosted trees.")
    event_time_parts: list[Literal["month", "weekday", "hour"]] = Field(
        [], description="Parts of the event time that are features: month, day of the week, hour (UTC)."
    )
    trials: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Further recipes that a search tries within scope.training_minutes, after the fixed ones; 0 "
        "searches nothing.",
    )
    selection: bool = Field(
        default=False,
        description="Leave out features whose permutation does no harm beyond its noise, if the recipe does as well "
        "without them.",
    )
    calibration: Literal["none", "auto", "sigmoid", "isotonic"] = Field(
        "auto",
        description="How a classifier's probabilities are corrected, learned from forward validation; of several "
        "classes each against the others. auto takes what helps beyond noise where the metric judges probabilities.",
    )
    min_rows: int = Field(500, ge=20, description="Fewest labelled rows worth training on.")
    seed: int = Field(0, ge=0, description="Same data and same seed give the same model.")


class Gate(SpecSection):
    """What a challenger must prove before a person is asked."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the paired interval.")
    min_gain: Share = Field(0.0, description="Least relative improvement of the metric that counts as better.")
    min_rows: int = Field(200, ge=10, description="Fewest labelled rows newer than both models.")
    slices: list[Column] = Field([], description="Columns whose values must not become clearly worse.")
    max_slice_loss: Share = Field(0.1, description="Relative worsening of a slice that refuses the challenger.")
    evidence_days: int = Field(30, ge=1, description="Days after which evidence is stale and approval is refused.")
    max_latency_ms: float = Field(50, gt=0, description="Longest a single row may take, in milliseconds.")
    max_size_mb: float = Field(100, gt=0, description="Largest model file, in megabytes.")
    max_memory_mb: float = Field(
        1000, gt=0, description="Most memory the loaded model may take while it answers, in megabytes."
    )
    min_labelled: Share = Field(
        0.5, description="Least share of the hold-out's rows whose label has come; those that come first may be unlike."
    )


class Monitoring(SpecSection):
    """How far the model may drift: the leeway, and what using it up may cost."""

    false_alarms_per_year: float = Field(
        4,
        gt=0,
        le=365,
        description="Alarms by chance the team accepts in a year, over all columns and nights together.",
    )
    window_days: int = Field(7, ge=1, description="Days of rows compared with the reference, newest first.")
    period_days: int = Field(
        7, ge=1, description="Length of the reference's own periods, whose swing is the yardstick."
    )
    cohort_days: int = Field(28, ge=1, description="Days of matured rows over which realised error is judged.")
    min_rows: int = Field(
        50, ge=1, description="Fewest rows a night is judged on; fewer are merged with the days before."
    )
    effect: float = Field(
        0.1,
        gt=0,
        description="Smallest shift that matters: in standard deviations for numbers, in share for categories.",
    )
    error_leeway: float = Field(0.1, gt=0, description="Relative rise of the metric that is tolerated.")
    bias_leeway: float = Field(
        0.25, gt=0, description="Systematic error that is tolerated, as a share of the metric the hold-out promised."
    )
    cooldown_days: int = Field(
        28, ge=0, description="Days after a retraining before the next; never below the label delay."
    )
    retrainings_per_month: int = Field(2, ge=0, description="Most automatic retrainings in 30 days.")
    backoff_days: int = Field(28, ge=0, description="Days without a second try after the gate refused a challenger.")
    max_model_age_days: int | None = Field(None, ge=1, description="Retrain when the champion is older, drift or not.")


class Automation(SpecSection):
    """How much Leeway may do by itself."""

    degree: Literal["human", "shadow", "assist", "partial", "full"] = Field(
        "partial",
        description="human: people decide every row, Leeway only watches; shadow: predictions are logged, never used; "
        "assist: predictions are shown to the person who decides; partial: sure rows are automatic; full: all are.",
    )
    retrain: Literal["automatic", "ask"] = Field("automatic", description="Start a retraining, or only ask for one.")
    promote: Literal["approval", "automatic"] = Field(
        "approval", description="A person approves each version, or a clear win is promoted by itself."
    )
    approvers: list[str] = Field([], description="Who is asked; shown in the request and the model card.")
    target_error: float | None = Field(
        None,
        gt=0,
        description="Highest error of what is decided without a person: a share of wrong answers for classes, the "
        "metric's mean for numbers. Rows the model is too unsure of are passed to a person; left out, none is.",
    )

    @property
    def answers_kept_back(self) -> bool:
        """Whether nobody who decides may see the answers, who would not decide by themselves any more."""
        return self.degree in {"human", "shadow"}


class Scoring(SpecSection):
    """What becomes of the answers."""

    output: str | None = Field(
        None,
        description="A folder (relative to the spec) or s3://bucket/prefix that gets a file of answers for each "
        "delivery; left out, they are in the lake only.",
    )
    format: Literal["parquet", "csv"] = Field("parquet", description="How these files are written.")
    threads: int = Field(1, ge=1, le=256, description="Threads that a batch is answered with.")
    shadow: bool = Field(
        default=False,
        description="The version that waits for approval answers each night's rows too. Its answers stay in the lake, "
        "and are never handed out; its error on them stands beside the champion's in the report and on its page.",
    )


class Compute(SpecSection):
    """On what the work runs."""

    backend: Literal["threads", "dask"] = Field(
        "threads",
        description="One machine, or a Dask cluster, on whose workers a night summarises and scores partitions of its "
        "rows, and a retraining tries its candidates.",
    )
    workers: int = Field(2, ge=1, le=1024, description="Worker processes of a local Dask cluster.")
    address: str | None = Field(
        None,
        description="A running Dask scheduler (tcp://host:port); left out, a local cluster. Its workers run the same "
        "version of Leeway, reach the lake, and find the project's folder at the same path.",
    )


class Notification(SpecSection):
    """Who hears of what."""

    to: str = Field(description="`env:NAME` of a variable that holds an Apprise address; never the address itself.")
    on: list[Literal["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]] = Field(
        ["alarm", "quarantine", "approval", "failure"], description="Which events are sent."
    )
    remind_days: int = Field(
        7, ge=1, le=365, description="Days until it is said again, while it lasts: an alarm, a request, a failure."
    )

    @field_validator("to")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        return secret_reference(value)


class Retention(SpecSection):
    """How long what is in the lake is kept; left out, for ever."""

    rows_days: int | None = Field(
        None, ge=1, description="Days after their event that rows and labels are kept; no model learns from older ones."
    )
    predictions_days: int | None = Field(None, ge=1, description="Days after the event that predictions are kept.")
    profiles_days: int | None = Field(
        None, ge=1, description="Days after the event that profiles are kept; replay needs them."
    )
    quarantine_days: int | None = Field(
        None, ge=1, description="Days after their arrival that refused rows are kept as delivered."
    )
    history_days: int = Field(
        30,
        ge=1,
        description="Days that earlier states of a table can still be read. States that a registered model was trained "
        "on are kept longer, so that its training can be repeated.",
    )


class Schedule(SpecSection):
    """When it runs."""

    nightly: str = Field("0 2 * * *", description="Cron of the night, in the time zone below.")
    monitoring: str | None = Field(
        None,
        description="Cron of measuring drift and deciding what to do about it. Without it every night does so itself; "
        "with it nights take in, check and score, and all that came since the last look is judged together.",
    )
    promote: str = Field("* * * * *", description="Cron of the look for approvals.")
    upkeep: str = Field("0 5 * * 0", description="Cron of the lake's upkeep: compaction, retention, orphans.")
    time_zone: str = Field("UTC", description="IANA name, such as Europe/Berlin.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"found {value!r}; expected an IANA time zone such as 'Europe/Berlin'")
        return str(ZoneInfo(value))

    @property
    def looks(self) -> str:
        """Cron of the decisions: the nights' own, unless monitoring has one.

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
