"""The sections of a spec about deliveries: where they land, how they are read, and what they must satisfy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tasks.spec.field_types import Column, Name, Share, SpecSection
from tasks.spec.landing_sections.files_of_rows import FilesOfRows
from tasks.spec.landing_sections.files_section import Files


class Label(Files):
    """The label, and how late it arrives."""

    column: Column = Field(description="The column with the label.")
    uri: str | None = Field(None, description="Where labels land; by default the label is a column of the rows.")
    delay_days: int = Field(0, ge=0, le=3650, description="Days from the event until its label is known.")


class Source(Files):
    """Where the rows land."""

    uri: str = Field(
        description="A folder (relative to the spec), s3://bucket/prefix, or a database: see `database` below."
    )
    id: Annotated[list[Column], Field(min_length=1)] = Field(description="The column or columns that identify a row.")
    identity: Literal["id", "id_and_time"] = Field(
        "id",
        description="What makes two rows the same one. `id`: the id alone, for ever, so a row that is delivered again "
        "with another event time is a correction. `id_and_time`: the id and the event time together, for ids that are "
        "used again; labels that land apart then need the event time too. Choose before the first night.",
    )
    event_time: Column = Field(description="The column with the time of the event.")
    arrival: Literal["modified", "filename"] = Field(
        "modified",
        description="When a file arrived: its modification time, or the date (YYYY-MM-DD) in its name. With "
        "`filename`, any past night can be run again as it was.",
    )
    every: int | None = Field(
        None,
        ge=1,
        le=366,
        description="The most days between two deliveries of rows. When none has landed for longer, nights report it "
        "and nothing is retrained. By default it is learned from earlier deliveries.",
    )
    label: Label = Field(description="The label, and how late it arrives.")
    files: FilesOfRows | None = Field(None, description="Files that the rows name, such as pictures.")
    s3_endpoint: str | None = Field(None, description="The address of an S3-compatible store; Amazon S3 by default.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where a request names the bucket: in the path, or in the host name (virtual). Self-hosted stores "
        "mostly need `path`; auto lets the AWS library choose.",
    )


class Ingest(SpecSection):
    """How deliveries are read."""

    memory_mb: int = Field(
        1024,
        ge=128,
        le=1_048_576,
        description="The most memory for reading and checking one delivery, in megabytes. What is larger is kept on "
        "disk meanwhile. A delivery is quarantined as too_large when it unpacks to more than 200 times its size, or "
        "has more columns (32 a megabyte) or longer rows (1/64 of the memory) than that memory has room for.",
    )


class Contract(SpecSection):
    """What a delivery must satisfy before a model learns from it."""

    suite: str = Field(
        "expectations.json", description="The project's Great Expectations suite, in the folder of the spec."
    )
    parameters: dict[str, int | float | str | list[int | float | str]] = Field(
        {},
        description='Values by name: `{"$PARAMETER": "max_rooms"}` in the suite is replaced by `max_rooms` of this '
        "block, so that a limit that differs between projects or seasons is changed here and not in the "
        "suite.",
    )
    max_bad_share: Share = Field(0.1, description="Above this share of refused rows, the whole batch is quarantined.")
    new_columns: Literal["ignore", "refuse"] = Field(
        "ignore",
        description="Columns that the spec does not name: ignored with a warning, or the batch is quarantined.",
    )
    max_contradictory_labels: Share | None = Field(
        None,
        description="Above this share of labels that contradict another label of the same row, a whole delivery of "
        "labels is quarantined. By default such labels only count as refused rows.",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _are_values(cls, value: object) -> object:
        for name, setting in value.items() if isinstance(value, dict) else ():
            for one in setting if isinstance(setting, list) else [setting]:
                if not isinstance(name, str) or isinstance(one, bool) or not isinstance(one, int | float | str):
                    raise ValueError(  # noqa: TRY004 - pydantic takes only these for a fault of the file
                        f"{name!r} is {setting!r}; expected a number, a text, or a list of them"
                    )
        return value


class UpstreamProject(SpecSection):
    """A project of the same lake that this project depends on."""

    project: Name = Field(
        description="The name of the project. When it has a problem, a night of this project reports it first."
    )
    use: Literal["dataset", "model"] = Field(
        "dataset",
        description="What this project uses: its rows (columns that drift there are reported), or the predictions of "
        "its model.",
    )
