"""Writes a whole table again, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from tasks.errors import Conflict, Unreachable
from tasks.lake.lake import Lake
from tasks.lake.schemas.arrow_types import writing
from tasks.lake.schemas.fencing import fencing

PIECE_ROWS = 200_000


def rewrite_table(lake: Lake, project: str, table: str, change: Callable[[pa.Table], pa.Table], key: str) -> bool:
    """Replace the rows of a table by changed ones, unless a write with this key is already there; return whether.

    Readers see the table before or after it, never between. Earlier states stay readable until upkeep removes them.

    Parameters
    ----------
    change : callable
        From some rows to the same number of rows; always with the same columns, in the same types.

    Raises
    ------
    Conflict
        Another writer wrote to the table meanwhile.
    Overtaken
        A later holder of the lease has written to the table.
    Unreachable
        The store does not answer.
    """
    from deltalake import CommitProperties, Transaction, write_deltalake
    from deltalake.exceptions import CommitFailedError

    opened = lake.open(project, table)
    if opened is None or opened.transaction_version(key) is not None:
        return False
    schema = pa.schema(change(pa.schema(opened.schema().to_arrow()).empty_table()).schema)
    source = opened.scan()

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in source:
            for start in range(0, batch.num_rows, PIECE_ROWS):
                piece = pa.Table.from_batches([pa.record_batch(batch).slice(start, PIECE_ROWS)])
                yield from change(piece).cast(schema).to_batches()

    where = lake.uri(project, table)
    try:
        write_deltalake(
            opened,
            pa.RecordBatchReader.from_batches(schema, batches()),
            mode="overwrite",
            schema_mode="overwrite",
            writer_properties=writing(schema),
            storage_options=lake.options,
            commit_properties=CommitProperties(
                app_transactions=[Transaction(key, 1), *fencing(lake.fence, opened, table)], max_commit_retries=0
            ),
        )
    except CommitFailedError as error:
        raise Conflict(f"{where} was written in the meantime; run the command again") from error
    except OSError as error:
        raise Unreachable(f"writing {where} failed: {error}; is the store up, and is there space?") from error
    return True
