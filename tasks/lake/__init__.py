"""The lake: Delta tables and a few objects under one root, the record of everything that happened to the data.

In: frames with a key that names the write. Out: frames, as of the latest commit. Appends are exactly-once by key, so
a caller may repeat its work after a crash.
"""

from tasks.lake.batch_state import SUPERSEDED, Batch, served_key, version_key
from tasks.lake.batches import (
    Deliveries,
    accepted,
    active_rows,
    add_batches,
    batch_rows,
    deliveries,
    latest,
)
from tasks.lake.decision_log import append_entry, move_project, read_entries, read_nights, recorded_projects
from tasks.lake.lake import Lake
from tasks.lake.landing_file import LandingFolder
from tasks.lake.lease import NIGHT_LEASE, PROMOTION_LEASE, Lease, acquire_lease
from tasks.lake.object_files import file_system, listed, s3_options
from tasks.lake.predicates import Cell, Filter, one_of, predicate
from tasks.lake.repeats import append_repeats, read_repeats
from tasks.lake.row_files import ParallelMap, RowFiles, RowPart, RowReader, partitions
from tasks.lake.schemas.rewritten_table import rewrite_table
from tasks.lake.schemas.stored_kinds import KindConflict, kind_conflicts, stored_columns
from tasks.lake.schemas.table_schemas import TABLES, TableSchema
from tasks.lake.snapshot import LakeSnapshot
from tasks.lake.table_storage import (
    TableFiles,
    change,
    commit_before,
    compact,
    count,
    forget_history,
    layout,
    remove,
    remove_files,
)

__all__ = [
    "NIGHT_LEASE",
    "PROMOTION_LEASE",
    "SUPERSEDED",
    "TABLES",
    "Batch",
    "Cell",
    "Deliveries",
    "Filter",
    "KindConflict",
    "Lake",
    "LakeSnapshot",
    "LandingFolder",
    "Lease",
    "ParallelMap",
    "RowFiles",
    "RowPart",
    "RowReader",
    "TableFiles",
    "TableSchema",
    "accepted",
    "acquire_lease",
    "active_rows",
    "add_batches",
    "append_entry",
    "append_repeats",
    "batch_rows",
    "change",
    "commit_before",
    "compact",
    "count",
    "deliveries",
    "file_system",
    "forget_history",
    "kind_conflicts",
    "latest",
    "layout",
    "listed",
    "move_project",
    "one_of",
    "partitions",
    "predicate",
    "read_entries",
    "read_nights",
    "read_repeats",
    "recorded_projects",
    "remove",
    "remove_files",
    "rewrite_table",
    "s3_options",
    "served_key",
    "stored_columns",
    "version_key",
]
