"""What a query returns, batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa


def arrow_batches(reader: pa.RecordBatchReader, ours: Callable[[Exception], Exception]) -> Iterator[pa.RecordBatch]:
    """Yield what a query returns; an error in the middle of it is one of ours.

    Parameters
    ----------
    ours : callable
        From what Arrow raises, with the message of the driver, to what is raised instead.

    Examples
    --------
    >>> rows = pa.RecordBatch.from_pydict({"id": [1, 2]})
    >>> reader = pa.RecordBatchReader.from_batches(rows.schema, [rows])
    >>> [batch.num_rows for batch in arrow_batches(reader, lambda error: ValueError(str(error)))]
    [2]
    """
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            raise ours(error) from None
        yield batch
