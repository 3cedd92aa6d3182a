"""The section of a spec about a table or query of a database."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tasks.spec.field_types import SpecSection

ADDRESSES = ("env:", "postgresql://", "postgres://", "sqlite://", "duckdb://")


class Database(SpecSection):
    """What is read from a database: a night takes in the rows that were added or changed since the last one."""

    table: str | None = Field(
        None, min_length=1, description="The table or view, as `rides` or `schema.rides`; upper case is kept."
    )
    query: str | None = Field(
        None, min_length=1, description="A SELECT to read instead of a table; it is run within another one."
    )
    changed_at: str = Field(
        min_length=1,
        description="The column that grows with each change of a row: a timestamp of its last change, or a number that "
        "is drawn with each change. A row that is changed without it is not noticed, nor one that is gone.",
    )
    deleted_at: str | None = Field(
        None,
        min_length=1,
        description="The column that says when a row was deleted: a row with a value in it is withdrawn. `changed_at` "
        "must grow with it.",
    )
    overlap_minutes: int = Field(
        120,
        ge=0,
        le=100_000,
        description="How far before the newest known timestamp is read again, for transactions that commit late. Rows "
        "that were taken in from there are left out.",
    )
    overlap_numbers: int = Field(10_000, ge=0, description="The same where `changed_at` is a number.")
    generation: int = Field(
        1,
        ge=1,
        description="Count it up to have everything read again, such as after rows were changed without `changed_at`; "
        "equal rows count once.",
    )
    timeout_minutes: int = Field(30, ge=1, le=1440, description="The longest duration of a statement.")

    @model_validator(mode="after")
    def _reads_one(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("expected either `table` or `query`")
        return self


def is_database(uri: str) -> bool:
    """Return whether a uri is the address of a database, or names the variable that has it.

    >>> is_database("env:RIDES"), is_database("sqlite:///rides.db"), is_database("landing")
    (True, True, False)
    """
    return uri.startswith(ADDRESSES)
