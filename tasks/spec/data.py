"""What comes in: the purpose, the sources, the contract, the features, and what is never stored as it came."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tasks.spec.parts import IMPORT_PATH, Column, Metric, Part, Share, secret_reference


class Scope(Part):
    """What the project is for, and what counts as success."""

    owner: str = Field(description="Who answers for this model: a name or an address.")
    objective: str = Field(description="What the model decides, for whom, in a sentence.")
    metric: Metric = Field(
        description="The one number that is made smaller; every metric is a mean over rows, lower is better."
    )
    target: float | None = Field(None, gt=0, description="The value of the metric that would be called a success.")
    baseline: Literal["mean", "median", "last_value"] = Field(
        "median", description="The trivial rule a model must beat: a constant of the label, or its newest weekly level."
    )
    training_minutes: float = Field(10, gt=0, description="Longest a training may take, in minutes.")
    training_cost: float = Field(
        0, ge=0, description="What one retraining costs, reviews included, in the owner's money."
    )
    loss_cost_per_row: float | None = Field(
        None,
        ge=0,
        description="What one unit of the metric costs per row, in the same money; with it, a retraining must pay.",
    )


class Label(Part):
    """The truth, and how late it comes."""

    column: Column = Field(description="The column that holds the label.")
    uri: str | None = Field(
        None, description="Where labels land; left out, the label is a column of the rows themselves."
    )
    format: Literal["csv", "jsonl", "parquet"] = Field("csv", description="How label files are written.")
    delay_days: int = Field(0, ge=0, le=3650, description="Days from the event until its label is known.")


class Source(Part):
    """Where the rows land."""

    uri: str = Field(description="A folder (relative to the spec) or s3://bucket/prefix.")
    format: Literal["csv", "jsonl", "parquet"] = Field("csv", description="How the files are written.")
    id: Annotated[list[Column], Field(min_length=1)] = Field(description="The column, or columns, that name a row.")
    event_time: Column = Field(description="The column that says when a row happened.")
    arrival: Literal["modified", "filename"] = Field(
        "modified",
        description="When a file counts as landed: its modification time, or the date (YYYY-MM-DD) in its name. "
        "With `filename` any past night can be run again as it was.",
    )
    label: Label = Field(description="The truth, and how late it comes.")
    s3_endpoint: str | None = Field(None, description="Address of an S3-compatible store; left out, Amazon's.")


class Contract(Part):
    """What a delivery must satisfy before anything learns from it."""

    suite: str = Field("expectations.json", description="The project's Great Expectations suite, beside the spec.")
    max_bad_share: Share = Field(0.1, description="Past this share of refused rows the whole batch is quarantined.")
    new_columns: Literal["ignore", "refuse"] = Field(
        "ignore", description="Columns the spec does not name: left out with a warning, or the batch is quarantined."
    )


class Features(Part):
    """What the model sees. The kind of each column is part of the contract."""

    numbers: list[Column] = Field([], description="Columns read as numbers.")
    categories: list[Column] = Field([], description="Columns read as text categories (zip codes too).")
    booleans: list[Column] = Field([], description="Columns read as true or false.")
    function: str | None = Field(
        None, description="`module:function`, frame in and frame out, applied alike in training and scoring; pure."
    )

    @property
    def columns(self) -> list[str]:
        """Every feature column, in a fixed order: numbers, booleans, categories."""
        return [*self.numbers, *self.booleans, *self.categories]

    @field_validator("function")
    @classmethod
    def _is_an_import_path(cls, value: str | None) -> str | None:
        if value is not None and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected an import path such as 'deployments.mine.features:add'")
        return value


class Privacy(Part):
    """What is never stored as it came."""

    drop: list[Column] = Field([], description="Columns that are never written.")
    pseudonymise: list[Column] = Field(
        [], description="Columns replaced by a keyed hash (HMAC-SHA256) before the first write."
    )
    key: str = Field("env:LEEWAY_PRIVACY_KEY", description="Where the key of that hash is found; never the key itself.")
    min_category_count: int = Field(5, ge=1, description="Categories rarer than this are not shown in reports.")

    @field_validator("key")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        return secret_reference(value)
