"""What `status` and `why` say as JSON, for other programs: keys are only added, never renamed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from flows.cli.commands.nights.why import decision_of
from flows.cli.console import print_json
from flows.cli.session import lake_of
from tasks import clock
from tasks.errors import Error, SpecError
from tasks.lake import read_entries
from tasks.metrics_export import due_after
from tasks.records import nights_of
from tasks.records.entry_codec import to_row
from tasks.report import champion_changes, pending_actions
from tasks.spec import known_projects


def print_status(project: str | None) -> None:
    """Print a list with an object for each project; no server is asked."""
    print_json([_status(name) for name in ([project] if project else known_projects())])


def print_decision(project: str, night: date) -> None:
    """Print the decision of a night as the record has it: every question, its answer, and the numbers."""
    spec, lake = lake_of(project)
    row = to_row(decision_of(read_entries(lake, spec.project), night, spec.project))
    print_json({"project": spec.project, **row, "details": json.loads(row["details"])})


def _status(project: str) -> dict[str, Any]:
    try:
        spec, lake = lake_of(project)
        record = read_entries(lake, spec.project)
    except SpecError as error:
        return {"project": project, "spec_faults": error.faults}
    except Error as error:
        return {"project": project, "spec_faults": [], "fault": str(error)}
    nights, change = nights_of(record), next(reversed(champion_changes(record)), None)
    return {
        "project": spec.project,
        "spec_faults": [],
        "champion": change.subject if change else None,
        "champion_since": change.night if change else None,
        "last_night": nights[-1].night if nights else None,
        "action": nights[-1].action if nights else None,
        "reason": nights[-1].reason if nights else None,
        "next_night": due_after(spec.schedule, clock.now()).isoformat(),
        "needs_attention": [asdict(action) for action in pending_actions(record, spec)],
    }
