"""The section of a spec about the decisions that people made of rows, which are compared with the model's answers."""

from __future__ import annotations

from pydantic import Field

from tasks.spec.field_types import Column
from tasks.spec.landing_sections.files_section import Files

DECISIONS, SERVED_DECISIONS = "@decisions", "@served-decisions"
"""The tables of decisions that land as files, and of those that the prediction service has taken."""


class Decisions(Files):
    """What people decided of rows by themselves: it is compared with the model's answers and with later labels."""

    uri: str | None = Field(
        None,
        description="Where files of decisions land, if they do, with the columns of the id, `decision` and `time`: a "
        "folder (relative to the spec) or s3://bucket/prefix. `serving.decisions` takes them online.",
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        description="For a label that is a number: how far a person and the model may differ and still agree, in the "
        "unit of the label. Classes agree if they are equal.",
    )
    slices: list[Column] = Field(
        [],
        max_length=10,
        description="Categories or booleans of the rows, for each value of which person and model are compared too.",
    )
