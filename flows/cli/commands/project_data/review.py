"""`leeway review`: the rows that a model deferred to people, and their labels once people have decided."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.console import print_json, screen, table
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.errors import DataError
from tasks.labeling_queue import ReturnedLabels, answers, delivered, landing_file, queue_file, read_answers
from tasks.labeling_queue.task import Queue, deliver_labels, waiting_rows
from tasks.lake import Lake, append_entry
from tasks.records import ReviewEntry
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, find_project

if TYPE_CHECKING:
    from tasks.records import ValidatedDelivery

SHOWN = 20
REASON_CHARACTERS = 60


def review_queue(project: str, out: Path | None, labels: Path | None, *, as_json: bool = False) -> None:
    """Show the queue, also as JSON, write it to a csv file, or read a filled-in csv file back."""
    spec, lake = lake_of(project)
    if labels is not None:
        if out is not None:
            raise DataError("--out writes the queue and --labels reads it back; expected one of the two")
        _read_back(spec, lake, find_project(project).parent, labels)
        return
    queue = waiting_rows(lake, spec)
    if out is not None:
        out.write_bytes(queue_file(queue.waiting, queue.rows, spec))
        screen().print(
            f"{counted(len(queue.waiting), 'row')} written to {terminal(str(out))}; fill in "
            f"{terminal(spec.source.label.column)!r}, then `leeway review {spec.project} --labels {terminal(str(out))}`"
        )
        return
    if as_json:
        print_json(queue.waiting.to_dict("records"))
        return
    _show(spec, queue)


def _show(spec: ProjectSpec, queue: Queue) -> None:
    console, waiting = screen(), queue.waiting
    if waiting.empty:
        console.print(f"{spec.project} has no rows to review")
        return
    rows = table(*(str(name).replace("_", " ") for name in waiting.columns))
    for row in waiting.head(SHOWN).itertuples(index=False, name=None):
        rows.add_row(*(terminal(_cell(value)) for value in row))
    console.print(rows)
    hidden = f", {len(waiting) - SHOWN:,} of them not shown" if len(waiting) > SHOWN else ""
    console.print(
        f"{counted(len(waiting), 'row')} to review{hidden}; `leeway review {spec.project} --out FILE.csv` writes all"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= REASON_CHARACTERS else f"{text[:REASON_CHARACTERS]}..."


def _read_back(spec: ProjectSpec, lake: Lake, folder: Path, path: Path) -> None:
    filled = read_answers(path.read_bytes(), spec.source.label.column)
    queue = waiting_rows(lake, spec)
    returned = answers(filled, queue.asked, set(queue.waiting["row_id"]))
    empty = counted(returned.empty, "empty cell")
    known = f", {counted(returned.labelled, 'row')} already labelled" if returned.labelled else ""
    if returned.taken.empty:
        screen().print(f"no new label in {terminal(str(path))}: {empty}{known}")
        return
    outcome = _deliver(spec, lake, folder, returned)
    screen().print(f"{outcome}; {empty}{known}")


def _deliver(spec: ProjectSpec, lake: Lake, folder: Path, returned: ReturnedLabels) -> str:
    """Deliver labels, record the person who gave them, and return what happened to them.

    They land where the project's other labels land. Labels are checked and stored at once when the project has no such
    landing place or reads labels from a database, or when the ids in the lake are pseudonyms, which a landing place
    would pseudonymise again.
    """
    day, moment = clock.tonight(spec.schedule.time_zone), clock.now()
    delivery = delivered(returned.taken, spec, day)
    hidden = set(spec.source.id) & set(spec.privacy.pseudonymise)
    lands = spec.source.label.uri is not None and spec.source.label.database is None
    if lands and not hidden:
        address = deliver_labels(landing_file(returned.taken, spec, day), spec, folder)
        outcome = f"{counted(len(returned.taken), 'label')} landed at {address}; the next night ingests them"
    else:
        from tasks.validate.acceptance.task import store
        from tasks.validate.task import verdicts

        checked = verdicts([delivery], spec, folder)
        store(lake, spec, checked, day, moment)
        refused = sum(part.rows_refused for part in checked)
        outcome = f"{counted(len(returned.taken) - refused, 'label')} stored"
        outcome += f", {refused:,} refused by the contract: {_rules(checked)}" if refused else ""
    entry = ReviewEntry(
        name=delivery.batch_id,
        night=day,
        time=moment,
        subject=delivery.landed.key,
        actor=person(),
        reason=outcome,
        rows=len(returned.taken),
    )
    append_entry(lake, spec.project, entry)
    return terminal(outcome)


def _rules(checked: Sequence[ValidatedDelivery]) -> str:
    return ", ".join(sorted({finding.rule for part in checked for finding in part.findings}))
