"""`leeway erase`: remove everything that is stored of a person, a thing or a delivery, and record that it was done."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from flows.cli.console import screen
from flows.serving.log_carrier import label_rows, unlocked
from flows.steps.actor import person
from flows.steps.exclusive_run import LEASE
from flows.workspace import open_lake
from tasks import clock
from tasks.dataset.erasure_subject import PseudonymOf, Subject, subject_of
from tasks.errors import DataError
from tasks.ingest.privacy import pseudonym
from tasks.ingest.task import pseudonym_key
from tasks.lake import Batch, Lake, acquire_lease, deliveries, s3_options
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.score import answer_files
from tasks.serving_store import SERVING_FOLDER
from tasks.serving_store.label_files import waiting_labels
from tasks.serving_store.logged_rows import LOG_FOLDER, without_lines
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.upkeep.erasure_record import begun_plan
from tasks.validate.typing.row_ids import row_ids
from tasks.whole_file import write_whole

KEPT = """\
Not erased, because it is not Leeway's, or cannot be changed in place:
- the landing zones: remove the rows there too, before the next delivery brings them back
- files that `leeway review --out` or `leeway docs --out` wrote elsewhere, logs, backups, and old versions in a bucket
- the report in MLflow, which may name a row, until the next night writes it again
- the models: a version keeps names of categories, extremes and counts of its training rows, because its answers and its
  evidence depend on them. To give it up: train again, promote the new version, then delete the old one and its run in
  MLflow (`mlflow gc`)"""


@dataclass(frozen=True)
class Asked:
    """What a person asked for: ids in a column, or a delivery by its name; maybe of labels only."""

    ids: Sequence[str] = ()
    column: str | None = None
    delivery: str | None = None
    labels_only: bool = False


def erase_now(project: str, asked: Asked, reason: str) -> None:
    """Erase what a person asked for, and print what was done and what is left to do."""
    path = find_project(project)
    if any(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", reason) for text in asked.ids):
        raise DataError("the reason has one of the ids, and is kept; expected a reason without them, such as a date")
    spec, where = read_spec(path), home(path)
    lake = open_lake(where)
    open_logs = 0

    def erase_waiting(stored_ids: AbstractSet[str]) -> None:
        nonlocal open_logs
        open_logs = _erase_logged(where / SERVING_FOLDER / LOG_FOLDER / spec.project, spec, subject, stored_ids)
        _erase_labels(where / SERVING_FOLDER, spec, subject, stored_ids)

    with acquire_lease(lake, spec.project, LEASE) as lease:
        lake = lake.with_lease(lease.name, lease.token)
        subject = _subject(lake, spec, asked)
        moment = clock.now()
        request = ErasureRequest(subject, person(), reason, clock.tonight(spec.schedule.time_zone), moment)
        plan = erase(lake, spec, request, answer_files(spec, path.parent, s3_options(os.environ)), erase_waiting)
        _remove_pages(where, spec.project)
    console = screen()
    console.print(f"{spec.project}: {terminal(plan.sentence)}")
    if open_logs:
        console.print(
            f"[yellow]note[/]  the prediction service writes to {counted(open_logs, 'file')} of its log: run the same "
            f"command again once they have landed, in {counted(spec.serving.delivery_minutes, 'minute')} at most"
        )
    console.print("Earlier states of its tables cannot be read any more; the next night summarises the rest again.")
    console.print(KEPT, markup=False, highlight=False)


def _subject(lake: Lake, spec: ProjectSpec, asked: Asked) -> Subject:
    if bool(asked.ids) == (asked.delivery is not None):
        raise DataError("expected the ids to erase (--id), or a delivery (--delivery): one of the two")
    if asked.delivery is None:
        return subject_of(asked.ids, asked.column, spec, _pseudonym_of(lake, spec), labels_only=asked.labels_only)
    if asked.labels_only or asked.column is not None:
        raise DataError("--delivery erases all of a delivery; expected no --column and no --label-only with it")
    return Subject(batch_ids=frozenset([_named(lake, spec.project, asked.delivery).batch_id]))


def _named(lake: Lake, project: str, name: str) -> Batch:
    """Return the delivery of a name, or of an id of a batch; of an erasure that was interrupted, the one it began."""
    known = deliveries(lake, project)
    begun = begun_plan(lake, project)
    meant = {batch.batch_id: batch for batch in known.latest() if name in {batch.key, batch.batch_id}}
    started = [batch for batch_id, batch in meant.items() if begun is not None and batch_id in begun.batch_ids]
    found = started or [batch for batch_id, batch in meant.items() if batch_id == name] or list(meant.values())
    if not found:
        raise DataError(f"{project} has taken in no delivery {name!r}; `leeway status` shows the last")
    if len(found) > 1:
        lines = "".join(f"\n- {batch.batch_id}: {batch.kind}, {batch.arrival}, {batch.verdict}" for batch in found)
        raise DataError(
            f"{project} has taken in {len(found)} deliveries {name!r}; expected the id of one of them, such as "
            f"--delivery {found[0].batch_id}:{lines}"
        )
    return found[0]


def _pseudonym_of(lake: Lake, spec: ProjectSpec) -> PseudonymOf:
    key = pseudonym_key(lake, spec, is_new=not deliveries(lake, spec.project).revisions)
    return lambda column, text: pseudonym(text, key if isinstance(key, bytes) else key(column))


def _erase_logged(folder: Path, spec: ProjectSpec, subject: Subject, stored_ids: AbstractSet[str]) -> int:
    """Remove rows from the prediction log that has not landed yet; return how many files a worker is writing."""
    if subject.labels_only:
        return 0

    def gone(row: Mapping[str, object], row_id: str) -> bool:
        return row_id in stored_ids or subject.has_row(row, row_id, spec)

    writing = 0
    for path in sorted(folder.glob("[!.]*.jsonl")):
        with unlocked(path) as free:
            if not free:
                writing += 1
                continue
            content = path.read_bytes()
            left = without_lines(content, gone)
            if left != content:
                write_whole(path, left)
    return writing


def _erase_labels(root: Path, spec: ProjectSpec, subject: Subject, stored_ids: AbstractSet[str]) -> None:
    """Remove labels that came over the API and have not landed yet; the names of the files keep their order in time."""
    for _, path in waiting_labels(root, spec.project):
        try:
            lines, written = path.read_bytes().splitlines(keepends=True), path.stat().st_mtime_ns
        except FileNotFoundError:
            continue  # it has landed meanwhile
        left = _others(lines, spec, subject, stored_ids)
        if not left:
            path.unlink(missing_ok=True)
        elif len(left) < len(lines):
            write_whole(path, b"".join(left))
            os.utime(path, ns=(written, written))


def _others(
    lines: Sequence[bytes], spec: ProjectSpec, subject: Subject, stored_ids: AbstractSet[str]
) -> Sequence[bytes]:
    """Return the labels that are not the subject's."""
    if not lines:
        return lines
    rows = label_rows(lines)
    ids = row_ids(rows, spec).names
    own = subject.in_rows(rows.assign(row_id=ids, batch_id=""), spec) | ids.isin(stored_ids).to_numpy(bool)
    return [line for line, gone in zip(lines, own, strict=True) if not gone]


def _remove_pages(where: Path, project: str) -> None:
    """Remove the Data Docs of a project, which show values of rows."""
    shutil.rmtree(where / "docs" / project, ignore_errors=True)
