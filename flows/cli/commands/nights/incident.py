"""`leeway demo --incident NAME`: stage an incident in the house sales, and show how the policy handles it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rich.table import Table

from flows.cli.console import screen, table
from flows.demo.worked_projects import worked_project
from tasks.errors import DataError, nearest
from tasks.fault_scenarios import INCIDENTS
from tasks.render.safe_text import terminal
from tasks.spec import read_spec

if TYPE_CHECKING:
    from flows.backtest.scenarios import Outcome

BEGIN, ONSET = date(2014, 11, 17), date(2015, 1, 26)
LISTED = "list"


def show_incident(name: str) -> None:
    """Stage an incident in the demo's data and print every night after it; `list` prints all incidents."""
    console = screen()
    if name == LISTED:
        console.print(_catalogue())
        return
    if name not in INCIDENTS:
        raise DataError(f"no incident is called {name!r}{nearest(name, list(INCIDENTS))}; `--incident list` lists them")
    path = worked_project().path
    with console.status("loading") as status:
        from flows.backtest.scenarios import play, stage_of

        stage = stage_of(read_spec(path), path.parent, ONSET)
        status.update(f"from {ONSET} on: {INCIDENTS[name].text}; replaying the policy")
        outcome = play(name, stage, path.parent, BEGIN)
    console.print(_nights(outcome))
    console.print(
        f"{terminal(outcome.incident.text)}, from {ONSET} on: [bold]{outcome.verdict}[/]"
        f"{'' if outcome.night is None else f' on {outcome.night}'}; expected: {' or '.join(outcome.incident.right)}"
    )


def _catalogue() -> Table:
    catalogue = table("incident", "what happens", "expected answer")
    for name, incident in INCIDENTS.items():
        catalogue.add_row(name, terminal(incident.text), " or ".join(incident.right))
    return catalogue


def _nights(outcome: Outcome) -> Table:
    nights = table("night", "action", "kind", "reason")
    for decision in outcome.result.decisions:
        if decision.night >= ONSET:
            nights.add_row(str(decision.night), decision.action, decision.kind, terminal(decision.reason))
    return nights
