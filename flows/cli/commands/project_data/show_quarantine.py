"""`leeway quarantine`: which rows were refused, and why."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Column

from flows.cli.commands.project_data.release_batch import batch_named, unreleased_batches
from flows.cli.console import print_json, screen, table
from flows.cli.session import lake_of
from tasks.lake import Batch, Lake
from tasks.render.csv_text import csv_bytes
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.stored_rows import quarantined_rows

ROWS_SHOWN = 5
ID_CHARACTERS = 8


def list_quarantine(project: str, *, as_json: bool) -> None:
    """Print the batches with quarantined rows, oldest first."""
    spec, lake = lake_of(project)
    batches = unreleased_batches(spec, lake)
    if as_json:
        print_json([_plain(batch) for batch in batches])
        return
    console = screen()
    if not batches:
        console.print(f"{spec.project} has no quarantined rows")
        return
    shown = table("batch", "file", "kind", "night", Column("quarantined", justify="right"), "why")
    for batch in batches:
        share = f"{batch.rows_quarantined:,} of {batch.rows_in:,}"
        cells = [batch.batch_id[:ID_CHARACTERS], batch.key, batch.kind, str(batch.night), share, _reason(batch)]
        shown.add_row(*map(terminal, cells))
    console.print(shown)
    console.print(
        f"`leeway quarantine {spec.project} BATCH` shows the rows; `leeway release {spec.project} BATCH` accepts them"
    )


def show_quarantined(project: str, batch: str, out: Path | None, *, as_json: bool) -> None:
    """Print what was found in a batch, with its first rows; or write all of its quarantined rows to a csv file."""
    spec, lake = lake_of(project)
    found = batch_named(spec, lake, batch)
    if out is not None:
        rows = _rows(spec, lake, found)
        out.write_bytes(csv_bytes(rows))
        screen().print(
            f"{counted(len(rows), 'quarantined row')} of {terminal(found.key)} written to {terminal(str(out))}"
        )
    elif as_json:
        print_json(_plain(found))
    else:
        _show(spec, lake, found)


def _show(spec: ProjectSpec, lake: Lake, batch: Batch) -> None:
    console = screen()
    share = f"{batch.rows_quarantined:,} of {counted(batch.rows_in, 'row')} quarantined"
    console.print(f"{terminal(batch.key)} ({batch.batch_id[:ID_CHARACTERS]}), night {batch.night}: {share}")
    for finding in json.loads(batch.findings):
        colour = "red" if finding["severity"] == "critical" else "yellow"
        console.print(f"[{colour}]{finding['severity']}[/]  {terminal(finding['message'])}")
    rows = _rows(spec, lake, batch)
    for row in rows.head(ROWS_SHOWN).to_dict("records"):
        cells = ", ".join(f"{name}={value}" for name, value in row.items() if name != "reasons" and value is not None)
        console.print(f"  {terminal(str(row['reasons']))}: {terminal(cells)}")
    if len(rows) > ROWS_SHOWN:
        console.print(f"  and {len(rows) - ROWS_SHOWN:,} more; --out FILE.csv writes all")


def _rows(spec: ProjectSpec, lake: Lake, batch: Batch) -> pd.DataFrame:
    """Return the quarantined rows as they were delivered, with the reasons of each."""
    stored = quarantined_rows(lake, spec, batch)
    rows = pd.DataFrame([json.loads(raw) for raw in stored["raw"]], dtype=object)
    return rows.assign(reasons=stored["reasons"].to_numpy())


def _reason(batch: Batch) -> str:
    findings = json.loads(batch.findings)
    critical = [finding for finding in findings if finding["severity"] == "critical"] or findings
    more = f"; and {len(critical) - 1} more" if len(critical) > 1 else ""
    return f"{critical[0]['message']}{more}" if critical else batch.verdict


def _plain(batch: Batch) -> dict[str, Any]:
    return asdict(batch) | {"findings": json.loads(batch.findings)}
