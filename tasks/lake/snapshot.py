"""A lake as it was at certain commits: what a training read, and reads again when it is repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from tasks.errors import DataError
from tasks.lake.lake import Lake
from tasks.lake.predicates import Filter
from tasks.lake.schemas.table_schemas import TABLES


@dataclass(frozen=True)
class LakeSnapshot(Lake):
    """A lake as it was at certain commits, to be read only; a table without one was not there yet."""

    commits: Mapping[str, int] = field(default_factory=dict)

    def read(
        self,
        project: str,
        table: str,
        *,
        columns: list[str] | None = None,
        where: Sequence[Filter] = (),
        at: int | None = None,
    ) -> pd.DataFrame:
        """Read a table as it was at its commit, or at `at`.

        Raises
        ------
        DataError
            That state of the table can no longer be read.
        """
        from deltalake.exceptions import DeltaError

        commit = self.commits.get(table) if at is None else at
        if commit is None:
            empty: pd.DataFrame = TABLES[table].schema.empty_table().to_pandas()
            return empty[[name for name in columns if name in empty]] if columns else empty
        try:
            return super().read(project, table, columns=columns, where=where, at=commit)
        except (DeltaError, FileNotFoundError) as error:
            raise DataError(
                f"{self.uri(project, table)} cannot be read as it was at commit {commit}: {error}. Its files, or its "
                "log, were removed, by an erasure, or upkeep after `retention.history_days`"
            ) from error
