"""The section of a spec about the prediction service."""

from __future__ import annotations

from pydantic import Field

from tasks.spec.field_types import SpecSection


class OnlineServing(SpecSection):
    """What `leeway serve` keeps of the rows that it answers."""

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
    uri: str = Field(
        "served",
        min_length=1,
        description="Where the logged rows land as deliveries: a folder (relative to the spec) or s3://bucket/prefix, "
        "other than that of `source.uri`.",
    )
    delivery_minutes: int = Field(
        15, ge=1, le=1440, description="The longest time from an answer until its row lands, in minutes."
    )
    log_mb: int = Field(
        1024,
        ge=1,
        description="The most megabytes of logged rows that wait on the disk of the service, for each worker. Rows "
        "beyond it are answered and not logged; the metrics count them.",
    )
