"""`leeway why`: one screen from the record; nothing but the lake is asked."""

from __future__ import annotations

from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.local import lake_of
from flows.screen import screen
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
        raise DataError(f"{spec.project} has no decision for {night}; {_known(nights, night, spec.project)}")
    console = screen()
    _print_night(console, spec.project, mine[-1])
    for entry in record:
        if entry.kind in TRAINED and entry.night == night:
            console.print(f"[bold]{entry.kind}[/]: {entry.action} {escape(entry.subject)} ({escape(entry.reason)})")


def _known(nights: list[date], night: date, project: str) -> str:
    if not nights:
        return f"no night has been run yet: `leeway run nightly {project}`"
    near = min(nights, key=lambda each: abs(each - night))
    return f"the record has {len(nights)} nights from {nights[0]} to {nights[-1]}; the nearest is {near}"


def _print_night(console: Console, project: str, entry: Entry) -> None:
    details = entry.details
    console.print(f"[bold]{project} {entry.night}: {entry.action}[/] ({entry.drift})  {escape(entry.reason)}")
    console.print(f"{details['rows']} rows and {details['labels']} labels taken in, {details['quarantined']} set aside")
    answers = Table("question", "answer", "numbers", show_edge=False)
    for answer in details["answers"]:
        numbers = _written(answer["numbers"])
        answers.add_row(escape(answer["question"]), escape(answer["answer"]), escape(numbers))
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


def _written(value: object) -> str:
    """Return a number, or what numbers stand in, as `key=value` words.

    >>> _written({"rows": 120, "loss": 0.123456, "suspects": [], "strains": {"size": 1.5}})
    'rows=120 loss=0.1235 strains={size=1.5}'
    """
    if isinstance(value, dict):
        pairs = (
            (key, f"{{{_written(each)}}}" if isinstance(each, dict) else _written(each)) for key, each in value.items()
        )
        return " ".join(f"{key}={text}" for key, text in pairs if text not in {"", "{}"})
    if isinstance(value, list):
        return ",".join(map(_written, value))
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
