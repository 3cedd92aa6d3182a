"""`leeway predictions`: the answers of a project's models, as one file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.cli.console import screen
from flows.cli.session import lake_of
from tasks.errors import DataError
from tasks.lake import Filter, Lake, deliveries
from tasks.render.csv_text import csv_bytes
from tasks.render.safe_text import terminal
from tasks.render.values import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

COLUMNS = [
    *("row_id", "event_date", "version", "role", "prediction", "predicted_class", "confidence", "deferred", "reasons"),
    *("time", "batch_id", "revision"),
]
INSIDE = ["batch_id", "revision"]


def export_predictions(project: str, out: Path, since: date | None, until: date | None) -> None:
    """Write the answers to rows of some event dates to a csv or Parquet file, which appears whole.

    Raises
    ------
    DataError
        The file has another ending, or there are no answers.
    """
    if out.suffix not in {".csv", ".parquet"}:
        raise DataError(f"found {out.name!r}; expected a file that ends in .csv or .parquet")
    spec, lake = lake_of(project)
    days: list[Filter] = [("event_date", ">=", since)] if since else []
    days += [("event_date", "<=", until)] if until else []
    draft = out.with_name(f".{out.name}.part")
    try:
        columns = COLUMNS if spec.training.interval is None else [*COLUMNS, "lower", "upper"]
        written = _write(_answers(lake, spec.project, columns, days), draft, as_csv=out.suffix == ".csv")
        if not written:
            raise DataError(f"{spec.project} has no predictions of these days")
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    console = screen()
    console.print(f"{counted(written, 'prediction')} written to {terminal(str(out))}")
    if spec.automation.answers_kept_back:
        console.print("people decide without them (automation.degree); keep the file from who decides")


def _answers(lake: Lake, project: str, columns: list[str], days: list[Filter]) -> Iterator[pd.DataFrame]:
    known = deliveries(lake, project)
    for piece in lake.pieces(project, "predictions", columns=columns, where=days):
        counting = known.active(piece).drop(columns=INSIDE)
        if len(counting):
            yield counting


def _as_table(piece: pd.DataFrame) -> pa.Table:
    """Return answers as Arrow; the moment of each has its zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.Table.from_pandas(piece.assign(time=piece["time"].dt.tz_convert(None)), preserve_index=False)
    return rows.set_column(rows.schema.get_field_index("time"), "time", pc.assume_timezone(rows["time"], "UTC"))


def _write(pieces: Iterator[pd.DataFrame], path: Path, *, as_csv: bool) -> int:
    import pyarrow.parquet as pq

    written = 0
    with path.open("wb") as file:
        writer: pq.ParquetWriter | None = None
        for piece in pieces:
            if as_csv:
                content = csv_bytes(piece)
                file.write(content if not written else content.split(b"\n", 1)[1])
            else:
                rows = _as_table(piece)
                writer = writer or pq.ParquetWriter(file, rows.schema)
                writer.write_table(rows.cast(writer.schema))
            written += len(piece)
        if writer is not None:
            writer.close()
    return written
