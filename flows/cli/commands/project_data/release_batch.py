"""`leeway release`: accept a quarantined batch after a person has reviewed it."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.errors import DataError
from tasks.lake import Batch, Lake, append_entry, latest
from tasks.records import ReleaseEntry
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec

SHORTEST_ID = 6
SHOWN = 10


def release_quarantined(project: str, batch: str, reason: str) -> None:
    """Accept every quarantined row of a batch that can be read, and record who released it and why."""
    spec, lake = lake_of(project)
    released = batch_named(spec, lake, batch)
    rows = release_batch(spec, lake, released, reason)
    left = released.rows_quarantined - rows
    rest = f"; still quarantined, because not readable: {left:,} (no id, no time or a wrong value)" if left else ""
    screen().print(
        f"released {terminal(released.key)}: {counted(rows, 'row')} accepted{rest}\n"
        "the next night profiles and scores the accepted rows"
    )


def release_batch(spec: ProjectSpec, lake: Lake, batch: Batch, reason: str) -> int:
    """Accept the quarantined rows of a batch, record it, and return their number.

    Raises
    ------
    DataError
        The batch was released before, and none of its other rows can be read.
    """
    from tasks.validate.task import release

    moment = clock.now()
    rows = release(lake, spec, batch, moment)
    if not rows and batch.verdict == "released":
        raise DataError(
            f"{spec.project} has no quarantined batch {batch.key!r} any more: it was released, but for "
            f"{counted(batch.rows_quarantined, 'row')} without an id or a time, or with a wrong value"
        )
    entry = ReleaseEntry(
        name=f"{batch.batch_id}/{batch.revision}",
        night=clock.tonight(spec.schedule.time_zone),
        time=moment,
        subject=batch.key,
        actor=person(),
        reason=f"{counted(rows, 'row')} released: {reason}",
    )
    append_entry(lake, spec.project, entry)
    return rows


def unreleased_batches(spec: ProjectSpec, lake: Lake) -> list[Batch]:
    """Return the batches with quarantined rows that were not released, in order of arrival."""
    return [one for one in _quarantined_batches(spec, lake) if one.verdict != "released"]


def _quarantined_batches(spec: ProjectSpec, lake: Lake) -> list[Batch]:
    return [one for one in latest(lake, spec.project) if one.rows_quarantined]


def batch_named(spec: ProjectSpec, lake: Lake, batch: str) -> Batch:
    """Return the quarantined batch of a file, or with an id that begins so: one not released, else what is left of one.

    Raises
    ------
    DataError
        There is none, or more than one.
    """
    quarantined, prefix = unreleased_batches(spec, lake), batch.lower() if len(batch) >= SHORTEST_ID else None

    def is_named(one: Batch) -> bool:
        return one.key == batch or (prefix is not None and one.batch_id.startswith(prefix))

    matching = [*filter(is_named, quarantined)] or [*filter(is_named, _quarantined_batches(spec, lake))]
    if len(matching) == 1:
        return matching[0]
    if not quarantined:
        raise DataError(f"{spec.project} has no quarantined batch, so none is called {batch!r}")
    names = ", ".join(f"{one.batch_id[:8]} ({one.key})" for one in quarantined[-SHOWN:])
    names += ", ..." if len(quarantined) > SHOWN else ""
    raise DataError(
        f"{len(matching)} quarantined batches of {spec.project} match {batch!r}; expected a file's name, or at least "
        f"the first {SHORTEST_ID} characters of the id, of exactly one: {names}"
    )
