"""`leeway why`: one screen from the record; nothing but the lake is asked."""

from __future__ import annotations

from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.local import lake_of
from tasks.errors import DataError
from tasks.lake import Entry, entries

COLUMNS_SHOWN = 10
TRAINED = ("retraining", "promotion", "rollback")


def show_why(project: str, night: date) -> None:
    """Print a night's decision."""
    spec, lake = lake_of(project)
    record = entries(lake, spec.project)
    mine = [entry for entry in record if entry.kind == "night" and entry.night == night]
    if not mine:
        nights = sorted({entry.night for entry in record if entry.kind == "night"})
        known = f"the record goes from {nights[0]} to {nights[-1]}" if nights else "no night has been run yet"
        raise DataError(f"{spec.project} has no decision for {night}; {known}")
    console = Console()
    _print_night(console, spec.project, mine[-1])
    for entry in record:
        if entry.kind in TRAINED and entry.night == night:
            console.print(f"[bold]{entry.kind}[/]: {entry.action} {escape(entry.subject)} ({escape(entry.reason)})")


def _print_night(console: Console, project: str, entry: Entry) -> None:
    details = entry.details
    console.print(f"[bold]{project} {entry.night}: {entry.action}[/] ({entry.drift})  {escape(entry.reason)}")
    console.print(f"{details['rows']} rows and {details['labels']} labels taken in, {details['quarantined']} set aside")
    answers = Table("question", "answer", show_edge=False)
    for answer in details["answers"]:
        answers.add_row(escape(answer["question"]), escape(answer["answer"]))
    console.print(answers)
    if details["moved"]:
        moved = Table("column", "statistic", "distance", "leeway", "used", title="what moved most", show_edge=False)
        for each in details["moved"][:COLUMNS_SHOWN]:
            used = f"{each['strain']:.0%}" + (" creep" if each["creep"] else "")
            moved.add_row(
                escape(each["column"]), each["statistic"], f"{each['distance']:.4f}", f"{each['leeway']:.4f}", used
            )
        console.print(moved)
    for batch, verdict in details["batches"].items():
        console.print(f"  {escape(batch)}: {verdict}")
