"""The sections of a spec about the prediction service, and about bundles that answer without it."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import Field

from tasks.spec.field_types import Share, SpecSection


class OnlineServing(SpecSection):
    """Whether `leeway up` serves the project, and what the service keeps of the rows that it answers."""

    up: bool = Field(
        default=False,
        description="Serve the project while `leeway up` runs; `leeway serve` serves it by hand.",
    )
    log: bool = Field(
        default=False,
        description="Log answered rows. The next night takes them in as rows of the project, scores them again with "
        "the version that answered, and reports every answer that differs in one bit.",
    )
    log_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share of the rows that is logged. It is chosen by the id of the row, so that a row is always "
        "logged or never.",
    )
    labels: bool = Field(
        default=False,
        description="Take labels of rows at `/v1/projects/PROJECT/labels`, next to those that land at "
        "`source.label.uri`.",
    )
    feedback: bool = Field(
        default=False,
        description="Take events of `feedback.events` at `/v1/projects/PROJECT/feedback`, next to those that land at "
        "`feedback.uri`.",
    )
    decisions: bool = Field(
        default=False,
        description="Take what people decided of rows at `/v1/projects/PROJECT/decisions`, next to the files that land "
        "at `decisions.uri`.",
    )
    uri: str = Field(
        "served",
        min_length=1,
        description="Where logged rows and what is sent to the service land as deliveries, in the folders `rows`, "
        "`labels`, `feedback` and `decisions` of a folder (relative to the spec) or of s3://bucket/prefix; other "
        "landing zones are elsewhere.",
    )
    delivery_minutes: int = Field(
        15,
        ge=1,
        le=1440,
        description="The longest time until a logged row, a label, feedback or a decision lands, in minutes.",
    )
    log_mb: int = Field(
        1024,
        ge=1,
        description="The most megabytes of logged rows that wait on the disk of the service, for each worker. Rows "
        "beyond it are answered and not logged; the metrics count them.",
    )


class EdgeModels(SpecSection):
    """What holds for the bundles that `leeway bundle` writes."""

    stale_after_days: int | None = Field(
        180,
        ge=1,
        le=3650,
        description="From this many days after it was made, a bundle leaves every row to a person, since no night "
        "checks whether its model still fits; null is never.",
    )
    max_kb: float | None = Field(
        None,
        gt=0,
        description="The largest size of the tables of a model in a bundle, in kB, without runtime and reference rows: "
        "`leeway bundle --fit` finds the best form within the budgets.",
    )
    max_us: float | None = Field(
        None, gt=0, description="The longest time of a row in a bundle, in microseconds, measured where it is made."
    )
    max_ram_kb: float | None = Field(
        None, gt=0, description="The largest memory of the loaded tables of a model in a bundle, in kB."
    )
    max_loss: Share = Field(
        0.01,
        description="The largest relative increase of the loss that a smaller form of a model may have, by the upper "
        "bound of its paired interval on the rows of the gate.",
    )


def is_shared(uri: str, other: str) -> bool:
    """Return whether two landing zones are one, or one is in the other.

    >>> is_shared("served", "./served/rows"), is_shared("served", "landing")
    (True, False)
    """
    one, two = PurePosixPath(uri), PurePosixPath(other)
    return one.is_relative_to(two) or two.is_relative_to(one)
