"""The section of a spec about feedback: what happened to answers, such as redone, clicked or overridden."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.spec.field_types import Name
from tasks.spec.landing_sections.files_section import Files

FEEDBACK, SERVED_FEEDBACK = "@feedback", "@served-feedback"
"""The tables of feedback that lands as files, and of what the prediction service has taken; no feature table is one."""
NULL_ANSWERS = "null-answers"
"""The name of the share of rows without an answer."""
Event = Annotated[Name, Field(description="An event.")]


class Feedback(Files):
    """What happens to answers: events of answered rows, and the leeway of their shares."""

    events: Annotated[dict[Event, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, max_length=20)] = Field(
        description="The events, such as `redone`, each with its leeway: how far the share of answered rows with the "
        "event may move from that of the weeks before."
    )
    uri: str | None = Field(
        None,
        description="Where files of feedback land, if they do, with the columns of the id, `event` and `time`: a "
        "folder (relative to the spec) or s3://bucket/prefix. `serving.feedback` takes it online.",
    )
    delay_days: int = Field(
        1,
        ge=0,
        le=365,
        description="Days from the event of a row within which its feedback counts, at least 1: old rows have had no "
        "longer than new ones.",
    )
    null_answers: float = Field(
        0.05, gt=0, le=1, description="The same leeway of the share of rows that got no answer: those left to a person."
    )
