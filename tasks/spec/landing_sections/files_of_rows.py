"""The keys of a spec on files that rows name: pictures, recordings, documents next to the deliveries."""

from __future__ import annotations

from pydantic import Field, field_validator

from tasks.spec.field_types import Column, SpecSection

FUNCTION_FAILED = "feature_function"
"""The code of rows that the project's function fails on."""


class FilesOfRows(SpecSection):
    """Files that the rows name, such as pictures.

    `features.function` gets their bytes in place of the names, once, when rows are taken in; the columns of
    `features.made` are stored with each row, and the bytes are not. A file that is missing, too large or of another
    digest refuses its row.
    """

    column: Column = Field(
        description="The column with the name of the row's file: relative to `folder`, such as `line-2/0071.png`."
    )
    sha256: Column | None = Field(
        None,
        description="The column with the SHA-256 of the file, as 64 hexadecimal digits; a file with another refuses "
        "its row. By default the digest of the file that was read is stored with the row.",
    )
    folder: str = Field(
        "files",
        min_length=1,
        max_length=256,
        description="Where the files are, in the landing zone of the rows: a folder in it, or what follows its prefix "
        "in a bucket. It has no deliveries.",
    )
    object_mb: int = Field(
        8, ge=1, le=1024, description="The largest file, in megabytes; a larger one refuses its row, and is not read."
    )
    chunk_mb: int = Field(
        64,
        ge=1,
        le=4096,
        description="The most megabytes of files that are in memory, and handed to `features.function`, at once.",
    )

    @property
    def digest_column(self) -> str:
        """The column with the digest that is stored with each row.

        >>> FilesOfRows(column="picture").digest_column
        'picture (sha256)'
        """
        return self.sha256 or f"{self.column} (sha256)"

    @property
    def fault_column(self) -> str:
        """The column of a delivery that says why a row's file cannot be used; it is missing where it can."""
        return f"{self.column} (fault)"

    @field_validator("folder")
    @classmethod
    def _is_a_folder_below(cls, value: str) -> str:
        parts = value.split("/")
        if "\\" in value or not value.isprintable() or any(part in {"", ".", ".."} for part in parts):
            raise ValueError(
                f"found {value!r}; expected a folder of the landing zone such as 'files' or 'files/line-2'"
            )
        return value
