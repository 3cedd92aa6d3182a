"""`leeway release`: a person lets a quarantined batch in."""

from __future__ import annotations

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.errors import DataError
from tasks.lake import Batch, Entry, Lake, append_entry, latest
from tasks.spec import ProjectSpec

SHORTEST = 6
LISTED = 10


def release_quarantined(project: str, batch: str, reason: str) -> None:
    """Let in every row of a batch that was set aside and can be read, and write down who let it in, and why."""
    spec, lake = lake_of(project)
    found = _the_one(spec, lake, batch)
    from tasks.validate.task import release

    moment = clock.now()
    rows = release(lake, spec, found, moment)
    left = found.rows_quarantined - rows
    entry = Entry(
        name=f"{found.batch_id}/{found.revision}",
        kind="release",
        night=clock.tonight(spec.schedule.time_zone),
        time=moment,
        action="released",
        subject=found.key,
        actor=person(),
        reason=f"{rows} rows let in: {reason}",
    )
    append_entry(lake, spec.project, entry)
    out = f"; {left} cannot be read (no id, no time or a wrong value) and stay out" if left else ""
    screen().print(
        f"released {escape(found.key)}: {rows} rows are in{out}. The next night profiles and scores what is new"
    )


def _the_one(spec: ProjectSpec, lake: Lake, batch: str) -> Batch:
    held = [each for each in latest(lake, spec.project) if each.rows_quarantined and each.verdict != "released"]
    begins = batch.lower() if len(batch) >= SHORTEST else None
    mine = [each for each in held if each.key == batch or (begins and each.batch_id.startswith(begins))]
    if len(mine) == 1:
        return mine[0]
    if not held:
        raise DataError(f"{spec.project} has no quarantined batch, so none is called {batch!r}")
    listed = ", ".join(f"{each.batch_id[:8]} ({each.key})" for each in held[-LISTED:])
    raise DataError(
        f"{len(mine)} quarantined batches of {spec.project} are called {batch!r}; expected a file's name, or at least "
        f"the first {SHORTEST} characters of the id, of exactly one: {listed}{', ...' if len(held) > LISTED else ''}"
    )
