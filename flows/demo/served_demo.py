"""The champion of a demo answers requests and a page while the nights go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd

from flows.demo.callers import Callers
from flows.demo.demo_service import demo_service
from flows.demo.price_page import PricePage
from flows.workspace import Workspace
from tasks.lake import active_rows
from tasks.package.joined_references import plain_cells
from tasks.whole_file import write_whole

PAUSE_SECONDS = 0.2
REQUEST = "request.json"


@contextmanager
def served(workspace: Workspace, say: Callable[[str], None]) -> Iterator[Callers]:
    """Serve the champion of a demo, with a page, until the block ends; the addresses are said.

    Raises
    ------
    Unreachable
        When the service does not answer in time.
    """
    project = workspace.project
    with demo_service(workspace, say) as service:
        row = newest_row(workspace, list(service.client.schema(project).row["properties"]))
        request = write_whole(workspace.home / REQUEST, json.dumps({"row": row}).encode())
        callers = Callers(service.client, project, [row], PAUSE_SECONDS)
        with PricePage(service.client, workspace.spec, row) as page:
            say(f"ask it: [bold]page[/] {page.url}")
            say(f"        [bold]curl[/] -s {service.url}/v1/projects/{project}/predict -d @{request} \\")
            say(f"             -H 'Content-Type: application/json' -H 'X-API-Key: {service.key}'")
            callers.start()
            try:
                yield callers
            finally:
                callers.stop()


def answers_in_words(callers: Callers) -> str:
    """Return what was answered while the nights went on."""
    parts = [f"version {number} {count:,} times" for number, count in callers.answered.items()]
    return f"while the nights went on, {', then '.join(parts)} answered; {callers.failed} requests failed"


def newest_row(workspace: Workspace, columns: list[str]) -> dict[str, Any]:
    """Return the newest stored row as a client sends it, with these columns."""
    rows = active_rows(workspace.lake, workspace.project, "rows")
    newest = rows.sort_values(["event_date", "row_id"]).iloc[[-1]]
    cells: dict[str, Any] = plain_cells(newest.reindex(columns=columns))[0]
    moment = cells[workspace.spec.source.event_time]
    date = datetime.fromisoformat(moment)
    is_day = pd.Timestamp(date) == pd.Timestamp(date).normalize()
    return cells | {workspace.spec.source.event_time: date.date().isoformat() if is_day else moment}
