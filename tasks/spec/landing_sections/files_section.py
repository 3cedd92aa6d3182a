"""The keys of a spec that every landing zone has: the format of its files, or the database that rows are read from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.spec.field_types import SpecSection, time_format
from tasks.spec.landing_sections.database_section import Database

FILES_ONLY = {"format", "encoding", "separator", "batch", "settle_minutes", "complete_marker", "path_columns"}
"""Keys that describe files, and not what is read from a database."""


class Files(SpecSection):
    """The format of the files in one landing zone, and when a delivery is complete."""

    format: Literal["csv", "jsonl", "parquet", "delta"] = Field(
        "csv",
        description="The format of the files; csv and jsonl may be compressed with gzip. With delta, `uri` is a Delta "
        "table, of which each version is a delivery.",
    )
    encoding: Literal["utf-8", "latin-1", "cp1252"] = Field(
        "utf-8",
        description="The encoding of text. A byte-order mark (UTF-8, UTF-16) takes precedence.",
    )
    separator: Literal[",", ";", "\t", "|"] = Field(",", description="The separator between the cells of a csv row.")
    decimal: Literal[".", ","] = Field(
        ".", description="The decimal sign of numbers written as text; the other sign is a fault."
    )
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        None,
        description="The sign between groups of three digits, in numbers written as text; by default it is a fault.",
    )
    time_format: str | None = Field(
        None,
        description="The format of times that are not ISO 8601: one of Python's `strptime` with the year, such as "
        "`%d.%m.%Y %H:%M`, "
        "or `epoch_s`, `epoch_ms`, `epoch_us` (counts since 1970, UTC) or `excel` (days since 1899-12-30).",
    )
    batch: Literal["object", "folder"] = Field(
        "object",
        description="What counts as one delivery: an object, or all objects in one sub-folder of the landing zone.",
    )
    settle_minutes: int = Field(
        0,
        ge=0,
        le=100_000,
        description="A delivery written less than this many minutes ago waits for the next night; 0 never waits.",
    )
    complete_marker: str | None = Field(
        None,
        min_length=2,
        max_length=128,
        description="A delivery waits until this marker exists: a file of this name next to its objects (`_SUCCESS`) "
        "or, if it begins with a dot, a file with the name of the delivery and this ending (`.done`).",
    )

    path_columns: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        [],
        max_length=20,
        description="Columns that are folders of the path of a file, as Hive and Spark write them: `zone=north/x.csv` "
        "has `zone`. Their values are texts.",
    )
    database: Database | None = Field(
        None,
        description="The table or query of a PostgreSQL, SQLite or DuckDB database of which each night takes in what "
        "is new. `uri` is its address: `env:NAME` names the variable that has it, or `postgresql://user@host/name` "
        "without a password, `sqlite:///file` or `duckdb:///file`.",
    )

    @property
    def read_as(self) -> Literal["csv", "jsonl", "parquet"]:
        """The format of what is read: of a Delta table, files of Parquet."""
        return "parquet" if self.format == "delta" else self.format

    @model_validator(mode="before")
    @classmethod
    def _as_extracted(cls, value: Any) -> Any:
        """Set the format of what is read from a database, which is a Parquet file for a moment."""
        if not isinstance(value, dict) or value.get("database") is None:
            return value
        unused = sorted(FILES_ONLY & set(value))
        if unused and value | {"format": "parquet"} != value:
            raise ValueError(f"found {', '.join(unused)} next to database; these describe files: take them out")
        return value | {"format": "parquet"}

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}; expected two signs")
        return self

    @model_validator(mode="after")
    def _has_versions(self) -> Self:
        files_only = self.batch == "folder" or self.settle_minutes or self.complete_marker or self.path_columns
        if self.format == "delta" and files_only:
            raise ValueError(
                "found batch, settle_minutes, complete_marker or path_columns with format: delta; each version is a "
                "whole delivery, with all columns: take them out"
            )
        return self

    @field_validator("time_format")
    @classmethod
    def _is_a_time_format(cls, value: str | None) -> str | None:
        return None if value is None else time_format(value)

    @field_validator("complete_marker")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and "/" in value:
            raise ValueError(f"found {value!r}; expected the name of a file such as '_SUCCESS', or an ending '.done'")
        return value
