"""`leeway docs`: Great Expectations' Data Docs of the last night that brought rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.markup import escape

from flows.cli.console import screen
from flows.workspace import open_lake
from tasks.errors import DataError
from tasks.lake import Lake, deliveries
from tasks.lake.batches import batch_rows
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.validate import read_suite
from tasks.validate.contract.data_docs import build_data_docs


def docs(project: str, out: Path | None) -> None:
    """Build the site from the rows accepted on the last night there were any, and say where it is."""
    path = find_project(project)
    spec, where = read_spec(path), home(path)
    suite = read_suite(path.parent / spec.contract.suite, spec)
    asked = suite.of_rows(spec)
    night, rows = _last_rows(open_lake(where), spec)
    index = build_data_docs(rows, asked, f"{spec.project} {night}", out or where / "docs" / spec.project)
    told = f"{len(rows):,} rows accepted on {night}, {len(asked.expectations)} expectations"
    screen().print(f"{told}: open {escape(str(index))}")


def _last_rows(lake: Lake, spec: ProjectSpec) -> tuple[str, pd.DataFrame]:
    """Return the last night with accepted rows, and these rows with the columns a delivery brings."""
    found = deliveries(lake, spec.project).accepted()
    if not found:
        raise DataError(f"{spec.project} has no accepted rows yet; `leeway run nightly {spec.project}` takes some in")
    night = max(batch.night for batch in found)
    frames = [batch_rows(lake, spec.project, batch) for batch in found if batch.night == night]
    rows = pd.concat(frames, ignore_index=True)
    return night.isoformat(), rows[[name for name in spec.row_columns if name in rows]]
