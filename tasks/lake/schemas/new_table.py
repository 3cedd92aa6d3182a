"""Creates a Delta table in the form that its first rows need."""

from __future__ import annotations

import pyarrow as pa

from tasks.errors import Unreachable
from tasks.lake.schemas.arrow_types import Rows, as_arrow, stream
from tasks.lake.schemas.table_schemas import TABLES


def create_table(uri: str, table: str, first: Rows | None, options: dict[str, str]) -> None:
    """Create a table at an address; nothing is done where another writer creates it at the same moment.

    Parameters
    ----------
    table : str
        Its name in `TABLES`.
    first : frame or function, optional
        The first rows, by which a column has its type that may have one or another.

    Raises
    ------
    Unreachable
        When the store does not answer.
    """
    from deltalake import CommitProperties, DeltaTable
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        DeltaTable.create(
            uri,
            _begun(table, first),
            mode="ignore",
            configuration=TABLES[table].settings,
            storage_options=options,
            commit_properties=CommitProperties(max_commit_retries=0),  # otherwise a second writer creates it again
        )
    except CommitFailedError:
        pass  # another writer created it at the same moment
    except (OSError, DeltaError) as error:
        raise Unreachable(f"creating {uri} failed: {error}; is the store up?") from error


def _begun(table: str, first: Rows | None) -> pa.Schema:
    """Return the fixed columns of a new table, in the types that its first rows have."""
    if first is None or not TABLES[table].either:
        return TABLES[table].schema
    found = (stream(first, table) if callable(first) else as_arrow(first, table)).schema
    return pa.schema([found.field(name) for name in TABLES[table].schema.names])
