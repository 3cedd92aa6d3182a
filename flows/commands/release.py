"""`leeway release`: a person lets a quarantined batch in."""

from __future__ import annotations

from rich.console import Console

from flows.local import lake_of
from tasks import clock
from tasks.errors import DataError
from tasks.lake import Batch, Entry, Lake, latest, record
from tasks.spec import ProjectSpec

SHORTEST = 6


def release_quarantined(project: str, batch: str) -> None:
    """Let in every row of a batch that was set aside and can be read, and write down who let it in."""
    from tasks.validate.task import let_in

    spec, lake = lake_of(project)
    found = _the_one(spec, lake, batch)
    rows = let_in.fn(lake, spec, found, clock.now())
    moment = clock.now()
    entry = Entry(
        name=f"{found.batch_id}/{found.revision}",
        kind="release",
        night=clock.tonight(spec.schedule.time_zone),
        time=moment,
        action="released",
        subject=found.key,
        actor="command line",
        reason=f"{rows} rows let in by hand",
    )
    record(lake, spec.project, entry)
    Console().print(f"released {found.key}: {rows} rows are in; the next night profiles and scores them")


def _the_one(spec: ProjectSpec, lake: Lake, batch: str) -> Batch:
    held = [each for each in latest(lake, spec.project) if each.rows_quarantined]
    mine = [each for each in held if each.batch_id.startswith(batch.lower()) or each.key == batch]
    if len(mine) != 1 or len(batch) < SHORTEST:
        listed = ", ".join(f"{each.batch_id[:8]} ({each.key})" for each in held) or "none"
        raise DataError(f"{len(mine)} quarantined batches are called {batch!r}; expected exactly one of: {listed}")
    return mine[0]
