"""`leeway docs`: Great Expectations Data Docs for the last night with accepted rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from flows.cli.console import screen
from flows.workspace import open_lake
from tasks.dataset.known_rows import consented_rows
from tasks.errors import DataError
from tasks.lake import Lake, deliveries
from tasks.lake.batches import batch_rows
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.validate import read_suite
from tasks.validate.contract.data_docs import build_data_docs


def build_docs(project: str, out: Path | None) -> None:
    """Build the site from the rows accepted on the last night that has some, and print its address."""
    path = find_project(project)
    spec, where = read_spec(path), home(path)
    suite = read_suite(path.parent / spec.contract.suite, spec)
    row_suite = suite.of_rows(spec)
    night, rows = _last_rows(open_lake(where), spec)
    index = build_data_docs(rows, row_suite, f"{spec.project} {night}", out or where / "docs" / spec.project)
    content = f"{counted(len(rows), 'row')} accepted on {night}, {counted(len(row_suite.expectations), 'expectation')}"
    screen().print(f"{content}: open {terminal(str(index))}")


def _last_rows(lake: Lake, spec: ProjectSpec) -> tuple[str, pd.DataFrame]:
    """Return the last night with accepted rows, and these rows with the columns of a delivery."""
    batches = deliveries(lake, spec.project).accepted()
    if not batches:
        raise DataError(f"{spec.project} has no accepted rows yet; `leeway run nightly {spec.project}` ingests some")
    night = max(batch.night for batch in batches)
    frames = [batch_rows(lake, spec.project, batch) for batch in batches if batch.night == night]
    rows = consented_rows(pd.concat(frames, ignore_index=True), spec)
    if rows.empty:
        raise DataError(f"{spec.project} has no rows with consent of {night}, so there is none to show")
    return night.isoformat(), rows[[name for name in spec.row_columns if name in rows]]
