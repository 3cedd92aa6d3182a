"""The sections of a spec about what is never stored, and how long the rest is kept."""

from __future__ import annotations

from pydantic import Field, field_validator

from tasks.spec.field_types import Column, SpecSection, secret_reference


class Privacy(SpecSection):
    """Columns that are never stored as they arrive.

    With any of them, columns that the spec does not name are left out, and no message quotes a cell, an unknown column
    or what the project's own function says of a row.
    """

    drop: list[Column] = Field([], description="Columns that are never written.")
    pseudonymise: list[Column] = Field(
        [], description="Columns replaced by a keyed hash (HMAC-SHA256) before the first write."
    )
    key: str = Field(
        "env:LEEWAY_PRIVACY_KEY",
        description="A reference to the key of that hash, at least 16 bytes; never the key itself.",
    )
    min_category_count: int = Field(5, ge=1, description="Categories rarer than this are not shown in reports.")
    consent: Column | None = Field(
        None,
        description="The column of the rows that says whether a row may be learned from: true or false. Rows without "
        "consent are scored and monitored, and never trained on, tested with, or shown. The newest delivery of a row "
        "counts.",
    )

    @property
    def is_set(self) -> bool:
        """Whether there is anything to hide: what the spec does not name is then neither stored nor quoted."""
        return bool(self.drop or self.pseudonymise or self.consent)

    @field_validator("key")
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
