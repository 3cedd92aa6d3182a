"""The tables: what one row is.

Every project has its own set of tables under `<root>/<project>/`, because the rows of two projects share no schema.
`rows` has the project's own columns in addition to the ones named here.

No table is partitioned into folders by day. A night's write is one file. Delta keeps its extremes, by which a read of
some days skips the other files just the same; partitioned, a week's delivery would be seven small files.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

DAY = pa.date32()
MOMENT = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
WHOLE = pa.int64()
# Opening a table reads the commits since its last checkpoint, and so does each look-up of a key.
# Delta removes commits older than 30 days by itself, with or without vacuum; a training must stay repeatable from the
# commit that it names.
STATISTICS = "delta.dataSkippingStatsColumns"
SETTINGS = {"delta.checkpointInterval": "10", "delta.enableExpiredLogCleanup": "false"}


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One Delta table: its fixed columns, and whether a project adds columns of its own.

    Writes to a `fenced` table by the holder of a lease are refused once a later holder has written to it.
    A column of `either` is text in a project with text in its first rows, and of its fixed type in every other.
    Of columns that are `personal` the log of the table keeps no smallest and largest value.
    """

    columns: tuple[tuple[str, pa.DataType], ...]
    open_ended: bool = False
    either: frozenset[str] = frozenset()
    fenced: bool = False
    personal: frozenset[str] = frozenset()

    @property
    def schema(self) -> pa.Schema:
        """The fixed columns as an Arrow schema."""
        return pa.schema(list(self.columns))

    @property
    def settings(self) -> dict[str, str]:
        """The properties of the Delta table: of which columns it keeps the extremes, by which reads leave files out."""
        kept = [name for name, kind in self.columns if name not in self.personal and not pa.types.is_binary(kind)]
        return SETTINGS | {STATISTICS: ",".join(kept)}


TABLES: dict[str, TableSchema] = {
    # a delivery: the highest revision of a batch id is its state; what was written from its base revision on counts
    "batches": TableSchema(
        (
            ("batch_id", TEXT),
            ("revision", WHOLE),
            ("base", WHOLE),
            ("kind", TEXT),
            ("key", TEXT),
            ("size_bytes", WHOLE),
            ("stamp", TEXT),
            ("arrival", DAY),
            ("night", DAY),
            ("time", MOMENT),
            ("event_from", DAY),
            ("event_until", DAY),
            ("rows_in", WHOLE),
            ("rows_accepted", WHOLE),
            ("rows_quarantined", WHOLE),
            ("rows_elsewhere", WHOLE),
            ("verdict", TEXT),
            ("findings", TEXT),
            ("written_at", MOMENT),
            ("arrived_at", MOMENT),
            ("labels", WHOLE),
        ),
        fenced=True,
        personal=frozenset({"key", "findings"}),
    ),
    # a delivery with content that was taken in under another key: it is not read again while its stamp stays
    "repeats": TableSchema((("kind", TEXT), ("key", TEXT), ("stamp", TEXT), ("batch_id", TEXT))),
    # an accepted typed row, with the revision of its batch that let it in
    "rows": TableSchema(
        (("row_id", TEXT), ("batch_id", TEXT), ("revision", WHOLE), ("event_date", DAY)),
        fenced=True,
        open_ended=True,
        personal=frozenset({"row_id"}),
    ),
    # a refused row as delivered, with reason codes
    "quarantine": TableSchema(
        (("batch_id", TEXT), ("kind", TEXT), ("raw", TEXT), ("reasons", TEXT), ("arrival", DAY)),
        fenced=True,
        personal=frozenset({"raw"}),
    ),
    # a label for a row id, with its arrival; one of several classes is its name
    "labels": TableSchema(
        (("row_id", TEXT), ("label", pa.float64()), ("batch_id", TEXT), ("revision", WHOLE), ("arrival", DAY)),
        fenced=True,
        either=frozenset({"label"}),
        personal=frozenset({"row_id", "label"}),
    ),
    # a row of a feature table: what was known of an entity from a time on
    "features": TableSchema(
        (
            ("table", TEXT),
            ("entity", TEXT),
            ("event_time", pa.timestamp("us")),
            ("event_date", DAY),
            ("batch_id", TEXT),
            ("revision", WHOLE),
            ("arrival", DAY),
        ),
        fenced=True,
        open_ended=True,
        personal=frozenset({"entity"}),
    ),
    # what a version answered for a row; `predicted_class` is the name of one of several classes
    "predictions": TableSchema(
        (
            ("row_id", TEXT),
            ("batch_id", TEXT),
            ("revision", WHOLE),
            ("event_date", DAY),
            ("version", WHOLE),
            ("role", TEXT),
            ("prediction", pa.float64()),
            ("score", pa.float64()),
            ("confidence", pa.float64()),
            ("deferred", pa.bool_()),
            ("reasons", TEXT),
            ("probabilities", pa.list_(pa.float64())),
            ("predicted_class", TEXT),
            ("lower", pa.float64()),
            ("upper", pa.float64()),
            ("time", MOMENT),
        ),
        fenced=True,
        personal=frozenset(
            {"row_id", "prediction", "score", "confidence", "reasons", "probabilities", "predicted_class"}
            | {"lower", "upper"}
        ),
    ),
    # the mergeable summary of one batch's rows of one event date
    "profiles": TableSchema(
        (
            ("batch_id", TEXT),
            ("revision", WHOLE),
            ("source", TEXT),
            ("ruler", TEXT),
            ("event_date", DAY),
            ("row_count", WHOLE),
            ("profile", pa.binary()),
        ),
        fenced=True,
    ),
    # who may do a project's night, until when; one row is one commit
    "leases": TableSchema((("commit", WHOLE), ("name", TEXT), ("holder", TEXT), ("token", WHOLE), ("until", MOMENT))),
    # the record: nights, retrainings, promotions, rollbacks, releases
    "decisions": TableSchema(
        (
            ("name", TEXT),
            ("kind", TEXT),
            ("night", DAY),
            ("time", MOMENT),
            ("action", TEXT),
            ("drift", TEXT),
            ("subject", TEXT),
            ("actor", TEXT),
            ("reason", TEXT),
            ("details", TEXT),
        ),
        fenced=True,
        personal=frozenset({"subject", "actor", "reason", "details"}),
    ),
}
