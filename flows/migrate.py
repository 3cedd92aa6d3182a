"""Brings what is stored of a project in line with its changed spec: the kinds of columns, the name of the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flows.steps.actor import person
from flows.steps.events import emit_event
from flows.steps.publish import write_report
from flows.workspace import Workspace
from tasks import clock
from tasks.agreement import Survey, convert, label_in_force, surveyed
from tasks.errors import DataError
from tasks.lake import (
    NIGHT_LEASE,
    KindConflict,
    Lake,
    acquire_lease,
    append_entry,
    deliveries,
    kind_conflicts,
    read_entries,
)
from tasks.records import MigrationEntry
from tasks.spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class Migration:
    """What a person asked for; `else_missing` gives up the values that have no exact one in the new kind."""

    else_missing: bool = False
    same_label: bool = False
    reason: str = "by hand"


def migrate(workspace: Workspace, asked: Migration) -> list[str]:
    """Convert what is stored, and record it; return a sentence for each change, none where everything fits.

    Each change is recorded before it is made, and made in one commit: after a crash, the next call makes it.

    Raises
    ------
    DataError
        Stored values have no exact value in the new kind of their column, or the label means something else; nothing
        was changed.
    """
    with acquire_lease(workspace.lake, workspace.project, NIGHT_LEASE) as lease:
        leased = workspace.with_lease(lease)
        planned = [*relabelling(leased, asked), *conversions(leased, asked)]
        for entry, conflicts in planned:
            append_entry(leased.lake, leased.project, entry)
            if conflicts:
                convert(leased.lake, leased.spec, conflicts, f"{entry.kind}/{entry.name}")
    if planned:
        write_report(workspace)
        for entry, _ in planned:
            emit_event(workspace.project, "project.migrated", {"what": entry.reason, "who": entry.actor})
    return [entry.reason for entry, _ in planned]


def relabelling(workspace: Workspace, asked: Migration) -> list[tuple[MigrationEntry, Sequence[KindConflict]]]:
    """Return the entry that says that the label has another name now, if it has; nothing is stored under its name."""
    record = read_entries(workspace.lake, workspace.project)
    stored = deliveries(workspace.lake, workspace.project)
    before, now = label_in_force(record, stored), workspace.spec.source.label.column
    if before in {None, now}:
        return []
    if not asked.same_label:
        raise DataError(
            f"the label was {before!r} and is {now!r} now. If it is the same value under another name, say so: `leeway "
            f"migrate {workspace.project} --same-label`. If it is another value, begin a project under another name: "
            "the labels that are stored are not its labels"
        )
    text = f"the label {before!r} is called {now!r} now, and means the same"
    return [(_entry(workspace, "relabelled", f"{len(record)}/{now}", (now, text), asked), ())]


def conversions(workspace: Workspace, asked: Migration) -> list[tuple[MigrationEntry, Sequence[KindConflict]]]:
    """Return the entry of the conversion of all columns that are stored in another kind, if there are any."""
    conflicts = kind_conflicts(workspace.lake, workspace.spec)
    if not conflicts:
        return []
    surveys = surveyed(workspace.lake, workspace.spec, conflicts)
    lost = [survey for survey in surveys if survey.without_value]
    if lost and not asked.else_missing:
        raise DataError(_refusal(workspace.project, lost))
    name = f"{_commits(workspace.lake, workspace.spec, conflicts)}/{','.join(each.column for each in conflicts)}"
    text = f"converted {'; '.join(survey.sentence for survey in surveys)}"
    what = ", ".join(each.column for each in conflicts), text
    return [(_entry(workspace, "converted", name, what, asked), conflicts)]


def _entry(
    workspace: Workspace,
    action: Literal["converted", "relabelled"],
    name: str,
    what: tuple[str, str],
    asked: Migration,
) -> MigrationEntry:
    subject, text = what
    return MigrationEntry(
        name=name,
        night=clock.tonight(workspace.spec.schedule.time_zone),
        time=clock.now(),
        action=action,
        subject=subject,
        actor=person(),
        reason=f"{text} ({asked.reason})",
    )


def _commits(lake: Lake, spec: ProjectSpec, conflicts: Sequence[KindConflict]) -> str:
    """Return what the tables are at before a conversion: one that was interrupted is found again by it."""
    tables = sorted({conflict.table for conflict in conflicts})
    return ",".join(f"{table}@{lake.version(spec.project, table)}" for table in tables)


def _refusal(project: str, lost: Sequence[Survey]) -> str:
    faults = "; ".join(
        f"{each.without_value:,} of {each.values:,} stored values of {each.conflict.column!r} have no exact value "
        f"among {each.conflict.kind} ({', '.join(each.examples)})"
        for each in lost
    )
    return (
        f"{faults}. Nothing was changed. Deliver these rows again with values that have one, list the columns where "
        f"they were, or give these values up: `leeway migrate {project} --else-missing`"
    )
