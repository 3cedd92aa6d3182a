"""The newest rows of a table, given to `leeway init`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.cli.init.data_sample import DataSample, SampleFile
from tasks.errors import DataError, SpecError
from tasks.ingest import Unreadable, batch_id, parsed
from tasks.ingest.sources.stored_objects import StoredObject
from tasks.ingest.tables.increment_query import newest_rows
from tasks.ingest.tables.read_rows import NONE
from tasks.ingest.tables.table_source import TableSource, TableTerms
from tasks.spec.landing_sections.database_section import Database

MOST_ROWS = 300_000


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table of a database, as it is given to `leeway init`."""

    uri: str
    database: Database

    @property
    def project(self) -> str:
        """The name of a project made from the name of the table."""
        name = re.sub(r"[^a-z0-9]+", "-", (self.database.table or "").rpartition(".")[2].lower()).strip("-")
        if not name:
            raise SpecError([f"no project name can be made from {self.database.table!r}; give one with --project NAME"])
        return name

    def read(self, moment: datetime, needed: frozenset[str]) -> tuple[DataSample, StoredObject]:
        """Return the newest rows, and what a night would list of them.

        Parameters
        ----------
        moment : datetime
            The present, with its time zone.
        needed : frozenset of str
            Columns that are read even if one of them is `changed_at`.

        Raises
        ------
        SourceError, Unreachable
            The table cannot be read, or not now.
        DataError
            It has no rows.
        """
        newest, terms = newest_rows(self.database, MOST_ROWS), TableTerms("init", "0" * 8, needed, frozenset())
        with TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as folder:
            source = TableSource(self.uri, newest, terms, None, NONE, Path(folder), moment, "UTC", os.environ)
            listing, out = source.list(), BytesIO()
            if not listing:
                raise DataError(f"{self.database.table} has no rows with a value of {self.database.changed_at}")
            source.copy(listing[0], out)
        content, (listed,) = out.getvalue(), listing
        frame = parsed(content, listed.key, "parquet")
        if isinstance(frame, Unreadable):
            raise DataError(f"{self.database.table} cannot be read: {frame.detail} ({frame.reason})")
        return DataSample("parquet", "modified", 1, (SampleFile(listed.key, batch_id(content), frame),)), listed
