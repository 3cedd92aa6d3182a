"""`leeway doctor`: check this machine, or with `s3` an object store, for what Leeway needs."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from rich.table import Table

from flows.cli.commands.machine.machine_findings import Sound, machine_findings
from flows.cli.console import screen, table
from tasks.render.safe_text import terminal

if TYPE_CHECKING:
    from tasks.ingest.sources.s3_capabilities import Property
    from tasks.ingest.sources.s3_client import Addressing


def examine_machine() -> int:
    """Print one line for each finding, with the way out of what is wrong; return how many checks failed."""
    console, failed = screen(), 0
    for found in machine_findings():
        if isinstance(found, Sound):
            console.print(f"[green]ok  [/] {terminal(found.seen)}")
            continue
        failed += found.fails
        mark = "[red]FAIL[/]" if found.fails else "[yellow]note[/]"
        console.print(f"{mark} {terminal(f'{found.seen}: {found.way_out}')}")
    return failed


def examine_store(uri: str, endpoint: str | None = None, addressing: Addressing = "auto") -> int:
    """Test the properties of an S3 store that Leeway relies on and print them; return how many required ones it lacks.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`; test objects are written below a new prefix in it, and removed.
    endpoint : str, optional
        Address of an S3-compatible store; Amazon S3 by default.
    addressing : 'auto', 'path' or 'virtual'
        Where a request names the bucket.

    Raises
    ------
    SourceError
        When the uri is not that of a store, or nothing can be written there.
    Unreachable
        When the store does not answer.
    """
    from tasks.ingest.sources.open_source import split_s3
    from tasks.ingest.sources.s3_capabilities import Store, probed

    console = screen()
    properties = probed(Store(*split_s3(uri), endpoint, addressing), token_hex(4))
    console.print(_property_table(properties))
    missing = [one for one in properties if one.needed and not one.holds]
    for one in (one for one in properties if not one.holds):
        console.print(f"{'[red]lacks[/]' if one.needed else '[yellow]note[/] '} {one.name}: {terminal(one.instead)}")
    if not missing:
        console.print(f"[green]ok[/]    {terminal(uri)} has all properties that Leeway needs")
    return len(missing)


def _property_table(properties: list[Property]) -> Table:
    shown = table("property", "needed", "holds", "seen")
    for one in properties:
        holds = "[green]yes[/]" if one.holds else f"[{'red' if one.needed else 'yellow'}]no[/]"
        shown.add_row(one.name, "yes" if one.needed else "no", holds, terminal(one.seen))
    return shown
