"""`leeway erase`: remove everything that is stored of a person, a thing or a delivery, and record that it was done."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from flows.cli.console import screen
from flows.serving.log_carrier import unlocked
from flows.steps.actor import person
from flows.steps.exclusive_run import LEASE
from flows.workspace import open_lake
from tasks import clock
from tasks.dataset.erasure_subject import PseudonymOf, Subject, subject_of
from tasks.errors import DataError
from tasks.ingest.privacy import pseudonym
from tasks.ingest.task import pseudonym_key
from tasks.lake import Lake, acquire_lease, deliveries, s3_options
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.score import answer_files
from tasks.serving_store import SERVING_FOLDER
from tasks.serving_store.label_files import LABEL_FOLDER
from tasks.serving_store.logged_rows import LOG_FOLDER, without_lines
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.validate.typing.row_ids import row_ids
from tasks.whole_file import write_whole

KEPT = """\
Not erased, because it is not Leeway's, or cannot be changed in place:
- the landing zones: remove the rows there too, before the next delivery brings them back
- files that `leeway review --out` or `leeway docs --out` wrote elsewhere, logs, backups, and old versions in a bucket
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
    with acquire_lease(lake, spec.project, LEASE):
        subject = _subject(lake, spec, asked)
        moment = clock.now()
        request = ErasureRequest(subject, person(), reason, clock.tonight(spec.schedule.time_zone), moment)
        plan = erase(lake, spec, request, answer_files(spec, path.parent, s3_options(os.environ)))
        _remove_pages(where, spec.project)
        open_logs = _erase_logged(where / SERVING_FOLDER / LOG_FOLDER / spec.project, spec, subject)
        _erase_labels(where / SERVING_FOLDER / LABEL_FOLDER / spec.project, spec, subject)
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
    known = deliveries(lake, spec.project).latest()
    named = frozenset(batch.batch_id for batch in known if asked.delivery in {batch.key, batch.batch_id})
    if not named:
        raise DataError(f"{spec.project} has taken in no delivery {asked.delivery!r}; `leeway status` shows the last")
    return Subject(batch_ids=named)


def _pseudonym_of(lake: Lake, spec: ProjectSpec) -> PseudonymOf:
    key = pseudonym_key(lake, spec, is_new=not deliveries(lake, spec.project).revisions)
    return lambda column, text: pseudonym(text, key if isinstance(key, bytes) else key(column))


def _erase_logged(folder: Path, spec: ProjectSpec, subject: Subject) -> int:
    """Remove rows from the prediction log that has not landed yet; return how many files a worker is writing."""
    if subject.labels_only:
        return 0
    writing = 0
    for path in sorted(folder.glob("[!.]*.jsonl")):
        with unlocked(path) as free:
            if not free:
                writing += 1
                continue
            content = path.read_bytes()
            left = without_lines(content, lambda row, row_id: subject.has_row(row, row_id, spec))
            if left != content:
                write_whole(path, left)
    return writing


def _erase_labels(folder: Path, spec: ProjectSpec, subject: Subject) -> None:
    """Remove labels that came over the API and have not landed yet; the files keep their order in time."""
    for path in sorted(folder.glob("[!.]*.jsonl")):
        lines, written = path.read_bytes().splitlines(keepends=True), path.stat().st_mtime_ns
        rows = pd.DataFrame([json.loads(line) for line in lines], dtype=object)
        own = subject.in_rows(rows.assign(row_id=row_ids(rows, spec).names, batch_id=""), spec)
        if own.any():
            write_whole(path, b"".join(line for line, gone in zip(lines, own, strict=True) if not gone))
            os.utime(path, ns=(written, written))


def _remove_pages(where: Path, project: str) -> None:
    """Remove the Data Docs of a project, which show values of rows."""
    shutil.rmtree(where / "docs" / project, ignore_errors=True)
