"""What waits for whom: versions for an answer, batches for a release, nights and rows for a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.lake import Entry
from tasks.render.values import words
from tasks.report.entry_reader import mapping, nights_of
from tasks.spec import ProjectSpec

FINAL = frozenset({"promoted", "rejected"})
LISTED = 20


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that goes on only when somebody acts: what, who, since when, and how to."""

    what: str
    whom: str
    since: date
    how: str


def waits(record: Sequence[Entry], spec: ProjectSpec) -> list[Wait]:
    """Return what waits, the oldest first."""
    found = [*_challenger(record, spec), *_asked(record, spec), *_quarantined(record, spec), *_queued(record, spec)]
    return sorted(found, key=lambda wait: (wait.since, wait.what))


def _challenger(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[Wait]:
    registered = [entry for entry in record if entry.kind == "retraining" and entry.action == "registered"]
    if not registered:
        return
    newest = registered[-1]
    answers = (entry for entry in record if entry.kind == "promotion" and entry.action in FINAL)
    if not any(entry.time > newest.time for entry in answers):
        whom = ", ".join(spec.automation.approvers) or spec.scope.owner
        yield Wait(f"{newest.subject} for approval", whom, newest.night, newest.reason)


def _asked(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[Wait]:
    nights = nights_of(record)
    if nights and nights[-1].action == "ask":
        yield Wait("the last night's question", spec.scope.owner, nights[-1].night, nights[-1].reason)


def _quarantined(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[Wait]:
    """Give the batches whose last word is quarantine: neither released nor delivered anew."""
    held: dict[str, date] = {}
    for entry in record:
        if entry.kind == "release":
            held = {batch: night for batch, night in held.items() if batch.partition(" ")[2] != entry.subject}
        if entry.kind != "night":
            continue
        for batch, verdict in mapping(entry.details.get("batches")).items():
            if verdict == "quarantined":
                held.setdefault(batch, entry.night)
            else:
                held.pop(batch, None)
    for batch, night in list(held.items())[-LISTED:]:
        how = f"`leeway release {spec.project} {batch.partition(' ')[2] or batch}`, or a corrected delivery"
        yield Wait(f"quarantined: {batch}", spec.scope.owner, night, how)
    if len(held) > LISTED:
        oldest = min(held.values())
        yield Wait(f"{len(held) - LISTED} more quarantined batches", spec.scope.owner, oldest, "")


def _queued(record: Sequence[Entry], spec: ProjectSpec) -> Iterator[Wait]:
    """Give what the newest night itself says is waiting, such as rows of the review queue."""
    nights = nights_of(record)
    held = nights[-1].details.get("waiting") if nights else None
    for what, many in mapping(held).items():
        if many:
            yield Wait(f"{what.replace('_', ' ')}: {words(many)}", spec.scope.owner, nights[-1].night, "")
    if held and not mapping(held):
        yield Wait(words(held), spec.scope.owner, nights[-1].night, "")
