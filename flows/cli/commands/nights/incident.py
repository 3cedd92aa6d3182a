"""`leeway demo --incident NAME`: something goes wrong in the house sales, and the policy's nights are shown."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from flows.cli.console import screen
from flows.demo.run_demo import PROJECT
from tasks.errors import DataError, nearest
from tasks.fault_scenarios import INCIDENTS
from tasks.spec import read_spec

if TYPE_CHECKING:
    from flows.backtest.scenarios import Outcome

BEGIN, ONSET = date(2014, 11, 17), date(2015, 1, 26)
LISTED = "list"


def show_incident(name: str) -> None:
    """Stage an incident on the demo's data and show every night after it; `list` shows which there are."""
    console = screen()
    if name == LISTED:
        console.print(_catalogue())
        return
    if name not in INCIDENTS:
        raise DataError(f"there is no incident {name!r}{nearest(name, list(INCIDENTS))}; `--incident list` shows them")
    with console.status("loading") as status:
        from flows.backtest.scenarios import play, stage_of

        stage = stage_of(read_spec(PROJECT), PROJECT.parent, ONSET)
        status.update(f"from {ONSET} on {INCIDENTS[name].text}; the policy runs over it")
        outcome = play(name, stage, PROJECT.parent, BEGIN)
    console.print(_nights(outcome))
    console.print(
        f"{escape(outcome.incident.text)}, from {ONSET} on: [bold]{outcome.verdict}[/]"
        f"{'' if outcome.night is None else f' on {outcome.night}'}; called for: {' or '.join(outcome.incident.right)}"
    )


def _catalogue() -> Table:
    table = Table(show_edge=False)
    for heading in ("incident", "what happens", "called for"):
        table.add_column(heading)
    for name, each in INCIDENTS.items():
        table.add_row(name, escape(each.text), " or ".join(each.right))
    return table


def _nights(outcome: Outcome) -> Table:
    table = Table(show_edge=False)
    for heading in ("night", "action", "kind", "why"):
        table.add_column(heading)
    for each in outcome.story.decisions:
        if each.night >= ONSET:
            table.add_row(str(each.night), each.action, each.kind, escape(each.reason))
    return table
