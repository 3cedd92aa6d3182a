"""`leeway erase`: remove everything that is stored of a person, a thing or a delivery, and record that it was done."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.backtest.outcomes import REPLAY_FOLDER
from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from flows.cli.commands.project_data.erase_waiting import WaitingRows
from flows.cli.console import screen
from flows.steps.actor import person
from flows.workspace import open_lake
from tasks import clock
from tasks.dataset.erasure_subject import PseudonymOf, Subject, subject_of
from tasks.errors import DataError
from tasks.ingest.privacy import pseudonym
from tasks.ingest.task import pseudonym_key
from tasks.lake import NIGHT_LEASE, Batch, Lake, acquire_lease, deliveries
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.score import answer_destination
from tasks.serving_store import SERVING_FOLDER, ServingStore
from tasks.serving_store.logged_rows import UNREADABLE_FOLDER
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore
from tasks.spec import ProjectSpec, find_project, home, read_spec
from tasks.spec.cells.entity_keys import parts_of
from tasks.upkeep.erasure_record import begun_plan

SHORTEST_WORD = 3  # letters of a part of an id that a reason must not have
KEPT = """\
Not erased, because it is not Leeway's, or cannot be changed in place:
- the landing zones: remove the rows there too, before the next delivery brings them back, and the files that they name
- files that `leeway review --out` or `leeway docs --out` wrote elsewhere, logs, backups, and old versions in a bucket
- tables under a name that the project had before: give it that name again, and erase
- the report in MLflow, which may name a row, until the next night writes it again
- the models: a version keeps names of categories, extremes and counts of its training rows, because its answers and its
  evidence depend on them. To give it up: train again, promote the new version, then delete the old one and its run in
  MLflow (`mlflow gc`); the lake's own copy of it goes once two newer versions have been champion"""


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
    _require_nameless(reason, [*asked.ids, *_words(asked.delivery)])
    spec, where = read_spec(path), home(path)
    lake = open_lake(where)
    in_use = 0

    def erase_waiting(stored_ids: AbstractSet[str]) -> None:
        nonlocal in_use
        in_use = WaitingRows(where / SERVING_FOLDER, spec, subject, stored_ids).erase()

    with acquire_lease(lake, spec.project, NIGHT_LEASE) as lease:
        lake = lake.with_lease(lease.name, lease.token)
        subject = _subject(lake, spec, asked)
        moment = clock.now()
        request = ErasureRequest(subject, person(), reason, clock.tonight(spec.schedule.time_zone), moment)
        plan = erase(lake, spec, request, answer_destination(spec, path.parent, os.environ), erase_waiting)
        _remove_copies(where, spec.project)
    console = screen()
    console.print(f"{spec.project}: {terminal(plan.sentence)}")
    if in_use:
        console.print(
            f"[yellow]note[/]  the prediction service writes to {counted(in_use, 'file')} of its log or its labels: "
            "run the same command again once they have landed, in "
            f"{counted(spec.serving.delivery_minutes, 'minute')} at most"
        )
    unread = where / SERVING_FOLDER / UNREADABLE_FOLDER / spec.project
    if unreadable := len(list(unread.glob("*"))):
        console.print(
            f"[yellow]note[/]  {counted(unreadable, 'file')} of the prediction log cannot be read, and may have rows "
            f"to erase: mend or remove what is in {unread}"
        )
    console.print("Earlier states of its tables cannot be read any more; the next night summarises the rest again.")
    console.print(KEPT, markup=False, highlight=False)


def _subject(lake: Lake, spec: ProjectSpec, asked: Asked) -> Subject:
    if bool(asked.ids) == (asked.delivery is not None):
        raise DataError("expected the ids to erase (--id), or a delivery (--delivery): one of the two")
    if asked.delivery is None:
        if not all(text.strip() for text in asked.ids):
            raise DataError("found an --id without any character; expected an id as the source has it")
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


def _remove_copies(where: Path, project: str) -> None:
    """Remove Data Docs, which show values of rows, kept replays, and the snapshot of feature tables of the service.

    The next snapshot is without what was erased.
    """
    SnapshotStore(ServingStore(where / SERVING_FOLDER, [])).remove(project)
    for folder in ("docs", REPLAY_FOLDER):
        with suppress(FileNotFoundError):
            shutil.rmtree(where / folder / project)


def _words(delivery: str | None) -> list[str]:
    """Return what must not be in a reason of the name of a delivery: itself, and without its ending if it is a name.

    >>> _words("anna-smith.csv"), _words("2026-01-05.csv"), _words(None)
    (['anna-smith.csv', 'anna-smith'], ['2026-01-05.csv'], [])
    """
    if delivery is None:
        return []
    stem = Path(delivery).name.partition(".")[0]
    return [delivery, stem] if re.search(r"[^\W\d_]", stem) else [delivery]


def _require_nameless(reason: str, names: Sequence[str]) -> None:
    """Refuse a reason with a name, or a part of one: it is kept.

    A part is what `|` separates, or a word of letters. Short ones are looked for as words.

    >>> _require_nameless("asked on 2026-01-02", ["01", "Ann Lee|7"])
    >>> _require_nameless("Ms LEE has asked", ["Ann Lee|7"])
    Traceback (most recent call last):
    tasks.errors.DataError: the reason has one of the ids, a part of one, or the name of the delivery, and is kept; ...
    """
    said = reason.casefold()
    for name in (each.strip().casefold() for each in names):
        words = (word for word in re.findall(r"\w+", name) if len(word) >= SHORTEST_WORD and not word.isdigit())
        parts = {name, *(part.strip() for part in parts_of(name)), *words} - {""}
        if any(_has(said, part) for part in parts):
            raise DataError(
                "the reason has one of the ids, a part of one, or the name of the delivery, and is kept; expected a "
                "reason without them, such as a date"
            )


def _has(text: str, part: str) -> bool:
    """Return whether a text has a part of a name; a short one only counts as a word."""
    if len(part) > SHORTEST_WORD:
        return part in text
    return re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text) is not None
