"""The lake: Delta tables and a few plain objects under one root, the memory of everything that happened to the data.

In: frames with a key that names the write. Out: frames, as of the latest commit. Adding is exactly-once by key, so
every
caller may simply do its work again after a crash.
"""

from tasks.lake.batches import (
    SUPERSEDED,
    Batch,
    Deliveries,
    accepted,
    add_batch,
    add_batches,
    batch_rows,
    deliveries,
    latest,
    served_key,
    standing,
    version_key,
)
from tasks.lake.decision_log import Entry, entries, record
from tasks.lake.lake import Lake
from tasks.lake.lease import Lease, current, held
from tasks.lake.predicates import Filter, predicate
from tasks.lake.row_files import Part, RowFiles, RowReader, Spread, partitions
from tasks.lake.table_schemas import TABLES, Table
from tasks.lake.table_storage import Layout, commit_before, compact, count, layout, remove, remove_files

__all__ = [
    "SUPERSEDED",
    "TABLES",
    "Batch",
    "Deliveries",
    "Entry",
    "Filter",
    "Lake",
    "Layout",
    "Lease",
    "Part",
    "RowFiles",
    "RowReader",
    "Spread",
    "Table",
    "accepted",
    "add_batch",
    "add_batches",
    "batch_rows",
    "commit_before",
    "compact",
    "count",
    "current",
    "deliveries",
    "entries",
    "held",
    "latest",
    "layout",
    "partitions",
    "predicate",
    "record",
    "remove",
    "remove_files",
    "served_key",
    "standing",
    "version_key",
]
