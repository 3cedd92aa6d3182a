"""`leeway why`: one screen from the record; nothing but the lake is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Table as Shown

from flows.cli.console import screen
from flows.cli.session import lake_of, open_servers
from tasks.errors import DataError
from tasks.lake import read_entries
from tasks.records import Entry, NightEntry, nights_of
from tasks.render.safe_text import terminal
from tasks.report import ReportTable, Section, Why, why_lines
from tasks.spec import find_project, read_spec


def show_why(project: str, night: date) -> None:
    """Print a night's decision."""
    spec, lake = lake_of(project)
    record = read_entries(lake, spec.project)
    _print(screen(), why_lines(decision_of(record, night, spec.project), spec, record))


def decision_of(record: Sequence[Entry], night: date, project: str) -> NightEntry:
    """Return the last decision of a night.

    Raises
    ------
    DataError
        When the night has none; it names the nearest night that has one.
    """
    nights = nights_of(record)
    mine = [entry for entry in nights if entry.night == night]
    if not mine:
        known = sorted({entry.night for entry in nights})
        raise DataError(f"{project} has no decision for {night}; {_known(known, night, project)}")
    return mine[-1]


def decide_again(project: str, night: date) -> bool:
    """Decide a night again from what is stored, say how it compares, and return whether it is the same."""
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.backtest.redecide import redecide
        from flows.workspace import open_workspace

        then, now = redecide(open_workspace(name), night)
    same = (then.action, then.drift, then.reason) == (now.action, now.kind, now.reason)
    said = "the same" if same else f"{now.action} ({now.kind}): {now.reason}"
    screen().print(f"\ndecided again from what is stored: [bold]{terminal(said)}[/]")
    return same


def _known(nights: list[date], night: date, project: str) -> str:
    if not nights:
        return f"no night has been run yet: `leeway run nightly {project}`"
    near = min(nights, key=lambda each: abs(each - night))
    return f"the record has {len(nights)} nights from {nights[0]} to {nights[-1]}; the nearest is {near}"


def _print(console: Console, why: Why) -> None:
    console.print(f"[bold]{terminal(f'{why.project} {why.night}: {why.headline}')}[/]  {terminal(why.reason)}")
    for section in why.sections:
        _print_section(console, section)


def _print_section(console: Console, section: Section) -> None:
    console.print(f"\n[bold]{terminal(section.title)}[/]")
    for line in section.lines:
        console.print(f"  {terminal(line)}")
    if section.table is not None:
        console.print(_shown(section.table))


def _shown(table: ReportTable) -> Shown:
    shown = Shown(*table.heads, show_edge=False)
    for row in table.rows:
        shown.add_row(*map(terminal, row))
    return shown
