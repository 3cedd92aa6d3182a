"""What must always hold in a project's lake and registry, whatever happened to it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from tasks.lake import SUPERSEDED, TABLES, Filter, Lake, active_rows, deliveries, read_entries, read_nights

if TYPE_CHECKING:
    from flows.workspace import Workspace


def invariants(workspace: Workspace, *, whole: bool = True) -> None:
    """Check what must always hold; `whole` says that a night ended, so that nothing of it may be missing either."""
    known = deliveries(workspace.lake, workspace.project)
    rows = active_rows(workspace.lake, workspace.project, "rows", known)
    _each_batch_is_in_one_state(workspace, rows)
    if whole:
        _what_was_quarantined_is_held(workspace)
    served = active_rows(workspace.lake, workspace.project, "predictions", known)
    assert not served.duplicated(["row_id", "version", "role"]).any(), "a row was answered twice"
    assert set(served["row_id"]) <= set(rows["row_id"]), "an answer for a row that does not count"
    champion = workspace.champion()
    assert champion is not None
    newer = rows[rows["event_date"] > champion.trained_until]
    if whole:
        mine = served[(served["version"] == champion.number) & (served["event_date"] > champion.trained_until)]
        assert sorted(mine["row_id"]) == sorted(newer["row_id"]), "the champion did not answer each newer row once"
        _profiles_add_up(workspace, newer)
        _one_champion_with_files_that_verify(workspace)
        _each_delivery_was_decided_on(workspace)
    retrained = [entry.name for entry in read_entries(workspace.lake, workspace.project, "retraining")]
    assert len(retrained) == len(set(retrained)), "a decision was retrained for twice"


def _each_batch_is_in_one_state(workspace: Workspace, rows: Any) -> None:
    known = deliveries(workspace.lake, workspace.project)
    written = [(batch.batch_id, batch.revision) for batch in known.revisions]
    assert len(written) == len(set(written)), "a revision of a batch was written twice"
    assert rows["row_id"].is_unique, "a row counts twice"
    counted = Counter(rows["batch_id"])
    labels = Counter(active_rows(workspace.lake, workspace.project, "labels", known)["batch_id"])
    for batch in known.latest():
        assert batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere, batch
        assert (counted if batch.kind == "rows" else labels)[batch.batch_id] == batch.rows_accepted, batch
        assert batch.verdict in {"accepted", "partly_quarantined", "quarantined", SUPERSEDED}, batch
    assert set(counted) <= {batch.batch_id for batch in known.latest()}


def _what_was_quarantined_is_held(workspace: Workspace) -> None:
    """Compare the quarantine with what batches say of it; a killed night leaves there what its next attempt counts."""
    held = Counter(workspace.lake.read(workspace.project, "quarantine", columns=["batch_id"])["batch_id"])
    for batch in deliveries(workspace.lake, workspace.project).latest():
        assert batch.verdict == SUPERSEDED or held[batch.batch_id] == batch.rows_quarantined, batch


def _profiles_add_up(workspace: Workspace, newer: Any) -> None:
    """Compare, by event date, the stored profiles added up with the profile of the rows that count."""
    from tasks.profiles import digest, from_bytes, profile, to_bytes

    champion = workspace.champion()
    assert champion is not None
    ruler = champion.ruler
    accepted: list[Filter] = [("ruler", "=", digest(ruler)), ("source", "=", "rows")]
    kept = active_rows(workspace.lake, workspace.project, "profiles", where=accepted)
    kept = kept[kept["event_date"] > champion.trained_until]
    found: dict[date, Any] = {}
    for day, stored in zip(kept["event_date"], kept["profile"], strict=True):
        found[day] = found[day] + from_bytes(stored) if day in found else from_bytes(stored)
    made = {day: profile(part, ruler) for day, part in workspace.features(newer).groupby("event_date")}
    assert {day: to_bytes(each) for day, each in found.items()} == {day: to_bytes(each) for day, each in made.items()}


def _each_delivery_was_decided_on(workspace: Workspace) -> None:
    decided = {
        (entry.night, batch.kind, batch.key)
        for entry in read_nights(workspace.lake, workspace.project)
        for batch in entry.batches
    }
    taken_in = {
        (batch.night, batch.kind, batch.key) for batch in deliveries(workspace.lake, workspace.project).latest()
    }
    assert taken_in <= decided, f"taken in, and no decision was about it: {taken_in - decided}"


def _one_champion_with_files_that_verify(workspace: Workspace) -> None:
    versions = workspace.registry.versions(workspace.project)
    champions = [each for each in versions if "champion" in each.aliases]
    assert len(champions) == 1, "not exactly one champion"
    recorded = workspace.champion_record().champions()[0]
    assert champions[0].number == recorded.number, "the champion is not the recorded one"
    assert workspace.registry.fetch(champions[0], recorded.digest), "its files do not verify"


def contents(lake: Lake, project: str) -> dict[str, list[tuple[str, ...]]]:
    """Return all tables without moments, reasons and digests of a run, each row as text, in an order of their own."""
    tables = [table for table in TABLES if table != "leases"]
    frames = {
        table: lake.read(project, table).drop(columns=["time", "written_at"], errors="ignore") for table in tables
    }
    for frame in frames.values():
        if "details" in frame:
            frame["details"] = [
                re.sub(r'"(run_because|(barred_)?digest)": "[^"]*"', "", text) for text in frame["details"]
            ]
            frame["name"] = [re.sub(r"/[0-9a-f]{12}$", "", name) for name in frame["name"]]
    return {table: sorted(frame.map(str).itertuples(index=False, name=None)) for table, frame in frames.items()}
