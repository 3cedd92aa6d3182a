"""Rows of a Delta table, given to `leeway init`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.cli.init.data_sample import DataSample, SampleFile, project_name
from flows.cli.init.table_sample import MOST_ROWS
from tasks.errors import DataError
from tasks.ingest import Unreadable, batch_id, parsed
from tasks.ingest.delta.delta_source import DeltaSource, DeltaTerms
from tasks.ingest.sources.stored_objects import StoredObject

LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class GivenDelta:
    """The folder of a Delta table, as it is given to `leeway init`."""

    folder: Path

    @property
    def project(self) -> str:
        """The name of a project made from the name of the folder."""
        return project_name(self.folder)

    def read(self, moment: datetime) -> tuple[DataSample, StoredObject]:
        """Return some rows, and what a night would list of them.

        Parameters
        ----------
        moment : datetime
            The present, with its time zone.

        Raises
        ------
        SourceError
            The table cannot be read.
        DataError
            It has no rows.
        """
        terms = DeltaTerms("init", (), frozenset(), MOST_ROWS)
        with TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as folder:
            source = DeltaSource(str(self.folder), {}, terms, (), Path(folder), moment, "UTC")
            listing, out = source.list(), BytesIO()
            if not listing:
                raise DataError(f"the Delta table {self.folder} has no rows")
            source.copy(listing[0], out)
        content, (listed,) = out.getvalue(), listing
        frame = parsed(content, listed.key, "parquet")
        if isinstance(frame, Unreadable):
            raise DataError(f"{self.folder} cannot be read: {frame.detail} ({frame.reason})")
        return DataSample("parquet", "modified", 1, (SampleFile(listed.key, batch_id(content), frame),)), listed


def is_delta(data: Path) -> bool:
    """Return whether a folder has a Delta table."""
    return (data / LOG).is_dir()
