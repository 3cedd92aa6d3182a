"""The sections of a spec about what follows: what happens to predictions, what needs a person, and who is notified."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tasks.inference.automation_degree import Degree, are_answers_kept_back
from tasks.spec.field_types import Share, SpecSection, secret_reference

ANSWER_FILE_COLUMNS = (
    *("row_id", "event_date", "prediction", "score", "confidence", "deferred", "reasons", "probabilities"),
    *("predicted_class", "lower", "upper", "version", "time", "proposal"),
)


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
    audit_share: Share = Field(
        0.0,
        description="With the degrees partial and full: the share of the rows that the model decides by itself which a "
        "person decides too, without its answer. Only these tell its error without bias. Past target_error the degree "
        "falls to assist by itself, and only a person raises it again (`leeway degree`).",
    )
    blind_share: Share = Field(
        0.0,
        description="With the degree assist: the share of the rows that people decide without the model's answer, "
        "because people who see an answer may copy it.",
    )
    false_falls: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="The accepted probability that the degree ever falls although the error is no higher than "
        "target_error.",
    )
    people_per_day: int | None = Field(
        None,
        ge=1,
        description="The most rows that people can decide a day; a night says when more are left to them, with those "
        "of the audit.",
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
        "delivery, or the address of a database: see `table`; by default they are only in the lake.",
    )
    table: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The table, as `predictions` or `schema.predictions`, that has the newest prediction of each row "
        "and version. `output` is the address of its database: `env:NAME` names the variable that has it, or "
        "`postgresql://user@host/name` without a password, or `sqlite:///file`.",
    )
    timeout_minutes: int = Field(30, ge=1, le=1440, description="The longest duration of a statement of a database.")
    format: Literal["parquet", "csv", "delta"] = Field(
        "parquet",
        description="The format of these files; with `delta`, `output` is a Delta table that has the newest prediction "
        "of each row and version.",
    )
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
