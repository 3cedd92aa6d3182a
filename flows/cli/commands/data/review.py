"""`leeway review`: the rows a model left to people, and what people decided about them; no server is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.errors import DataError
from tasks.labeling_queue import ReturnedLabels, answers, delivered, landing_file, queue_file, read_answers
from tasks.labeling_queue.task import Queue, lay_down, waiting_rows
from tasks.lake import Entry, Lake, append_entry
from tasks.spec import ProjectSpec, find_project

if TYPE_CHECKING:
    from tasks.records import Checked
    from tasks.validate.verdict.large_delivery import LargeChecked

LISTED = 20
REASON_CHARACTERS = 60


def review_queue(project: str, out: Path | None, take: Path | None) -> None:
    """Show the queue, write it to a csv, or take a filled-in csv back."""
    spec, lake = lake_of(project)
    if take is not None:
        if out is not None:
            raise DataError("--out writes the queue and --take reads answers back; expected one of the two")
        _take(spec, lake, find_project(project).parent, take)
        return
    found = waiting_rows(lake, spec)
    if out is not None:
        out.write_bytes(queue_file(found.waiting, found.rows, spec))
        screen().print(
            f"{len(found.waiting):,} rows written to {escape(str(out))}; fill in {escape(spec.source.label.column)!r}, "
            f"then `leeway review {spec.project} --take {escape(str(out))}`"
        )
        return
    _show(spec, found)


def _show(spec: ProjectSpec, found: Queue) -> None:
    console, waiting = screen(), found.waiting
    if waiting.empty:
        console.print(f"nothing of {spec.project} waits for a person")
        return
    table = Table(*(str(name).replace("_", " ") for name in waiting.columns), show_edge=False)
    for row in waiting.head(LISTED).itertuples(index=False, name=None):
        table.add_row(*(escape(_cell(value)) for value in row))
    console.print(table)
    left = f", {len(waiting) - LISTED:,} of them not shown" if len(waiting) > LISTED else ""
    console.print(f"{len(waiting):,} rows wait{left}; `leeway review {spec.project} --out FILE.csv` writes them all")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= REASON_CHARACTERS else f"{text[:REASON_CHARACTERS]}..."


def _take(spec: ProjectSpec, lake: Lake, folder: Path, take: Path) -> None:
    given = read_answers(take.read_bytes(), spec.source.label.column)
    found = waiting_rows(lake, spec)
    got = answers(given, found.asked, set(found.waiting["row_id"]))
    meanwhile = f"; {got.labelled:,} had a label already" if got.labelled else ""
    if got.taken.empty:
        screen().print(f"no new label in {escape(str(take))}: {got.empty:,} cells are empty{meanwhile}")
        return
    where = _delivered(spec, lake, folder, got)
    screen().print(f"{where}; {got.empty:,} cells were empty{meanwhile}")


def _delivered(spec: ProjectSpec, lake: Lake, folder: Path, got: ReturnedLabels) -> str:
    """Hand answers on as a delivery of labels, write down whose they are, and say where they went.

    They land where the project's other labels do. Where there is no such place, or the ids in the lake are pseudonyms,
    which would be made pseudonyms of again there, they are checked and stored at once.
    """
    day, moment = clock.tonight(spec.schedule.time_zone), clock.now()
    delivery = delivered(got.taken, spec, day)
    hidden = set(spec.source.id) & set(spec.privacy.pseudonymise)
    if spec.source.label.uri is not None and not hidden:
        said = f"{len(got.taken):,} labels landed at {lay_down(landing_file(got.taken, spec, day), spec, folder)}"
        said += "; the next night takes them in"
    else:
        from tasks.validate.acceptance.store import store
        from tasks.validate.task import verdicts

        checked = verdicts([delivery], spec, folder)
        store(lake, spec, checked, day, moment)
        refused = sum(each.rows_refused for each in checked)
        said = f"{len(got.taken) - refused:,} labels stored"
        said += f", {refused:,} refused by the contract: {_why(checked)}" if refused else ""
    entry = Entry(
        name=delivery.batch_id,
        kind="review",
        night=day,
        time=moment,
        action="labelled",
        subject=delivery.landed.key,
        actor=person(),
        reason=said,
        details={"rows": len(got.taken)},
    )
    append_entry(lake, spec.project, entry)
    return escape(said)


def _why(checked: Sequence[Checked | LargeChecked]) -> str:
    return ", ".join(sorted({finding.rule for each in checked for finding in each.findings}))
